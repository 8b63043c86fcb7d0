import Glibc
import Pictures
import Tensors
import Testing

@testable import Datasets

@Suite struct AugmentationTests {
    /// One image of 8 × 8: a bright square of 2 × 2, left of the centre.
    private func square() throws -> Dataset {
        var pixels = [UInt8](repeating: 0, count: 64)
        for place in [3 * 8 + 1, 3 * 8 + 2, 4 * 8 + 1, 4 * 8 + 2] { pixels[place] = 255 }
        return try Dataset("square", pixels: pixels, shape: [1, 8, 8], labels: [0], classNames: ["a"])
    }

    private func values(_ augmentation: Augmentation, seed: Int = 1, epoch: Int = 0) throws -> [Float] {
        try square().augmented(augmentation).augmentedValues(at: [0], seed: seed, epoch: epoch)
    }

    @Test(arguments: [
        Augmentation.rotate(30), .shift(2), .scale(0.3), .shear(20), .elastic(1.5), .crop(padding: 2),
        .flipHorizontally(probability: 1), .noise(0.1), .contrast(0.5), .brightness(0.3), .invert(probability: 1),
        .erase(probability: 1),
    ])
    func eachChangesTheImageAndStaysFromBlackToWhite(augmentation: Augmentation) throws {
        let original = try square().augmentedValues(at: [0], seed: 1, epoch: 0)
        // One epoch may draw no change at all (a shift of nought); five do not.
        let epochs = try (0..<5).map { try values(augmentation, epoch: $0) }
        #expect(epochs.contains { $0 != original })
        #expect(epochs.joined().allSatisfy { $0 >= 0 && $0 <= 1 })
    }

    @Test(arguments: [
        (Augmentation.rotate(.nan), "rotate is nan; choose 0 to 360 (degrees)"),
        (.noise(-1), "noise is -1; choose 0 to 10 (from black to white)"),
        (.crop(padding: 500), "crop is 500; choose 0 to 8 (pixels of padding)"),
        (.invert(probability: 7), "invert is 7; choose 0 to 1 (probability)"),
    ])
    func whatCannotBeDoneIsSaid(augmentation: Augmentation, sentence: String) {
        #expect(augmentation.problem(height: 6, width: 8) == sentence)
    }

