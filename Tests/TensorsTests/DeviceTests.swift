import Testing

@testable import Tensors

/// What is true of tensors on a GPU besides the numbers: the simulated one in `make test`, see TestedDevice.
@Suite(.enabled(if: testedDevice.isGPU)) struct DeviceTests {
    @Test func elementsComeBackAsTheyWere() {
        for tensor in [
            Tensor([1.5, -2, .infinity]), Tensor([1e300, -2] as [Double]), Tensor([7, -8] as [Int32]),
            Tensor(bytes: [0, 255]), Tensor([true, false]), Tensor([1, 2.5]).converted(to: .bfloat16),
            Tensor.zeros([0, 3]),
        ] {
            let moved = tensor.to(testedDevice)
            #expect(moved.device == testedDevice && moved.dtype == tensor.dtype && moved.shape == tensor.shape)
            #expect(moved.doubles == tensor.doubles)
            #expect(moved.to(.cpu).device == .cpu && moved.to(.cpu).doubles == tensor.doubles)
            #expect(moved.description == tensor.description)
        }
        let x = Tensor([3, 4]).to(testedDevice)
        #expect(x.sum().item == 7 && x.to(testedDevice).int32s == [3, 4])
    }

    @Test func whatLiesOnTheProcessorIsCopiedAlong() {
        let x = Tensor([1, 2, 3]).to(testedDevice)
        let y = Tensor([10, 20, 30])
        #expect((x + y).scalars == [11, 22, 33] && (y + x).device == testedDevice)
        #expect((2 * x - 1).scalars == [1, 3, 5])
        // Each gradient arrives where its tensor lies.
        let (_, gradients) = valueAndGradient(at: x, y) { ($0 * $1).sum() }
        #expect(gradients.0.device == testedDevice && gradients.0.scalars == [10, 20, 30])
        #expect(gradients.1.device == .cpu && gradients.1.scalars == [1, 2, 3])
        let (_, slope) = valueAndGradient(at: y) { $0.to(testedDevice).squared().sum() }
        #expect(slope.device == .cpu && slope.scalars == [20, 40, 60])
    }

    @Test func newTensorsAreMadeWhereTheClosureSays() {
        let usual = Device.default
        testedDevice.run {
            #expect(Device.default == testedDevice)
            for made in [
                Tensor([1, 2]), .zeros([2]), .full([2], 3), .range(4), .identity(2), .uniform([5], seed: 1),
                .normal([5], seed: 1), Tensor([[1, 2], [3, 4]]), Tensor(5),
            ] {
                #expect(made.device == testedDevice)
            }
            #expect(Device.cpu.run { Tensor([1]).device } == .cpu)
            // What lies on the processor is computed there.
            let x = Device.cpu.run { Tensor.normal([2, 3, 8, 8], seed: 1) }
            let w = Device.cpu.run { Tensor.normal([4, 3, 3, 3], seed: 2) }
            let (_, gradients) = valueAndGradient(at: x, w) { conv2D($0, weight: $1, padding: 1).sum() }
            #expect(gradients.0.device == .cpu && gradients.1.device == .cpu)
        }
        #expect(Device.default == usual && Tensor([1]).device == usual)
    }

    @Test func bothDevicesDrawTheSameNumbers() {
        func drawn(_ device: Device) -> (uniform: [Float], normal: [Double], after: UInt32) {
            device.run {
                var generator = RandomGenerator(seed: 5)
                _ = generator.uint32()
                let first = Tensor.uniform([301], -1...2, using: &generator).scalars
                return (first, Tensor.normal([7], using: &generator).doubles, generator.uint32())
            }
        }
        let (here, there) = (drawn(.cpu), drawn(testedDevice))
        #expect(here.uniform == there.uniform && here.after == there.after)
        // A card's own cosine may differ in the last bit of a double, and so a float's, now and then.
        #expect(zip(here.normal, there.normal).allSatisfy { abs($0 - $1) <= 0x1p-22 * abs($0) })
    }

    @Test func assigningChangesOneVariableAlone() {
        var x = Tensor.range(6).reshaped(2, 3).to(testedDevice)
        let before = x
        x[0, 1...] = Tensor([10, 20])
        x[[1, 0]] = x
        #expect(x.scalars == [3, 4, 5, 0, 10, 20] && before.scalars == [0, 1, 2, 3, 4, 5])
        var image = Tensor(bytes: [1, 2, 3, 4]).to(testedDevice)
        image[image .> 2] = Tensor(bytes: [9])
        #expect(image.bytes == [1, 2, 9, 9])
    }

    @Test func longAxesAreReducedInPieces() {
        let x = Tensor.normal([3, 70_000], seed: 2)
        let moved = x.to(testedDevice)
        let scale = x.magnitude().sum(axis: 1).maximum().item
        #expect(difference(moved.sum(axis: 1), x.sum(axis: 1)) < Double(scale) * 0x1p-23)
        #expect(difference(moved.transposed().sum(axis: 0), x.sum(axis: 1)) < Double(scale) * 0x1p-23)
        #expect(moved.maximum().item == x.maximum().item && moved.transposed().minimum().item == x.minimum().item)
        #expect(moved.sliced(axis: 1, 0..<3000).argsort().int32s == x.sliced(axis: 1, 0..<3000).argsort().int32s)
        #expect(difference(softmax(moved), softmax(x)) < 1e-6)
        #expect(difference(softmax(moved.transposed(), axis: 0), softmax(x.transposed(), axis: 0)) < 1e-6)
        #expect(moved.argmax().int32s == x.argmax().int32s)
        #expect(moved.transposed().argmin(axis: 0).int32s == x.argmin().int32s)
    }

    /// The largest difference, as a share of `scale`: of the magnitudes of a product's terms, added up.
    private func apart(_ a: Tensor, _ b: Tensor, of scale: Tensor) -> Double {
        zip(zip(a.to(.cpu).doubles, b.doubles), scale.doubles).reduce(0) { max($0, abs($1.0.0 - $1.0.1) / $1.1) }
    }

    /// The factors are rounded to 11 and to 8 bits: each by at most half of the last one, two of them by twice that.
    @Test(arguments: [(ProductPrecision.tf32, 0x1p-11), (.bfloat16, 0x1p-8)])
    func tensorCoresRoundTheFactorsAndNothingElse(precision: ProductPrecision, rounding: Double) {
        func holds(_ there: Tensor, _ here: Tensor, of scale: Tensor, _ what: String) {
            let error = apart(there, here, of: scale)
            // Were nothing rounded, the error would be that of float32: about 1e-7 of the terms.
            #expect(error <= 2.01 * rounding && error > rounding / 100, "\(what), \(precision): \(error)")
        }
        let (a, b) = (Tensor.normal([3, 17, 40], seed: 1), Tensor.normal([3, 40, 9], seed: 2))
        let scale = matmul(a.magnitude(), b.magnitude())
        let (c, d) = (a.to(testedDevice), b.to(testedDevice))
        holds(precision.run { matmul(c, d) }, matmul(a, b), of: scale, "matmul")
        #expect(apart(matmul(c, d), matmul(a, b), of: scale) < 1e-6, "and exactly again afterwards")
        for (channels, filters, groups, stride, padding, dilation) in [
            (3, 5, 1, 1, 2, 1), (4, 6, 2, 2, 1, 1), (2, 4, 1, 1, 0, 2),
        ] {
            let x = Tensor.normal([4, channels, 11, 9], seed: 3)
            let w = Tensor.normal([filters, channels / groups, 3, 3], seed: 4)
            let offsets = Tensor.normal([filters], seed: 5)
            func convolved(_ x: Tensor, _ w: Tensor, _ offsets: Tensor?) -> Tensor {
                conv2D(
                    x, weight: w, bias: offsets, stride: stride, padding: padding, dilation: dilation, groups: groups)
            }
            let y = convolved(x, w, offsets)
            let slope = Tensor.normal(y.shape, seed: 6)
            func gradients(_ x: Tensor, _ w: Tensor, _ slope: Tensor) -> (Tensor, Tensor) {
                valueAndGradient(at: x, w) { (convolved($0, $1, nil) * slope).sum() }.1
            }
            let (dx, dw) = gradients(x, w, slope)
            let (scaleX, scaleW) = gradients(x.magnitude(), w.magnitude(), slope.magnitude())
            let moved = [x, w, offsets, slope].map { $0.to(testedDevice) }
            let what = "\(channels) channels, \(filters) filters, \(groups) groups"
            holds(
                precision.run { convolved(moved[0], moved[1], moved[2]) }, y,
                of: convolved(x.magnitude(), w.magnitude(), offsets.magnitude()), what)
            holds(
                precision.run { relu(convolved(moved[0], moved[1], moved[2])) }, relu(y),
                of: convolved(x.magnitude(), w.magnitude(), offsets.magnitude()), "relu of \(what)")
            let there = precision.run { gradients(moved[0], moved[1], moved[3]) }
            // A pixel at the border that no filter reaches has the gradient 0, and nothing to be a share of.
            holds(there.0, dx, of: scaleX + 1e-9, "gradient of images, \(what)")
            holds(there.1, dw, of: scaleW, "gradient of filters, \(what)")
        }
        // The processor has no tensor cores and multiplies exactly.
        #expect(precision.run { matmul(a, b) }.scalars == matmul(a, b).scalars)
    }

    @Test func labelsThatAreNoClassAreToldWhereSomebodyReads() {
        // The sentence itself: what ends the cell is in MistakeTests' manner, a process of its own.
        let gpu = GPU.at(0)
        let logits = Tensor.zeros([3, 4]).to(testedDevice)
        let labels = Tensor([1, 9, 2] as [Int32]).to(testedDevice)
        _ = crossEntropy(logits, labels)
        #expect((try? gpu.complaints.take()) == "crossEntropy: the label 9 is not one of 4 classes, 0 to 3")
        _ = logits.gathered(Tensor([0, 3] as [Int32]).to(testedDevice))
        #expect((try? gpu.complaints.take()) == "gathered: position 1 of 3 does not exist among 3")
        _ = crossEntropy(logits, labels % 3)
        #expect((try? gpu.complaints.take()) == .some(nil))
    }
}
