import CKernels
import Testing

@testable import Datasets
@testable import Tensors

/// The kernels of augmentation against plain loops, with every set of kernels that this processor has and every remainder.
@Suite struct AugmentationKernelTests {
    private var targets: [(kernels: KernelsTable, name: String)] {
        (0..<8).compactMap { index in
            kernels_table_at(index).map { ($0.pointee, String(cString: $0.pointee.name)) }
        }
    }

    /// What `move` says it does, in double precision and with a look at every border.
    private func moved(
        _ m: KernelsMovement, _ net: [Float], _ source: [UInt8], _ height: Int, _ width: Int
    ) -> [Double] {
        func pixel(_ row: Int, _ column: Int) -> Double {
            (0..<height).contains(row) && (0..<width).contains(column) ? Double(source[row * width + column]) / 255 : 0
        }
        func bend(_ axis: Int, _ row: Double, _ column: Double) -> Double {
            let (y, x) = (4 * row / Double(height), 4 * column / Double(width))
            let (top, left) = (min(3, Int(y)), min(3, Int(x)))
            func corner(_ down: Int, _ right: Int) -> Double {
                Double(net[axis * 25 + (top + down) * 5 + left + right])
            }
            let (down, right) = (y - Double(top), x - Double(left))
            let upper = corner(0, 0) + (corner(0, 1) - corner(0, 0)) * right
            let lower = corner(1, 0) + (corner(1, 1) - corner(1, 0)) * right
            return upper + (lower - upper) * down
        }
        return (0..<height * width).map { index in
            let (row, column) = (Double(index / width), Double(index % width))
            let (dx, dy) = (column - Double(width - 1) / 2, row - Double(height - 1) / 2)
            var x = Double(m.a) * dx + Double(m.b) * dy + Double(m.x) + Double(width - 1) / 2
            var y = Double(m.c) * dx + Double(m.d) * dy + Double(m.y) + Double(height - 1) / 2
            if !net.isEmpty { (x, y) = (x + bend(0, row, column), y + bend(1, row, column)) }
            let (left, top) = (Int(x.rounded(.down)), Int(y.rounded(.down)))
            let (right, down) = (x - Double(left), y - Double(top))
            let upper = pixel(top, left) + (pixel(top, left + 1) - pixel(top, left)) * right
            let lower = pixel(top + 1, left) + (pixel(top + 1, left + 1) - pixel(top + 1, left)) * right
            return upper + (lower - upper) * down
        }
    }

    @Test(arguments: Array(1...18) + [28, 32, 33], [false, true])
    func imagesAreMovedAsPlainLoopsDo(width: Int, isBent: Bool) {
        let height = width % 7 + 3
        var generator = RandomGenerator(seed: width)
        let channels = 1 + width % 3
        let source = (0..<channels * height * width).map { _ in UInt8(generator.below(256)) }
        let net = isBent ? (0..<50).map { _ in generator.float() * 3 - 1.5 } : []
        let maps: [[Float]] = [[1, 0, 0, 1], [0.9, -0.3, 0.3, 0.9], [-1, 0, 0, 1], [0, -2.5, 0.4, 0]]
        for map in maps {
            for (kernels, name) in targets {
                let room = Movement.scratchSize(channels: channels, height: height, width: width)
                var scratch = [Float](repeating: .nan, count: room)
                var target = [Float](repeating: -1, count: source.count + 16)
                net.withUnsafeBufferPointer { corners in
                    var movement = KernelsMovement(
                        a: map[0], b: map[1], c: map[2], d: map[3], x: 0.3, y: -0.7,
                        net: isBent ? corners.baseAddress : nil)
                    kernels.move(&movement, source, Int64(channels), Int64(height), Int64(width), &scratch, &target)
                }
                #expect(target[source.count...].allSatisfy { $0 == -1 }, "\(name) writes behind the image")
                let plain = KernelsMovement(
                    a: map[0], b: map[1], c: map[2], d: map[3], x: 0.3, y: -0.7, net: nil)
                for channel in 0..<channels {
                    let area = height * width
                    let part = channel * area..<(channel + 1) * area
                    let exact = moved(plain, net, Array(source[part]), height, width)
                    let differences: [Double] = zip(exact, target[part]).map { abs($0 - Double($1)) }
                    let worst = differences.max() ?? 0
                    // A place up to 40 pixels from the centre is rounded by 40 · 2⁻²³, a few times over, and between black
                    // and white a value changes by as much.
                    #expect(worst < 40 * 0x1p-23 * 8, "\(name): \(worst)")
                }
            }
        }
    }

