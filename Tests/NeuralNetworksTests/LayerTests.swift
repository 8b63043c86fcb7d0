import Testing

@testable import NeuralNetworks
@testable import Tensors

@Suite struct NormalizationLayerTests {
    /// Two channels with the means 3 and 30 and, over n - 1, the variances 20/3 and 2000/3.
    private let x = Tensor([0, 20, 2, 24, 4, 36, 6, 40].map { Float($0) }, shape: [4, 2])

    @Test func runningStatisticsFollowTheBatches() {
        let norm = BatchNorm()
        norm.initialize(input: [2])
        let (_, gradients) = valueAndGradient(of: norm) { norm in
            let y = norm(x)
            #expect(y.mean(axis: 0).magnitude().maximum().item < 1e-6)
            #expect((y.variance(axes: [0]) - 1).magnitude().maximum().item < 1e-4)
            return y.squared().sum()
        }
        #expect(gradients.map(\.name) == ["scale", "offset"], "running statistics are not trained")
        // A tenth of the batch's: means 3 and 30, sums of squares 20 and 272 over 3.
        #expect((norm.runningMean - Tensor([0.3, 3])).magnitude().maximum().item < 1e-6)
        let expected = Tensor([0.9 + 0.1 * 20 / 3, 0.9 + 0.1 * 272 / 3])
        #expect((norm.runningVariance - expected).magnitude().maximum().item < 1e-5)
    }

    @Test func evaluationUsesTheRunningStatistics() {
        let norm = BatchNorm()
        norm.initialize(input: [2])
        #expect((norm(x) - x).magnitude().maximum().item < 1e-3, "before training they are 0 and 1")
        norm.runningMean = Tensor([3, 30])
        norm.runningVariance = Tensor([4, 100])
        norm.scale = Tensor([2, 10])
        norm.offset = Tensor([1, 0])
        let expected = Tensor([-2, -10, 0, -6, 2, 6, 4, 10], shape: [4, 2])
        #expect((norm(x) - expected).magnitude().maximum().item < 1e-4)
        // A validation loss inside another computation's gradient does not touch them.
        _ = valueAndGradient(at: x) { norm($0).sum() }
        #expect(norm.runningMean.scalars == [3, 30])
    }

    @Test func statisticsTravelWithTheWeights() throws {
        let (a, b) = (BatchNorm(), BatchNorm())
        a.initialize(input: [2])
        _ = valueAndGradient(of: a) { $0(x).sum() }
        try b.load(a.parameters)
        #expect(a(x).scalars == b(x).scalars)
        #expect(a.parameterCount == 4, "scale and offset of two channels")
    }

    @Test func aBatchOfOneValueHasNoVariance() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let net = Sequential {
                Dense(3)
                BatchNorm()
            }
            _ = valueAndGradient(of: net) { $0(Tensor.ones([1, 2])).sum() }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("has no variance; use a larger batch, in `1`"), "\(text)")
    }
}

@Suite struct LayerTests {
    @Test func shapesOfLayersAreAsDocumented() {
        let image = Tensor.normal([2, 3, 8, 6], seed: 1)
        let cases: [(any Module, Tensor, Shape)] = [
            (Conv1D(5, kernel: 3, stride: 2, padding: 1), Tensor.ones([2, 3, 9]), [2, 5, 5]),
            (TransposedConv2D(4, kernel: 2, stride: 2), image, [2, 4, 16, 12]),
            (Upsample(3), image, [2, 3, 24, 18]), (Upsample(2, .bilinear), image, [2, 3, 16, 12]),
            (GlobalAveragePool2D(), image, [2, 3]), (GlobalMaxPool2D(), image, [2, 3]),
            (AdaptiveAveragePool2D(height: 2, width: 2), image, [2, 3, 2, 2]),
            (LayerNorm(), image, image.shape), (GroupNorm(groups: 3), image, image.shape),
            (LeakyReLU(), image, image.shape), (ELU(), image, image.shape), (GELU(), image, image.shape),
            (SiLU(), image, image.shape), (Residual(filters: 3), image, image.shape),
            (Residual(filters: 6, stride: 2), image, [2, 6, 4, 3]),
            (Residual(bottleneck: 4, projects: true), image, [2, 16, 8, 6]),
            (Inception(2, 3, 4, 1, 2, 3), image, [2, 11, 8, 6]),
        ]
        for (module, input, expected) in cases {
            #expect(module(input).shape == expected, "\(type(of: module))")
            #expect(module(Tensor(shapeOnly: input.shape)).shape == expected, "\(type(of: module)), shapes alone")
        }
    }

    @Test func aResidualBlockAddsItsInput() {
        let block = Residual(filters: 3)
        let x = Tensor.normal([2, 3, 5, 5], seed: 1)
        #expect((block(x) - relu(block.main(x) + x)).magnitude().maximum().item == 0)
    }

