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

    @Test func normalNumbersHaveTheirMeanAndDeviation() {
        let values = Tensor.normal([100_000], mean: 2, deviation: 3, seed: 1).doubles
        let mean = values.reduce(0, +) / 100_000
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 100_000).squareRoot()
        // Standard errors are 0.0095 and 0.0067.
        #expect(abs(mean - 2) < 0.04 && abs(deviation - 3) < 0.03)
    }
}
