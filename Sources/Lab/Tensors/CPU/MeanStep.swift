extension ParameterStorage {
    /// mean += share · (value - mean), in place: one step of a running mean.
    package static func meanStep(_ steps: [(mean: ParameterStorage, value: ParameterStorage)], share: Double) {
        settle()
        for step in steps where step.mean.isOnGPU {
            let mean = step.mean.live
            step.mean.write(mean + (step.value.live - mean) * share)
        }
        let steps = steps.filter { !$0.mean.isOnGPU }
        let pieces = pieces(of: steps.map(\.mean))
        let share = Float(share)
        parallel(pieces.count) { number in
            let piece = pieces[number]
            let step = steps[piece.index]
            let mean = step.mean.values.baseAddress! + piece.start
            let value = step.value.values.baseAddress! + piece.start
            for i in 0..<piece.count { mean[i] += share * (value[i] - mean[i]) }
        }
    }
}
