import Testing

@testable import NeuralNetworks
@testable import Tensors

final class LeNet: Module {
    let conv1 = Conv2D(20, kernel: 5), conv2 = Conv2D(50, kernel: 5)
    let hidden = Dense(500), output = Dense(10)

    func callAsFunction(_ images: Tensor) -> Tensor {  // [batch, 1, 28, 28]
        let features = maxPool(conv2(maxPool(conv1(images), 2)), 2)
        return output(relu(hidden(features.flattened())))  // [batch, 10]
    }
}

/// Ten classes of images: a bright square at a place of the class's own, in noise.
func squares(_ count: Int, seed: Int) -> (images: Tensor, labels: Tensor) {
    var pixels = Tensor.uniform([count, 784], seed: seed).scalars
    let labels = (0..<count).map { Int32($0 % 10) }
    for (image, label) in labels.enumerated() {
        let (row, column) = (Int(label) / 5 * 12 + 3, Int(label) % 5 * 5 + 1)
        for y in row..<row + 5 { for x in column..<column + 4 { pixels[image * 784 + y * 28 + x] += 1 } }
    }
    return (Tensor(pixels, shape: [count, 1, 28, 28]), Tensor(labels))
}

@Suite struct ModelTests {
    @Test func summaryOfLeNetCountsItsParameters() {
        let net = LeNet()
        let summary = net.summary(input: [1, 28, 28])
        // The figure that DIGITS prints for this network.
        #expect(summary.parameters == 431_080)
        // 24·24·20·25 + 8·8·50·500 + 800·500 + 500·10
        #expect(summary.multiplyAdds == 2_293_000)
        #expect(summary.rows.map(\.name) == ["conv1", "conv2", "hidden", "output"])
        // 20 × 24 × 24 and 50 × 8 × 8 maps, 500 and 10 numbers of 4 bytes; 431,080 weights of 4 bytes.
        #expect(summary.table.rows.map { $0[5] } == ["45.0 KB", "12.5 KB", "2.0 KB", "0.04 KB"])
        #expect(summary.table.footer == ["in all", "", "", "431,080 (1,683.9 KB)", "2,293,000", "59.5 KB"])
        #expect(net.conv1.$weight.shape == nil, "a summary fixes nothing")
    }

    @Test func weightsDependOnSeedAndNameAlone() {
        let (a, b) = (LeNet(), LeNet())
        a.initialize(input: [1, 28, 28], seed: 3)
        b.initialize(input: [1, 28, 28], seed: 3)
        #expect(a.conv2.weight.scalars == b.conv2.weight.scalars)
        #expect(a.parameters.map(\.name).prefix(2) == ["conv1.weight", "conv1.bias"])
        b.initialize(input: [1, 28, 28], seed: 4)
        #expect(a.conv2.weight.scalars != b.conv2.weight.scalars)
    }

    @Test func readingAParameterKeepsItsValue() {
        let net = Dense(2)
        let x = Tensor([1, 2], shape: [1, 2])
        let before = net(x)
        let weight = net.weight
        net.weight = weight + 1
        #expect((net(x) - before - 3).magnitude().maximum().item < 1e-6)
        #expect(weight.scalars != net.weight.scalars)
    }

    @Test func leNetLearnsSquares() {
        let net = LeNet()
        net.initialize(input: [1, 28, 28], seed: 1)
        let (images, labels) = squares(640, seed: 1)
        let optimizer = Optimizer(.sgd(momentum: 0.9, weightDecay: 1e-4), learningRate: 0.01)
        var losses: [Float] = []
        for step in 0..<30 {
            let range = step % 10 * 64..<step % 10 * 64 + 64
            let (loss, gradients) = valueAndGradient(of: net) { crossEntropy($0(images[range]), labels[range]) }
            optimizer.update(net, along: gradients)
            losses.append(loss.item)
        }
        #expect(losses[0] > 1.5 && losses.suffix(5).reduce(0, +) / 5 < 0.3, "\(losses)")
        let (unseen, truth) = squares(200, seed: 2)
        let right = zip(net(unseen).argmax().int32s, truth.int32s).filter { $0 == $1 }.count
        #expect(right >= 190, "\(right) of 200")
    }

    @Test func sequentialNamesItsLayersByNumber() {
        let net = Sequential {
            Conv2D(20, kernel: 5)
            MaxPool2D(2)
            Conv2D(50, kernel: 5)
            MaxPool2D(2)
            Flatten()
            Dense(500, activation: .relu)
            Dense(10)
        }
        #expect(net.summary(input: [1, 28, 28]).parameters == 431_080)
        net.initialize(input: [1, 28, 28])
        #expect(net.parameters.map(\.name).first == "0.weight")
        #expect(net.parameters.map(\.name).last == "6.bias")
    }

