import Testing

@testable import Tensors

@Suite struct ContentTests {
    @Test func scalarsComeBackInOrder() {
        let tensor = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        #expect(tensor.scalars == [1, 2, 3, 4, 5, 6])
        #expect(tensor.shape == [2, 3])
        #expect(Tensor([1, 2] as [Int32]).int32s == [1, 2])
        #expect(Tensor(bytes: [0, 128, 255]).converted(to: .float32).scalars == [0, 128, 255])
        #expect(Tensor(2.5).item == 2.5)
    }

    @Test func descriptionIsCutInTheMiddle() {
        #expect(Tensor([1, 2, 3, 4], shape: [2, 2]).description == "[[1, 2],\n [3, 4]]  [2, 2] float32")
        #expect(Tensor.range(2000).description.hasPrefix("[   0,    1,    2, …, 1997"))
        #expect(Tensor([0.5, -1.25]).description == "[ 0.5000, -1.2500]  [2] float32")
        #expect(Tensor(3).description == "3  [] float32" && Tensor([true]).description == "[true]  [1] bool")
    }

    @Test func descriptionBreaksItsLinesAsNumPyDoes() {
        #expect(
            Tensor.range(40).reshaped(2, 20).description == """
                [[ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
                 [20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39]]  [2, 20] float32
                """)
        #expect(
            Tensor.linear(0...1, count: 12).description == """
                [0.0000, 0.0909, 0.1818, 0.2727, 0.3636, 0.4545, 0.5455, 0.6364, 0.7273, 0.8182,
                 0.9091, 1.0000]  [12] float32
                """)
        // A cube in planes with an empty line between.
        #expect(
            Tensor.range(8).reshaped(2, 2, 2).description
                == "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]]  [2, 2, 2] float32")
    }

    /// The whole of a data set is not converted for six numbers of it.
    @Test func descriptionLooksOnlyAtWhatItShows() {
        let large = Tensor.zeros([50_000_000])
        let start = ContinuousClock.now
        #expect(large.description == "[0, 0, 0, …, 0, 0, 0]  [50000000] float32")
        // A copy of 400 MB takes 100 ms and more.
        #expect(ContinuousClock.now - start < .milliseconds(50))
    }
}

@Suite struct RandomTests {
    /// The known answers of the authors' Random123 distribution (kat_vectors, philox4x32 10).
    @Test func philoxGivesItsKnownAnswers() {
        #expect(
            RandomGenerator.philox(key: 0, counter: SIMD4(0, 0, 0, 0))
                == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
        #expect(
            RandomGenerator.philox(key: .max, counter: SIMD4(repeating: .max))
                == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
    }

    @Test func streamsDependOnTheNameAlone() {
        var generator = RandomGenerator(seed: 7)
        let before = generator.split("conv1.weight")
        _ = generator.uint32()
        #expect(generator.split("conv1.weight") == before)
        #expect(generator.split("conv2.weight") != before)
        #expect(generator.permutation(100).sorted() == Array(0..<100))
    }

    @Test func drawnTensorsDependOnTheSeedAlone() {
        #expect(Tensor.uniform([5], seed: 3).scalars == Tensor.uniform([5], seed: 3).scalars)
        #expect(Tensor.normal([5], seed: 3).scalars != Tensor.normal([5], seed: 4).scalars)
        let values = Tensor.uniform([10_000], 2...4, seed: 1)
        // The standard error of the mean is 0.006.
        #expect(values.minimum().item >= 2 && values.maximum().item <= 4 && abs(values.mean().item - 3) < 0.03)
        var generator = RandomGenerator(seed: 1)
        for _ in 0..<100 {
            let (wide, single) = (generator.double(), generator.float())
            #expect(wide >= 0 && wide < 1 && single >= 0 && single < 1)
        }
        let (first, second) = (generator.next(), generator.next())
        #expect(first != second && generator.shuffled([1, 2, 3]).sorted() == [1, 2, 3])
    }

    @Test func normalNumbersHaveTheirMeanAndDeviation() {
        let values = Tensor.normal([100_000], mean: 2, deviation: 3, seed: 1).doubles
        let mean = values.reduce(0, +) / 100_000
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 100_000).squareRoot()
        // Standard errors are 0.0095 and 0.0067.
        #expect(abs(mean - 2) < 0.04 && abs(deviation - 3) < 0.03)
    }
}