    @Test func whatCanBeDoneIsNoProblem() {
        #expect(
            Augmentation.quarterTurns.problem(height: 6, width: 8) == "images of 6 × 8 pixels have no quarter turns")
        #expect(Augmentation.quarterTurns.problem(height: 8, width: 8) == nil)
        #expect(Augmentation.flipVertically(probability: 1).problem(height: 6, width: 8) == nil)
    }

    @Test func noiseHasItsDeviationAndNoMean() throws {
        let data = try Dataset(
            "grey", pixels: [UInt8](repeating: 128, count: 64 * 64), shape: [1, 64, 64], labels: [0], classNames: ["a"]
        ).augmented(.noise(0.05))
        let noise = data.augmentedValues(at: [0], seed: 3, epoch: 0).map { Double($0) - 128 / 255 }
        let mean = noise.reduce(0, +) / 4_096
        let deviation = (noise.reduce(0) { $0 + $1 * $1 } / 4_096).squareRoot()
        // Of 4,096 draws the mean is 0.05 / 64 = 0.0008 off, the deviation 0.05 / √8,192 = 0.0006: four times that.
        #expect(abs(mean) < 0.0032 && abs(deviation - 0.05) < 0.0024)
        // Of normal draws 4.6 % are more than two deviations off, here 186 ± 13.
        #expect(abs(noise.count { abs($0) > 0.1 } - 186) < 54)
    }

    @Test func aHueTurnedByAThirdMakesRedGreen() throws {
        let data = try Dataset(
            "red", pixels: [255, 0, 0], shape: [3, 1, 1], labels: [0], classNames: ["a"]
        ).augmented(.hue(180))
        // Turned by any angle around the grey axis the sum stays, until a value leaves 0 to 1; red, green and blue all come.
        let seen = (0..<40).map { data.augmentedValues(at: [0], seed: 1, epoch: $0) }
        for channel in 0..<3 { #expect(seen.contains { $0[channel] > 0.8 }) }
    }

    @Test func severalChannelsAreMovedAlike() throws {
        let plane = try square().pixels
        let data = try Dataset(
            "color", pixels: plane + plane + plane, shape: [3, 8, 8], labels: [0], classNames: ["a"]
        ).augmented(.rotate(30), .elastic(1), .shift(1))
        let values = data.augmentedValues(at: [0], seed: 1, epoch: 0)
        #expect(Array(values[0..<64]) == Array(values[64..<128]) && Array(values[0..<64]) == Array(values[128...]))
    }

    @Test func aComparisonHasARowForEachChangeWithItsName() throws {
        let grid = try square().compare(.rotate(20), .invert(probability: 1), count: 1)
        #expect(grid.rowNames == ["as it is", "rotate ±20°", "invert"])
        #expect(grid.items[2].image == grid.items[0].image.inverted())
        #expect(Augmentation.flipHorizontally().description == "flip left–right, 50 % of the time")
    }

    @Test func whatIsDrawnDependsOnSeedEpochAndImageAlone() throws {
        let one = try values(.rotate(30), seed: 4, epoch: 2)
        #expect(one == (try values(.rotate(30), seed: 4, epoch: 2)))
        #expect(one != (try values(.rotate(30), seed: 4, epoch: 3)))
        #expect(one != (try values(.rotate(30), seed: 5, epoch: 2)))
    }

    @Test func aFlipIsExact() throws {
        let flipped = try values(.flipHorizontally(probability: 1))
        let lit = flipped.indices.filter { flipped[$0] == 1 }
        // Columns 1 and 2 of 8 become 6 and 5.
        #expect(lit == [3 * 8 + 5, 3 * 8 + 6, 4 * 8 + 5, 4 * 8 + 6])
    }

    @Test func quarterTurnsAreExactAndAllFourCome() throws {
        let turns = try Set((0..<40).map { try values(.quarterTurns, epoch: $0) })
        #expect(turns.count == 4)
        #expect(turns.allSatisfy { $0.reduce(0, +) == 4 })
    }

    @Test func aTurnKeepsTheInkOfWhatStaysInside() throws {
        for epoch in 0..<10 {
            // Bilinear resampling of a turn keeps the sum of a shape well inside, but for rounding of its edges.
            #expect(abs(try values(.rotate(20), epoch: epoch).reduce(0, +) - 4) < 0.5)
        }
    }

    @Test func hueAndSaturationLeaveGreyAlone() throws {
        let data = try Dataset(
            "color", pixels: [100, 200, 100, 50, 100, 20], shape: [3, 1, 2], labels: [0], classNames: ["a"])
        for augmentation in [Augmentation.hue(90), .saturation(0.5)] {
            let values = data.augmented(augmentation).augmentedValues(at: [0], seed: 1, epoch: 0)
            // The first pixel is grey, the second is not.
            #expect([values[0], values[2], values[4]].allSatisfy { abs($0 - 100 / 255) < 1e-5 })
            #expect(abs(values[1] - 200 / 255) > 1e-3)
        }
    }

    @Test func batchesOfTrainingAreAugmentedAndOthersAreNot() throws {
        let data = try square().augmented(.invert(probability: 1))
        #expect(data.batches(of: 1)[0].images.scalars == (try square()).images.scalars)
        let inverse = data.batches(of: 1, shuffledBy: 1, epoch: 0)[0].images.scalars
        #expect(zip(inverse, try square().images.scalars).allSatisfy { abs($0 + $1 - 1) < 1e-6 })
    }

    @Test func batchesMadeAheadAreTheSameAsThoseMadeOneByOne() throws {
        let data = try Dataset(
            "many", pixels: (0..<50 * 64).map { UInt8($0 % 256) }, shape: [1, 8, 8],
            labels: [Int](repeating: 0, count: 50), classNames: ["a"]
        ).augmented(.rotate(20), .noise(0.1))
        let batches = data.batches(of: 8, shuffledBy: 3, epoch: 1)
        let ahead = batches.map { $0.images.scalars }
        #expect(ahead.count == 7)
        #expect(ahead == batches.indices.map { batches[$0].images.scalars })
        #expect(batches.iterator(from: 5).map { $0.images.scalars } == Array(ahead[5...]))
    }

    @Test func invertedCopiesDoubleTheImages() throws {
        let both = try square().normalized().augmented(.rotate(5)).withInverted()
        #expect(both.count == 2 && both.labels == [0, 0])
        #expect(both.normalization == (try square()).normalized().normalization && both.augmentations == [.rotate(5)])
        #expect(both[1].image == both[0].image.inverted())
        #expect(try square().inverted()[0].image == both[1].image)
    }
}

/// How far each change goes, over many draws: never beyond what is said, and nearly as far.
@Suite struct AugmentationRangeTests {
    private func movements(_ augmentation: Augmentation, count: Int = 400) -> [Movement] {
        var generator = RandomGenerator(seed: 1)
        return (0..<count).map { _ in Movement([augmentation], using: &generator) }
    }

    /// Whether the largest amount is at most `bound`, but for a rounding, and more than 95 % of it: of 400 uniform draws the
    /// largest is below that once in a billion times.
    private func reaches(_ amounts: [Double], _ bound: Double) -> Bool {
        let largest = amounts.map(abs).max() ?? 0
        return largest <= bound * (1 + 1e-6) && largest > 0.95 * bound
    }