    @Test func frozenParametersKeepTheirValues() {
        let net = LeNet()
        net.initialize(input: [1, 28, 28])
        net.freeze(\.conv1)
        let before = net.parameters
        let (images, labels) = squares(16, seed: 1)
        let (_, gradients) = valueAndGradient(of: net) { crossEntropy($0(images), labels) }
        Optimizer(.sgd(), learningRate: 0.1).update(net, along: gradients)
        #expect(gradients["conv1.weight"] == nil && gradients["conv2.weight"] != nil)
        #expect(net.conv1.weight.scalars == before[0].value.scalars)
        #expect(net.conv2.weight.scalars != before[2].value.scalars)
    }

    @Test func aLayerThatIsUsedTwiceHasItsParametersOnce() {
        final class Twice: Module {
            let first = Dense(4), again: Dense
            init() { again = first }
            func callAsFunction(_ x: Tensor) -> Tensor { again(relu(first(x))) }
        }
        let net = Twice()
        net.initialize(input: [4])
        #expect(net.parameters.map(\.name) == ["first.weight", "first.bias"])
        // 4 · 4 weights and 4 biases, in the first of its two rows.
        #expect(net.summary(input: [4]).rows.map(\.parameters) == [20, 0])
    }

    @Test func aParameterThatTwoLayersShareIsCountedOnce() {
        final class Shared: Module {
            let first = Dense(4), scale: Scale, again: Scale
            final class Scale: Layer {
                let factor: Parameter
                init(_ factor: Parameter) { self.factor = factor }
                override func forward(_ x: Tensor) -> Tensor { x * factor.wrappedValue }
            }
            init() {
                let factor = Parameter(wrappedValue: Tensor.ones([4]))
                (scale, again) = (Scale(factor), Scale(factor))
            }
            func callAsFunction(_ x: Tensor) -> Tensor { again(scale(first(x))) }
        }
        let net = Shared()
        net.initialize(input: [4])
        #expect(net.parameters.map(\.name) == ["first.weight", "first.bias", "scale.factor"])
        // 4 · 4 weights and 4 biases, and 4 factors.
        let summary = net.summary(input: [4])
        #expect(summary.rows.map(\.parameters) == [20, 4, 0] && summary.parameters == 24)
        // What two layers read gets one gradient, the sum of both ways: of x · f · f it is 2 · x · f.
        let (_, gradients) = valueAndGradient(of: net) { $0.again($0.scale(Tensor.full([1, 4], 3))).sum() }
        #expect(gradients["scale.factor"]?.scalars == [6, 6, 6, 6] && gradients.count == 1)
    }

    @Test func whatIsFrozenAfterItsGradientWasTakenStays() {
        let net = Dense(2)
        let (_, gradients) = valueAndGradient(of: net) { $0(Tensor.ones([1, 3])).sum() }
        let before = net.weight.scalars
        net.freeze(\.$weight)
        Optimizer(.sgd(), learningRate: 1).update(net, along: gradients)
        #expect(net.weight.scalars == before && net.bias.scalars == [-1, -1])
    }

    @Test func parametersTravelByName() throws {
        let (a, b) = (LeNet(), LeNet())
        a.initialize(input: [1, 28, 28], seed: 1)
        try b.load(a.parameters)
        let (images, _) = squares(16, seed: 1)
        #expect(a(images).scalars == b(images).scalars)
        #expect(a.hasSameWeights(as: b))
        b.output.bias = b.output.bias + 1e-30
        #expect(!a.hasSameWeights(as: b), "to the last bit")
        #expect(throws: ParameterError.self) { try b.load(a.parameters.dropLast().map { $0 }) }
    }

    @Test func theSameBitsForAnyNumberOfThreads() {
        func train(threads: Int) -> [Float] {
            let before = threadCount
            threadCount = threads
            defer { threadCount = before }
            let net = LeNet()
            net.initialize(input: [1, 28, 28], seed: 1)
            let (images, labels) = squares(64, seed: 1)
            let optimizer = Optimizer(.sgd(momentum: 0.9), learningRate: 0.01)
            for _ in 0..<3 {
                let (_, gradients) = valueAndGradient(of: net) { crossEntropy($0(images), labels) }
                optimizer.update(net, along: gradients)
            }
            return net.parameters.flatMap(\.value.scalars)
        }
        let one = train(threads: 1)
        #expect(train(threads: 2) == one)
        #expect(train(threads: 3) == one)
    }
}
