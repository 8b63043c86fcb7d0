extension ParameterStorage {
    /// mean += share · (value - mean), in place: one step of a running mean.
    package static func meanStep(_ steps: [(mean: ParameterStorage, value: ParameterStorage)], share: Double) {
        settle()
        for step in steps where step.mean.isOnGPU {
            let mean = step.mean.live
            step.mean.write(mean + (step.value.live - mean) * share)
        }
        let steps = steps.filter { !$0.mean.isOnGPU }
        // Pieces of 16,384 values, so that threads share large and small parameters evenly.
        var pieces: [(step: Int, start: Int)] = []
        for (index, step) in steps.enumerated() {
            for start in stride(from: 0, to: step.mean.shape.elementCount, by: 16384) { pieces.append((index, start)) }
        }
        let share = Float(share)
        parallel(pieces.count) { number in
            let piece = pieces[number]
            let step = steps[piece.step]
            let count = min(16384, step.mean.shape.elementCount - piece.start)
            let mean = step.mean.values.baseAddress! + piece.start
            let value = step.value.values.baseAddress! + piece.start
            for i in 0..<count { mean[i] += share * (value[i] - mean[i]) }
        }
    }
}