    @Test func movementsGoAsFarAsIsSaid() {
        #expect(reaches(movements(.rotate(30)).map { atan2(Double($0.c), Double($0.a)) * 180 / .pi }, 30))
        #expect(reaches(movements(.shear(20)).map { atan(Double($0.b)) * 180 / .pi }, 20))
        #expect(reaches(movements(.shift(2)).map { Double($0.x) }, 2))
        #expect(reaches(movements(.shift(2)).map { Double($0.y) }, 2))
        // From 1 / 1.5 to 1.5 times; a step in the source is the inverse of the factor.
        let factors = movements(.scale(0.5)).map { Double($0.a) }
        #expect(reaches(factors.filter { $0 > 1 }.map { $0 - 1 }, 0.5))
        #expect(reaches(factors.filter { $0 < 1 }.map { 1 / $0 - 1 }, 0.5))
        #expect(Set(movements(.crop(padding: 2)).map(\.x)) == [-2, -1, 0, 1, 2])
        #expect(reaches(movements(.elastic(1.5)).flatMap { $0.net.map(Double.init) }, 1.5))
    }

    @Test func theNetsSecondHalfMovesAlongY() {
        var generator = RandomGenerator(seed: 1)
        var movement = Movement([.elastic(1)], using: &generator)
        movement.net = [Float](repeating: 0, count: 25) + [Float](repeating: 1, count: 25)
        // Rows of one value each; every pixel comes from the row below it, the last one from outside.
        let image = (0..<16).map { UInt8($0 / 4 * 51) }
        var moved = [Float](repeating: -1, count: 16)
        let room = Movement.scratchSize(channels: 1, height: 4, width: 4)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: room) { scratch in
            movement.apply(image, to: &moved, channels: 1, height: 4, width: 4, scratch: scratch.baseAddress!)
        }
        let rows: [Float] = [0.2, 0.4, 0.6, 0]
        let expected = rows.flatMap { [Float](repeating: $0, count: 4) }
        #expect(zip(moved, expected).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    /// The values of an image after each of many draws.
    private func draws(_ pixels: [UInt8], _ shape: Shape, _ augmentation: Augmentation) throws -> [[Double]] {
        let data = try Dataset("made", pixels: pixels, shape: shape, labels: [0], classNames: ["a"])
            .augmented(augmentation)
        return (0..<400).map { data.augmentedValues(at: [0], seed: 1, epoch: $0).map(Double.init) }
    }

    @Test func colorsGoAsFarAsIsSaid() throws {
        // Two greys around 0.4, so far from black and white that nothing is cut off.
        let greys: [UInt8] = [92, 112]
        let mean = 102.0 / 255
        let brighter = try draws(greys, [1, 1, 2], .brightness(0.2))
        #expect(reaches(brighter.map { $0[0] - 92 / 255 }, 0.2))
        let contrasts = try draws(greys, [1, 1, 2], .contrast(0.5))
        #expect(contrasts.allSatisfy { abs(($0[0] + $0[1]) / 2 - mean) < 1e-6 }, "around their mean")
        let factors = contrasts.map { ($0[1] - $0[0]) / (20.0 / 255) }
        #expect(reaches(factors.filter { $0 > 1 }.map { $0 - 1 }, 0.5))
        #expect(reaches(factors.filter { $0 < 1 }.map { 1 / $0 - 1 }, 0.5))
    }

    @Test func saturationLeavesTheGreyOfAColor() throws {
        let color: [UInt8] = [120, 90, 60]
        func grey(_ values: [Double]) -> Double { 0.299 * values[0] + 0.587 * values[1] + 0.114 * values[2] }
        let saturated = try draws(color, [3, 1, 1], .saturation(0.5))
        #expect(saturated.allSatisfy { abs(grey($0) - grey(color.map { Double($0) / 255 })) < 1e-6 })
        // The distance of red from blue grows and shrinks by up to a half.
        #expect(reaches(saturated.map { ($0[0] - $0[2]) / (60.0 / 255) - 1 }, 0.5))
    }

    @Test func aFiftiethToAFifthOfAnImageIsErased() throws {
        let white = [UInt8](repeating: 255, count: 100 * 100)
        let shares = try draws(white, [1, 100, 100], .erase(probability: 1)).map { values in
            Double(values.count { $0 != 1 }) / 10_000
        }
        // Sides are whole numbers: of the smallest rectangle, 8 × 25 pixels, one is off by up to 6 %.
        #expect(shares.allSatisfy { $0 > 0.02 * 0.9 && $0 < 0.2 * 1.1 })
        #expect(shares.min()! < 0.025 && shares.max()! > 0.19)
    }
}

extension Batches {
    fileprivate var indices: Range<Int> { 0..<count }
}
