import Testing

@testable import Tensors

/// Arrays as plainly as they can be written down: every operation goes through the positions one by one.
private struct Plain {
    let shape: [Int]
    var elements: [Double]

    init(_ shape: [Int], _ elements: [Double]) {
        self.shape = shape
        self.elements = elements
    }

    init(_ tensor: Tensor) { self.init(tensor.shape.sizes, tensor.doubles) }

    /// The positions of all elements, in row-major order.
    static func positions(_ shape: [Int]) -> [[Int]] {
        shape.reduce([[]]) { before, size in before.flatMap { start in (0..<size).map { start + [$0] } } }
    }

    static func place(_ position: [Int], _ shape: [Int]) -> Int {
        zip(position, shape).reduce(0) { $0 * $1.1 + $1.0 }
    }

    /// The place of the element that stands at `position` of what this is broadcast to.
    func broadcastPlace(_ position: [Int]) -> Int {
        Self.place(zip(position.suffix(shape.count), shape).map { $1 == 1 ? 0 : $0 }, shape)
    }
}

/// Sizes of up to four axes, one in ten of them 0.
private func drawShape(_ generator: inout RandomGenerator) -> [Int] {
    (0..<generator.below(5)).map { _ in generator.below(10) == 0 ? 0 : 1 + generator.below(4) }
}

@Suite struct BroadcastingProperties {
    /// Two shapes that fit: some sizes of a common one are 1, some first axes are missing.
    private func drawPair(_ generator: inout RandomGenerator) -> (left: [Int], right: [Int], result: [Int]) {
        let whole = drawShape(&generator)
        func smaller() -> [Int] {
            whole.map { generator.below(3) == 0 ? 1 : $0 }.suffix(generator.below(3) == 0 ? generator.below(5) : 9)
        }
        let (left, right) = (smaller(), smaller())
        let rank = max(left.count, right.count)
        func filled(_ shape: [Int]) -> [Int] { [Int](repeating: 1, count: rank - shape.count) + shape }
        return (left, right, zip(filled(left), filled(right)).map { $0 == 1 ? $1 : $0 })
    }

    @Test func pairsOfElementsAreThoseOfThePositions() {
        var generator = RandomGenerator(seed: 1)
        let functions: [(String, (Tensor, Tensor) -> Tensor, (Double, Double) -> Double)] = [
            ("+", { $0 + $1 }, { $0 + $1 }), ("-", { $0 - $1 }, { $0 - $1 }), ("*", { $0 * $1 }, { $0 * $1 }),
            ("/", { $0 / $1 }, { $0 / $1 }), ("maximum", { maximum($0, $1) }, { Swift.max($0, $1) }),
            ("minimum", { minimum($0, $1) }, { Swift.min($0, $1) }), (".<", { $0 .< $1 }, { $0 < $1 ? 1 : 0 }),
            ("where", { `where`($0 .> 0, $0, $1) }, { $0 > 0 ? $0 : $1 }),
        ]
        for _ in 0..<1000 {
            let (left, right, shape) = drawPair(&generator)
            let (a, b) = (random(Shape(left), generator.below(1 << 30)), random(Shape(right), generator.below(1 << 30)))
            let (name, function, plain) = functions[generator.below(functions.count)]
            let (x, y) = (Plain(a), Plain(b))
            let expected = Plain.positions(shape).map {
                plain(x.elements[x.broadcastPlace($0)], y.elements[y.broadcastPlace($0)])
            }
            for (a, b) in [(a, b), (a.converted(to: .float32), b.converted(to: .float32))] {
                let result = function(a, b)
                #expect(
                    result.shape.sizes == shape && difference(result, Tensor(expected, shape: Shape(shape))) < 1e-4
                        && (a.dtype == .float32 || result.doubles == expected), "\(left) \(name) \(right), \(a.dtype)")
            }
        }
    }

    /// What a stretched element gets is the sum of what reaches its copies.
    @Test func gradientsAreSummedOverTheCopies() {
        var generator = RandomGenerator(seed: 2)
        for _ in 0..<300 {
            let (left, right, shape) = drawPair(&generator)
            let (a, b) = (random(Shape(left), generator.below(1 << 30)), random(Shape(right), generator.below(1 << 30)))
            let weights = random(Shape(shape), generator.below(1 << 30))
            let (_, gradients) = valueAndGradient(at: a, b) { ($0 * $1 * weights).sum() }
            let (x, y, w) = (Plain(a), Plain(b), weights.doubles)
            var (dx, dy) = (x.elements.map { $0 * 0 }, y.elements.map { $0 * 0 })
            for (i, position) in Plain.positions(shape).enumerated() {
                let (from, to) = (x.broadcastPlace(position), y.broadcastPlace(position))
                dx[from] += w[i] * y.elements[to]
                dy[to] += w[i] * x.elements[from]
            }
            // Sums of up to 256 products.
            #expect(difference(gradients.0, Tensor(dx, shape: Shape(left))) < 1e-12, "\(left) * \(right)")
            #expect(difference(gradients.1, Tensor(dy, shape: Shape(right))) < 1e-12, "\(left) * \(right)")
        }
    }
}

