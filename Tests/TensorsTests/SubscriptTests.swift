import Testing

@testable import Tensors

@Suite struct SubscriptTests {
    private let x = Tensor.range(24).reshaped(2, 3, 4)

    @Test func everyFormChoosesWhatNumPyWould() {
        #expect(x[1, 2, 3].item == 23 && x[-1, -1, -1].item == 23 && x[1, 2, 3].shape == [])
        #expect(x[0, 1].scalars == [4, 5, 6, 7])
        #expect(x[.all, 1, 0].scalars == [4, 16])
        #expect(x[..., 0].scalars == [0, 4, 8, 12, 16, 20] && x[..., 0].shape == [2, 3])
        #expect(x[0..<2, 1, stride(from: 0, to: 4, by: 2)].scalars == [4, 6, 16, 18])
        #expect(x[1, ..<(-1), (-2)...].scalars == [14, 15, 18, 19])
        #expect(x[0, 0, .every(-1)].scalars == [3, 2, 1, 0])
        #expect(x[0, 0, .every(2, from: 1)].scalars == [1, 3])
        #expect(x[0, [2, 0], 1...2].scalars == [9, 10, 1, 2])
        #expect(x[.newAxis, 0, .ellipsis, .newAxis].shape == [1, 3, 4, 1])
        #expect(x[...].scalars == x.scalars)
        let numbers = Tensor.range(5)
        #expect(numbers[numbers .> 2].scalars == [3, 4])
        #expect(numbers[Tensor([4, 0] as [Int32])].scalars == [4, 0])
        // A mask over the first axis chooses rows: the images of one class.
        let rows = x[Tensor([false, true])]
        #expect(rows.shape == [1, 3, 4] && rows.scalars[0] == 12)
    }

    @Test func assigningChangesOneVariable() {
        var a = x
        let b = a
        a[0, 1..<3] = Tensor([7, 8, 9, 10])
        #expect(a[0].scalars == [0, 1, 2, 3, 7, 8, 9, 10, 7, 8, 9, 10] && a[1].scalars == b[1].scalars)
        #expect(b.scalars == x.scalars)
        a[a .> 9] = Tensor(0)
        #expect(a.maximum().item == 9)
        a[..., 0] += 100
        #expect(a[..., 0].scalars == [100, 107, 107, 100, 100, 100])
        a[Tensor([1] as [Int32])] = Tensor.ones([4])
        #expect(a[1].sum().item == 12)
        var whole = Tensor([1, 2, 3] as [Int32])
        whole[0] = Tensor(7.9)
        #expect(whole.int32s == [7, 2, 3], "a value takes the tensor's type")
    }

    /// What nobody else looks at is changed where it lies.
    @Test func assigningCopiesOnlyWhatIsShared() {
        var a = Tensor.zeros([1000])
        let address = a.buffer.address
        for index in 0..<1000 { a[index] = Tensor(1) }
        #expect(a.buffer.address == address && a.sum().item == 1000)
        let shared = a.reshaped(10, 100)
        a[0] = Tensor(5)
        #expect(a.buffer.address != address && shared[0, 0].item == 1)
        // A parameter's memory is the model's.
        let storage = ParameterStorage.allocate([[2]])[0]
        var live = storage.live
        live[0] = Tensor(3)
        #expect(storage.copy.scalars == [0, 0] && live.scalars == [3, 0])
    }

    @Test func gradientsFlowThroughWhatWasAssigned() {
        let (value, gradients) = valueAndGradient(at: Tensor.ones([3]), Tensor([2])) { a, b in
            var c = a * 3
            c[1] = b[0] * b[0]
            return (c * Tensor([1, 10, 100])).sum()
        }
        #expect(value.item == 3 + 40 + 300)
        #expect(gradients.0.scalars == [3, 0, 300] && gradients.1.scalars == [40])
    }
}
