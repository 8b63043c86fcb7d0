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
        let both = try square().withInverted()
        #expect(both.count == 2 && both.labels == [0, 0])
        #expect(both[1].image == both[0].image.inverted())
        #expect(try square().inverted()[0].image == both[1].image)
    }
}

extension Batches {
    fileprivate var indices: Range<Int> { 0..<count }
}
