import Datasets
import Display
internal import FoundationEssentials
import NeuralNetworks
import Pictures
import Tensors

/// A trained network together with what its images have to be prepared by: what a run leaves to be used elsewhere.
///
///     try run.export("lenet.safetensors")
///     let reader = try Classifier("lenet.safetensors", LeNet())
///     reader.classify(try Image("seven.png"))
///
/// The file has the weights by name, and in its header image size, normalisation and class names; so the answers are
/// those of the run, wherever it is used. Python's `safetensors` reads it too.
public struct Classifier<Model: Module> {
    public let model: Model
    public let preparation: Preparation

    /// A network and how its images are prepared.
    public init(_ model: Model, _ preparation: Preparation) {
        self.model = model
        self.preparation = preparation
    }

    /// Reads what `write` or `Run.export` wrote into a network of the same class.
    ///
    /// - Throws: `FileError` where the file cannot be read, or has no preparation in it; `TrainingError` where its
    ///   weights are those of another network.
    public init(_ path: String, _ model: Model) throws {
        let file = try Safetensors(path: path)
        guard file.fitsChecksum else {
            throw FileError(path, "is damaged: its content does not fit its checksum; export it again or copy it anew")
        }
        guard let json = file.metadata["preparation"] else {
            throw FileError(
                path, "has weights, but not how images are prepared for them; files that `export` wrote have both")
        }
        do {
            preparation = try JSONDecoder().decode(Preparation.self, from: Data(json.utf8))
        } catch {
            throw FileError(path, "says how images are prepared in a form that is not understood")
        }
        self.model = model
        model.initialize(input: preparation.imageShape)
        do {
            try model.load(file.tensors)
        } catch {
            let classes = preparation.classNames
            let outputs = model(Tensor.zeros(Shape([1] + preparation.imageShape.sizes))).shape.sizes.last
            guard outputs == classes.count else {
                throw TrainingError(
                    "\(path) tells \(classes.count) classes apart (\(classes.joined(separator: ", "))), and the network that is given has \(outputs ?? 1) outputs: give its last layer \(classes.count)"
                )
            }
            let kind = file.metadata["model"] ?? "another network"
            throw TrainingError("\(path) has the weights of \(kind), which do not fit \(Model.self): \(error)")
        }
        Preparation.remember(preparation, of: model)
    }

    /// Writes weights, preparation and class names to a file: whole, or not at all.
    public func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = String(decoding: try encoder.encode(preparation), as: UTF8.self)
        let metadata = [
            "format": "swift-lab classifier 1", "model": "\(Model.self)", "preparation": json,
            "input":
                "[batch, \(preparation.imageShape.sizes.map(String.init).joined(separator: ", "))] of (pixel / 255 - mean) / deviation for each channel; logits come out, in the order of classNames",
        ]
        try Safetensors(model.parameters, metadata: metadata).withChecksum.write(to: path)
    }

    /// What one image shows.
    public func classify(_ image: Image) -> Classification {
        Classification(of: image, by: model, preparation)
    }

    /// What each of many images shows: pictures with the most probable class.
    public func classify(_ images: [Image], names: [String] = []) -> Classifications {
        var rows: [[Float]] = []
        for start in stride(from: 0, to: images.count, by: 256) {
            let part = Array(images[start..<min(start + 256, images.count)])
            let logits = model(preparation.tensor(part))
            rows += Probabilities(of: logits, classes: preparation.classNames.count).rows
        }
        return Classifications(
            images: images, names: names, probabilities: rows, classNames: preparation.classNames)
    }

    /// What the images of a folder show, PNG or JPEG, also in folders inside; the folders' names are not looked at, and
    /// hidden ones are left out.
    ///
    /// - Throws: `FileError` where there are none, or one cannot be read.
    public func classify(folder: String) throws -> Classifications {
        let folder = homeExpanded(folder)
        let root = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        let found = ImageFiles(in: root)
        if let failure = found.failures.first { throw failure }
        guard !found.paths.isEmpty else { throw FileError(folder, "has no PNG or JPEG images in it") }
        return classify(
            try found.paths.map { try Image($0) }, names: found.paths.map { String($0.dropFirst(root.count + 1)) })
    }

    /// Tries the network on labelled images, prepared as those that it learned from, whatever normalisation they have.
    ///
    /// Where the user interrupts, on those that were tried until then.
    public func evaluate(on dataset: Dataset) -> Evaluation {
        guard dataset.imageShape == preparation.imageShape else {
            fatalError(
                "evaluate: \(dataset.name) has images of shape \(dataset.imageShape), the network takes \(preparation.imageShape); read them with size: [\(preparation.imageShape[1]), \(preparation.imageShape[2])]."
            )
        }
        guard dataset.classNames.count == preparation.classNames.count else {
            fatalError(
                "evaluate: \(dataset.name) has \(dataset.classNames.count) classes, the network knows \(preparation.classNames.count)."
            )
        }
        return Interruption.cooperate {
            let normalized = dataset.normalized(by: preparation.normalization)
            // An interrupt that came before was meant for what came before: the training in the same cell.
            var host = Host.current(quietly: true)
            if host.isInterrupted() { host.isInterrupted = { false } }
            let logits = model.logits(on: normalized, host)
            let isWhole = logits.shape[0] == dataset.count
            return Evaluation(of: logits, on: isWhole ? normalized : normalized[0..<logits.shape[0]])
        }
    }
}

extension Classifier: Displayable {
    public var mimeBundle: MimeBundle {
        Table(
            ["", ""],
            rows: [
                ["network", "\(Model.self), \(model.parameterCount.grouped) parameters"],
                ["images", preparation.imageShape.sizes.map(String.init).joined(separator: " × ")],
                ["prepared by", "\(preparation.normalization)"],
                ["classes", preparation.classNames.joined(separator: ", ")],
            ]
        ).mimeBundle
    }
}

extension Module {
    /// What an image shows, in the eyes of a network that was trained or loaded in this notebook:
    /// `run.model.classify(try Image("seven.png")).explained()`.
    public func classify(_ image: Image) -> Classification {
        guard let preparation = Preparation.of(self) else {
            fatalError(
                "classify: it is not known how images are prepared for this \(Self.self), because it was neither trained nor loaded here; use Classifier(model, Preparation(data.training))."
            )
        }
        return Classification(of: image, by: self, preparation)
    }
}
