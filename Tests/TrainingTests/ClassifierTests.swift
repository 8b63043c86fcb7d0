import Datasets
import Display
import Glibc
import NeuralNetworks
import Pictures
import Tensors
import Testing

@testable import Training

@Suite struct ClassifierTests {
    private func run() throws -> Run<SmallNet> {
        var settings = Hyperparameters()
        settings.epochs = 3
        settings.batchSize = 16
        settings.learningRate = .fixed(0.05)
        return try train(SmallNet(), on: try bars(), settings, from: nil, host())
    }

    @Test func anExportedNetworkGivesTheSameAnswers() throws {
        try inFolder { folder in
            let run = try run()
            let path = "\(folder)/bars.safetensors"
            try run.export(path)
            let loaded = try Classifier(path, SmallNet())
            #expect(loaded.preparation == run.classifier.preparation)
            // Whatever normalisation the images come with, theirs is not the network's.
            var bare = run.data.test
            bare.normalization = Normalization(mean: [0.5], deviation: [9])
            #expect(loaded.evaluate(on: bare).probabilities == run.evaluate(on: run.data.test).probabilities)
            let image = run.data.test[3].image
            #expect(loaded.classify(image).answers == run.classify(image).answers)
            #expect(loaded.classify(image).answers == run.model.classify(image).answers)
            // Alone and among many other kernels may compute: equal to a few steps of a 32-bit number.
            let images = (0..<20).map { run.data.test[$0].image }
            let many = loaded.classify(images)
            let rows = run.evaluate(on: run.data.test).probabilities
            for index in 0..<20 {
                #expect(zip(many.probabilities[index], rows[index]).allSatisfy { abs($0 - $1) < 1e-5 })
            }
        }
    }

    @Test func anImageOfAnotherSizeAndInColourIsPreparedAsTheOthersWere() throws {
        let run = try run()
        let image = run.data.test[0].image
        // Twice as large, in colour: each pixel four times. A mean over four equal pixels is that pixel, but at the edges of
        // the bar the neighbours count a little.
        let large = image.colored.resized(width: 16, height: 16)
        let seen = run.classify(large)
        #expect(seen.seen.width == 8 && seen.seen.channels == 1)
        #expect(seen.best.name == run.classify(image).best.name)
    }

    @Test func aFileWithoutPreparationIsRefused() throws {
        try inFolder { folder in
            let path = "\(folder)/bare.safetensors"
            try Safetensors(try run().model.parameters).write(to: path)
            let error = #expect(throws: FileError.self) { try Classifier(path, SmallNet()) }
            #expect(
                error?.description
                    == "\(path): has weights, but not how images are prepared for them; files that `export` wrote have both"
            )
        }
    }

    @Test func aNetworkForOtherClassesIsToldHowMany() throws {
        final class TwoClasses: Module {
            let dense = Dense(2)
            func callAsFunction(_ images: Tensor) -> Tensor { dense(images.flattened()) }
        }
        try inFolder { folder in
            let path = "\(folder)/bars.safetensors"
            let run = try run()
            try run.export(path)
            let names = try Classifier(path, run.model).preparation.classNames
            let error = #expect(throws: TrainingError.self) { try Classifier(path, TwoClasses()) }
            #expect(
                error?.description
                    == "\(path) tells \(names.count) classes apart (\(names.joined(separator: ", "))), and the network that is given has 2 outputs: give its last layer \(names.count)"
            )
        }
    }

    @Test func anotherNetworksFileIsRefused() throws {
        try inFolder { folder in
            let path = "\(folder)/bars.safetensors"
            try run().export(path)
            let error = #expect(throws: TrainingError.self) { try Classifier(path, RichNet()) }
            #expect(
                error?.description.hasPrefix("\(path) has the weights of SmallNet, which do not fit RichNet: load: ")
                    == true)
        }
    }

    @Test func aFolderOfImagesIsTriedWhole() throws {
        try inFolder { folder in
            let run = try run()
            try makeFolder("\(folder)/inside")
            for (index, name) in ["a.png", "inside/b.png"].enumerated() {
                try writeFile(run.data.test[index].image.png, to: "\(folder)/\(name)")
            }
            try writeFile(Array("no image".utf8), to: "\(folder)/notes.txt")
            symlink("..", "\(folder)/inside/up")
            let found = try run.classifier.classify(folder: folder + "/")
            #expect(found.names == ["a.png", "inside/b.png"])
            #expect(found[0][0].name == run.classify(run.data.test[0].image).best.name)
            #expect(found.table.rows.count == 2)
            let none = #expect(throws: FileError.self) { try run.classifier.classify(folder: "\(folder)/nowhere") }
            #expect(none?.description == "\(folder)/nowhere: has no PNG or JPEG images in it")
            symlink("nowhere.png", "\(folder)/inside/c.png")
            let lost = #expect(throws: FileError.self) { try run.classifier.classify(folder: folder) }
            #expect(lost?.description == "\(folder)/inside/c.png: is a link that leads nowhere")
        }
    }

    @Test func anExplanationHasEveryLayersActivationsAndWeights() throws {
        let run = try run()
        let image = run.data.test[0].image
        let explanation = run.classify(image).explained()
        #expect(explanation.layers.map(\.name) == ["conv", "maxPool", "hidden", "relu", "output"])
        #expect(explanation.parameterCount == 683)
        let conv = try #require(explanation["conv"])
        #expect(conv.activations.values.shape == [4, 6, 6])
        #expect(conv.parameters.map(\.name) == ["weight", "bias"])
        #expect(conv.parameters[0].values.shape == [4, 1, 3, 3] && conv.parameterCount == 40)
        // The last layer's activations are what the probabilities are made of.
        let logits = explanation["output"]!.activations.values.scalars
        let best = logits.indices.max { logits[$0] < logits[$1] }!
        #expect(run.data.test.classNames[best] == run.classify(image).best.name)
        // The convolution by hand at the first place: nine pixels, normalised, by nine weights, and the bias.
        let normalization = run.data.training.normalization!
        var sum = Double(run.model.conv.bias.scalars[0])
        for row in 0..<3 {
            for column in 0..<3 {
                let pixel = (Double(image[row, column][0]) / 255 - normalization.mean[0]) / normalization.deviation[0]
                sum += pixel * Double(run.model.conv.weight.scalars[row * 3 + column])
            }
        }
        #expect(abs(Double(conv.activations.values.scalars[0]) - sum) < 1e-4)
        let part = conv.activations
        #expect(part.histogram.count == 20 && part.histogram.reduce(0, +) == 144)
        #expect(explanation.text.contains("683 parameters"))
        #expect(explanation.mimeBundle.contents["image/png"] != nil)
    }

    @Test func statisticsAreThoseOfTheNumbers() {
        let part = Explanation.Part("made", Tensor([1, 2, 3, 4], shape: [2, 2]))
        #expect(part.mean == 2.5)
        #expect(abs(part.deviation - 1.25.squareRoot()) < 1e-12)
        #expect(part.range == 1...4)
        // A third of 20 bins apart: 0, 6, 13 and the last.
        #expect(part.histogram.indices.filter { part.histogram[$0] == 1 } == [0, 6, 13, 19])
    }
}