    @Test func placesThatAreNoNumbersOrFarAwayAreBlack() {
        let source = [UInt8](repeating: 255, count: 30)
        for x in [Float.nan, .infinity, -.infinity, 1e30, -1e30] {
            for (kernels, name) in targets {
                var movement = KernelsMovement(a: 1, b: 0, c: 0, d: 1, x: x, y: 0, net: nil)
                var target = [Float](repeating: -1, count: 30)
                var scratch = [Float](repeating: 0, count: Movement.scratchSize(channels: 1, height: 5, width: 6))
                kernels.move(&movement, source, 1, 5, 6, &scratch, &target)
                #expect(target.allSatisfy { $0 == 0 }, "\(name), \(x)")
            }
        }
    }

    @Test(arguments: [1, 3, 4, 15, 16, 17, 31, 48, 50])
    func coloursAreMixedAndShadedAsPlainLoopsDo(area: Int) {
        var generator = RandomGenerator(seed: area)
        let values = (0..<3 * area).map { _ in generator.float() }
        let matrix = (0..<9).map { _ in generator.float() * 2 - 0.7 }
        for (kernels, name) in targets {
            var mixed = values + [-1]
            kernels.mixColors(matrix, Int64(area), &mixed)
            var shaded = values + [-1]
            kernels.shade(1.5, -0.25, Int64(3 * area), &shaded)
            for pixel in 0..<area {
                for row in 0..<3 {
                    let sum = (0..<3).reduce(0.0) {
                        $0 + Double(matrix[3 * row + $1]) * Double(values[$1 * area + pixel])
                    }
                    // Three products and two sums of up to 4.
                    #expect(abs(Double(mixed[row * area + pixel]) - min(1, max(0, sum))) < 16 * 0x1p-24, "\(name)")
                }
            }
            for (value, result) in zip(values, shaded) {
                #expect(abs(result - min(1, max(0, value * 1.5 - 0.25))) < 4 * 0x1p-24, "\(name)")
            }
            #expect(mixed.last == -1 && shaded.last == -1, "\(name) writes behind the image")
        }
    }

    @Test(arguments: [1, 5, 16, 159, 160, 161, 784])
    func noiseIsPhiloxesAndTheSameForEveryTarget(count: Int) {
        let table = (0..<4_096).map { Float($0) / 4_096 }
        let key: UInt64 = 0x0123_4567_89AB_CDEF
        for (kernels, name) in targets {
            var values = [Float](repeating: 0, count: count) + [-1]
            kernels.addNoise(key, 1, table, Int64(count), &values)
            for place in 0..<count {
                let (draw, counter) = (place % 160 / 16, place / 160 * 16 + place % 16)
                let words = RandomGenerator.philox(key: key, counter: SIMD4(UInt32(counter), 0, 0, 0))
                let half =
                    draw < 5 ? UInt64(words[0]) | UInt64(words[1]) << 32 : UInt64(words[2]) | UInt64(words[3]) << 32
                #expect(values[place] == table[Int(half >> UInt64(12 * (draw % 5)) & 4_095)], "\(name), value \(place)")
            }
            #expect(values.last == -1, "\(name) writes behind the values")
        }
    }
}