@Suite struct SubscriptProperties {
    /// A selection along an axis, and the positions that it means; one position makes the axis disappear.
    private func drawSelection(
        _ size: Int, _ generator: inout RandomGenerator, canList: Bool
    ) -> (selection: any AxisSelection, positions: [Int], disappears: Bool) {
        let low = generator.below(size + 1)
        let high = low + generator.below(size - low + 1)
        /// The same bound counted from the end, sometimes; there is no such form of the end itself.
        func bound(_ value: Int) -> Int { value < size && generator.below(2) == 0 ? value - size : value }
        switch generator.below(canList ? 9 : 8) {
        case 0 where size > 0:
            let position = generator.below(size)
            return (bound(position), [position], true)
        case 1: return (low..<high, Array(low..<high), false)
        case 2 where high > low: return (low...(high - 1), Array(low..<high), false)
        case 3 where low < size: return (bound(low)..., Array(low..<size), false)
        case 4 where high < size: return (..<bound(high), Array(0..<high), false)
        case 5 where high > 0: return (...(high - 1 - size), Array(0..<high), false)
        case 6:
            let step = 1 + generator.below(3)
            return (stride(from: low, to: high, by: step), Array(stride(from: low, to: high, by: step)), false)
        case 7 where size > 0:
            let step = (1 + generator.below(3)) * (generator.below(2) == 0 ? -1 : 1)
            let all = step > 0 ? stride(from: 0, to: size, by: step) : stride(from: size - 1, to: -1, by: step)
            return (AxisPart.every(step), Array(all), false)
        case 8 where size > 0:
            let positions = generator.permutation(size).prefix(1 + generator.below(size))
            return (positions.map(bound), Array(positions), false)
        default: return (AxisPart.all, Array(0..<size), false)
        }
    }

    /// Selections for some axes of a shape, with new axes among them, the result's shape, and the place in the tensor of
    /// each of its elements.
    private func drawSelections(
        _ shape: [Int], _ generator: inout RandomGenerator
    ) -> (parts: [AxisPart], result: [Int], places: [Int]) {
        var (parts, result, chosen, hasList) = ([AxisPart](), [Int](), [[Int]](), false)
        let gap = generator.below(3) == 0 ? generator.below(shape.count + 1)..<shape.count : nil
        for axis in shape.indices {
            // Behind an ellipsis it would stand behind all the axes that the ellipsis is for.
            let isInsideGap = gap.map { $0.contains(axis) && axis > $0.lowerBound } ?? false
            if generator.below(8) == 0, !isInsideGap {
                parts.append(.newAxis)
                result.append(1)
            }
            if let gap, gap.contains(axis) {
                if axis == gap.lowerBound { parts.append(.ellipsis) }
                chosen.append(Array(0..<shape[axis]))
                result.append(shape[axis])
                continue
            }
            let (selection, positions, disappears) = drawSelection(shape[axis], &generator, canList: !hasList)
            if selection is [Int] { hasList = true }
            parts.append(selection.axisPart)
            chosen.append(positions)
            if !disappears { result.append(positions.count) }
        }
        // Row-major order of the chosen positions is that of the result: new axes and lost ones have size 1.
        let places = Plain.positions(chosen.map(\.count)).map { index in
            Plain.place(zip(index, chosen).map { $1[$0] }, shape)
        }
        return (parts, result, places)
    }

    @Test func partsAreTheElementsAtThePositions() {
        var generator = RandomGenerator(seed: 3)
        for _ in 0..<2000 {
            let shape = drawShape(&generator)
            let x = random(Shape(shape), generator.below(1 << 30))
            let (parts, result, places) = drawSelections(shape, &generator)
            let text = "\(shape)[\(parts.map(\.text).joined(separator: ", "))]"
            let expected = places.map { x.doubles[$0] }
            for dtype in [DType.float64, .float32, .bfloat16, .int32, .bool] {
                let typed = x.converted(to: dtype)
                let part = typed.part(parts)
                #expect(part.shape.sizes == result, "\(text)")
                #expect(part.doubles == Tensor(expected).converted(to: dtype).doubles, "\(text), \(dtype)")
            }
            #expect(Tensor(shapeOnly: Shape(shape)).part(parts).shape.sizes == result, "\(text), shapes alone")
            // The way back puts each gradient where its element was.
            let weights = random(Shape(result), generator.below(1 << 30))
            let (_, gradient) = valueAndGradient(at: x) { ($0.part(parts) * weights).sum() }
            var back = [Double](repeating: 0, count: x.elementCount)
            for (place, weight) in zip(places, weights.doubles) { back[place] += weight }
            #expect(gradient.doubles == back, "\(text), gradient")
        }
    }

    @Test func assignmentChangesThePartAndNothingElse() {
        var generator = RandomGenerator(seed: 4)
        for _ in 0..<1000 {
            let shape = drawShape(&generator)
            let x = random(Shape(shape), generator.below(1 << 30))
            let (parts, result, places) = drawSelections(shape, &generator)
            let text = "\(shape)[\(parts.map(\.text).joined(separator: ", "))]"
            let values = random(generator.below(3) == 0 ? [] : Shape(result), generator.below(1 << 30))
            var expected = x.doubles
            for (index, place) in places.enumerated() {
                expected[place] = values.doubles[values.rank == 0 ? 0 : index]
            }
            let before = x.doubles
            var changed = x
            changed.assign(values, at: parts)
            #expect(changed.doubles == expected, "\(text)")
            #expect(x.doubles == before, "\(text): another variable keeps its elements")
        }
    }
}