    @Test func averagedWeightsAreTheMeanOfTheSteps() throws {
        let layer = Dense(1, bias: false)
        let average = AveragedWeights(of: layer)
        let decaying = AveragedWeights(of: layer, decay: 0.75)
        for value in [1.0, 3, 8] {
            layer.weight = Tensor.full([1, 1], value)
            average.add()
            decaying.add()
        }
        #expect(average.values[0].value.item == 4)
        // (0.75² · 1 + 0.75 · 3 + 8) / (0.75² + 0.75 + 1), to a few steps of a 32-bit number.
        #expect(abs(Double(decaying.values[0].value.item) - 10.8125 / 2.3125) < 2e-6)
        let inside = try average.use { layer(Tensor.ones([1, 1])).item }
        #expect(inside == 4 && layer.weight.item == 8)

        // What was restored goes on as what went on.
        let again = AveragedWeights(of: layer, decay: 0.75)
        try again.restore(decaying.values, count: decaying.count)
        decaying.add()
        again.add()
        #expect(again.values[0].value.item == decaying.values[0].value.item)
        let plain = AveragedWeights(of: layer)
        try plain.restore(average.values, count: average.count)
        plain.add()
        // The mean of three steps was 4, and the weight is still 8.
        #expect(plain.values[0].value.item == 5)
    }

    @Test func gradientsOfTwoBatchesAddUpToThatOfBoth() {
        let layer = Dense(2)
        let images = Tensor.uniform([6, 3], seed: 1)
        let labels = Tensor([0, 1, 0, 1, 1, 0] as [Int32])
        func gradients(_ range: Range<Int>) -> Gradients {
            valueAndGradient(of: layer) { crossEntropy($0(images[range]), labels[range]) }.gradients
        }
        let whole = gradients(0..<6)
        // A mean over 4 images and one over 2 count by their images.
        let sum = gradients(0..<4).scaled(by: 4.0 / 6).adding(gradients(4..<6).scaled(by: 2.0 / 6))
        for (name, gradient) in whole {
            let difference = (sum[name]! - gradient).magnitude().maximum().item
            #expect(difference < 1e-6, "\(name)")
        }
    }
}

@Suite struct NetworkTests {
    /// What PyTorch's models of the same layers count; of GoogLeNet what Caffe's has without the side classifiers; of
    /// LeNet-5 156 + 2,416 + 48,120 + 10,164 + 850.
    @Test func networksHaveTheParametersOfTheirPapers() {
        #expect(Networks.leNet().summary(input: [1, 28, 28]).parameters == 431_080)
        #expect(Networks.leNet5().summary(input: [1, 28, 28]).parameters == 61_706)
        #expect(Networks.alexNet(classes: 1000).summary(input: [3, 224, 224]).parameters == 61_100_840)
        #expect(Networks.googLeNet(classes: 1000).summary(input: [3, 224, 224]).parameters == 6_998_552)
        #expect(Networks.resNet(18, classes: 1000).summary(input: [3, 224, 224]).parameters == 11_689_512)
        #expect(Networks.resNet(50, classes: 1000).summary(input: [3, 224, 224]).parameters == 25_557_032)
    }

    /// Every network learns eight images by heart: what does not reach the labels, or has no gradient somewhere, does
    /// not get there.
    @Test(arguments: ["LeNet", "LeNet-5", "AlexNet", "GoogLeNet", "ResNet-18", "ResNet-50"])
    func networksFitAFewImages(name: String) {
        let isGrey = name.hasPrefix("LeNet")
        let side = isGrey ? 28 : 16
        let images = Tensor.normal([8, isGrey ? 1 : 3, side, side], seed: 1)
        let labels = Tensor([0, 1, 2, 3, 0, 1, 2, 3] as [Int32])
        let net =
            switch name {
            case "LeNet": Networks.leNet(classes: 4)
            case "LeNet-5": Networks.leNet5(classes: 4)
            case "AlexNet": Networks.alexNet(classes: 4, inputs: .small)
            case "GoogLeNet": Networks.googLeNet(classes: 4, inputs: .small)
            case "ResNet-18": Networks.resNet(18, classes: 4, inputs: .small)
            default: Networks.resNet(50, classes: 4, inputs: .small)
            }
        net.initialize(input: Shape(images.shape.dropFirst()), seed: 1)
        let optimizer = Optimizer(.adam(), learningRate: name.hasPrefix("LeNet") ? 2e-3 : 5e-4)
        var losses: [Float] = []
        // At most 40 steps; the largest networks need about ten.
        while losses.count < 40, losses.last ?? 1 > 0.1 {
            let (loss, gradients) = valueAndGradient(of: net, randomness: RandomGenerator(seed: losses.count)) {
                crossEntropy($0(images), labels)
            }
            optimizer.update(net, along: gradients)
            losses.append(loss.item)
        }
        // Dropout's noise stays in AlexNet's loss.
        #expect(losses.min()! < (name == "AlexNet" ? losses[0] / 2 : 0.1), "\(losses)")
    }
}

@Suite struct FreezingTests {
    @Test func partsAreFrozenByTheirKeyPaths() {
        let net = Sequential {
            Dense(3)
            Dense(2)
        }
        net.initialize(input: [4])
        func moving() -> [String] {
            valueAndGradient(of: net) { $0(Tensor.ones([1, 4])).sum() }.gradients.map(\.name)
        }
        net.freeze(\.[0])
        #expect(moving() == ["1.weight", "1.bias"])
        net.unfreeze(\.[0])
        let last = net[1] as! Dense
        last.freeze(\.$bias)
        #expect(moving() == ["0.weight", "0.bias", "1.weight"])
        net.freeze()
        #expect(moving() == [])
        net.unfreeze()
        #expect(moving().count == 4)
    }
}
