internal import Dispatch
import Display
import Pictures
import Synchronization
import Tensors

extension Dataset {
    /// Whether images are read with or without their colours.
    public enum Colors: String, Sendable, Codable { case gray, rgb }

    /// Images from a folder with a folder for each class, PNG or JPEG; folders inside these are looked into too.
    ///
    ///     let photos = try Dataset.images(in: "flowers/", size: [64, 64], fit: .squash)
    ///
    /// - Parameters:
    ///   - size: `[height, width]` that all images get; without it they must be of one size already.
    ///   - fit: How images of other proportions become that size.
    ///   - colors: Grey if all images are, unless given.
    ///   - skippingUnreadable: Leaves damaged files out, and says so in `source`, instead of throwing.
    ///   - cache: Where what was read is kept, so that the next time it is there at once.
    /// - Throws: `DatasetError` when the folder has no classes or too few images, when sizes differ, and when a file
    ///   cannot be read: then with its name and how many others were.
    public static func images(
        in folder: String, size: Shape? = nil, fit: Image.Fit = .squash, colors: Colors? = nil,
        skippingUnreadable: Bool = false, cache: ImageCache = .standard
    ) throws -> Dataset {
        var source = try ImageSource(folder: folder)
        try source.checkClasses(folder)
        source.settings = ImageSource.Settings(
            size: size, fit: fit, colors: colors, skippingUnreadable: skippingUnreadable, cache: cache)
        return try source.dataset().dataset
    }

    /// Images that a text file lists, a path and a class on each line, as DIGITS takes them.
    ///
    /// - Parameters:
    ///   - list: Its paths are taken from its own folder unless they start at `/`. A class is a number from 0, or a name.
    ///   - classNames: The lines of `labels.txt` beside the list unless given, or else the numbers themselves.
    public static func images(
        listedIn list: String, classNames: [String]? = nil, size: Shape? = nil, fit: Image.Fit = .squash,
        colors: Colors? = nil, skippingUnreadable: Bool = false, cache: ImageCache = .standard
    ) throws -> Dataset {
        var source = try ImageSource(list: list, classNames: classNames)
        try source.checkClasses(list)
        source.settings = ImageSource.Settings(
            size: size, fit: fit, colors: colors, skippingUnreadable: skippingUnreadable, cache: cache)
        return try source.dataset().dataset
    }

    /// No fewer and no more images of each class than this: classes with fewer are left out, of the others a random
    /// choice is kept.
    public func limited(perClass limits: ClosedRange<Int>, seed: Int = 1) -> Dataset {
        var byClass = [[Int]](repeating: [], count: classNames.count)
        for (place, label) in labels.enumerated() { byClass[label].append(place) }
        let generator = RandomGenerator(seed: seed).split("limited")
        var places: [Int] = []
        // Classes that are left out leave no number behind: a network would get an output that nothing teaches.
        var names: [String] = []
        var newLabels = [Int32](repeating: -1, count: classNames.count)
        for (label, members) in byClass.enumerated() where members.count >= limits.lowerBound {
            var generator = generator.split(UInt64(label))
            places += generator.shuffled(members).prefix(limits.upperBound)
            newLabels[label] = Int32(names.count)
            names.append(classNames[label])
        }
        guard names.count < classNames.count else { return selecting(places.sorted()) }
        var result = Dataset(
            name: name, source: source, classNames: names, imageShape: imageShape, pixels: pixels,
            labels: storedLabels.map { newLabels[Int($0)] }, indices: places.sorted().map { indices[$0] })
        result.normalization = normalization
        result.augmentations = augmentations
        return result
    }
}

extension DatasetSplit {
    /// Parts that lie in folders of their own, each with a folder for each class.
    ///
    ///     let data = try DatasetSplit.images(training: "flowers/train", validation: "flowers/val", size: [64, 64])
    ///
    /// - Throws: `DatasetError` as `Dataset.images(in:)` does, and where a part has a class that the training part lacks, or
    ///   lacks one that the training part has.
    public static func images(
        training: String, validation: String, test: String? = nil, size: Shape? = nil, fit: Image.Fit = .squash,
        colors: Dataset.Colors? = nil, skippingUnreadable: Bool = false, cache: ImageCache = .standard
    ) throws -> DatasetSplit {
        let parts = try [training, validation, test].compactMap(\.self).map { try ImageSource(folder: $0) }
        return try joined(
            parts, names: [training, validation] + (test.map { [$0] } ?? []),
            ImageSource.Settings(
                size: size, fit: fit, colors: colors, skippingUnreadable: skippingUnreadable, cache: cache))
    }

    /// Parts that text files list, as `Dataset.images(listedIn:)` reads them.
    public static func images(
        trainingList: String, validationList: String, testList: String? = nil, classNames: [String]? = nil,
        size: Shape? = nil, fit: Image.Fit = .squash, colors: Dataset.Colors? = nil,
        skippingUnreadable: Bool = false, cache: ImageCache = .standard
    ) throws -> DatasetSplit {
        let training = try ImageSource(list: trainingList, classNames: classNames)
        let others = try [validationList, testList].compactMap(\.self).map {
            try ImageSource(list: $0, classNames: training.classNames)
        }
        return try joined(
            [training] + others, names: [trainingList, validationList] + (testList.map { [$0] } ?? []),
            ImageSource.Settings(
                size: size, fit: fit, colors: colors, skippingUnreadable: skippingUnreadable, cache: cache))
    }

    /// Reads all parts at once, so that they have one size and colours alike.
    private static func joined(
        _ parts: [ImageSource], names: [String], _ settings: ImageSource.Settings
    ) throws -> DatasetSplit {
        var all = parts[0]
        try all.checkClasses(names[0])
        for (part, name) in zip(parts, names).dropFirst() {
            for (label, className) in part.classNames.enumerated()
            where !all.classNames.contains(className) && part.files.contains(where: { $0.label == label }) {
                throw DatasetError(
                    "DatasetSplit.images: \(name) has a class \(className), which \(names[0]) lacks; a network cannot recognise what it was never taught"
                )
            }
            let numbers = part.classNames.map { all.classNames.firstIndex(of: $0) ?? 0 }
            all.files += part.files.map { ($0.path, numbers[$0.label]) }
            all.failures += part.failures
        }
        all.settings = settings
        all.description = names.joined(separator: ", ")
        let (dataset, read) = try all.dataset()
        // Which part each image that was read is of.
        var ends: [Int] = []
        for part in parts { ends.append((ends.last ?? 0) + part.files.count) }
        func part(_ index: Int) -> Dataset {
            let range = (index == 0 ? 0 : ends[index - 1])..<ends[index]
            return dataset.selecting(read.indices.filter { range.contains(read[$0]) })
        }
        let split = DatasetSplit(
            training: part(0), validation: part(1), test: parts.count > 2 ? part(2) : dataset.selecting([]))
        try split.check()
        return split
    }
}

/// Files with their classes, before they are read.
struct ImageSource {
    struct Settings {
        var size: Shape?
        var fit = Image.Fit.squash
        var colors: Dataset.Colors?
        var skippingUnreadable = false
        var cache = ImageCache.none
    }

    var name: String
    /// Where they come from.
    var description: String
    var classNames: [String]
    var files: [(path: String, label: Int)] = []
    /// What was found where images should be, and is none.
    var failures: [FileError] = []
    var settings = Settings()

    /// A folder with a folder for each class.
    init(folder: String) throws {
        let root = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        guard fileExists(root) else { throw DatasetError("Dataset.images: there is no folder \(root)") }
        do { classNames = try ImageFiles.folders(in: root) } catch { throw DatasetError("Dataset.images: \(error)") }
        guard !classNames.isEmpty else {
            throw DatasetError("Dataset.images: \(root) has no folders; each class needs one with its images in it")
        }
        for (label, name) in classNames.enumerated() {
            let found = ImageFiles(in: "\(root)/\(name)", below: root)
            files += found.paths.map { ($0, label) }
            failures += found.failures
            guard !found.paths.isEmpty || !found.failures.isEmpty || classNames.count == 1 else {
                throw DatasetError("Dataset.images: there are no images in \(root)/\(name)")
            }
        }
        name = root.split(separator: "/").last.map(String.init) ?? root
        description = root
    }

    /// A text file with a path and a class on each line.
    init(list: String, classNames given: [String]?) throws {
        let folder = list.contains("/") ? String(list[..<list.lastIndex(of: "/")!]) + "/" : ""
        var known = given
        if known == nil, fileExists(folder + "labels.txt") {
            known = try ImageSource.lines(of: folder + "labels.txt").map(\.text)
        }
        for (number, line) in try ImageSource.lines(of: list) {
            guard let space = line.lastIndex(where: { $0 == " " || $0 == "\t" }) else {
                throw FileError(list, "line \(number) is not a path, a space and a class from 0")
            }
            let word = String(line[line.index(after: space)...])
            guard let label = Int(word) ?? known?.firstIndex(of: word), label >= 0 else {
                throw FileError(list, "line \(number) is not a path, a space and a class from 0")
            }
            if let known, label >= known.count {
                throw FileError(
                    list,
                    "line \(number) has an image of class \(label), but there are \(known.count) classes, 0 to \(known.count - 1)"
                )
            }
            let path = line[..<space].trimmingPrefix { $0 == " " }
            files.append((path.hasPrefix("/") ? String(path) : folder + path, label))
        }
        guard let highest = files.map(\.label).max() else { throw FileError(list, "lists no images") }
        // A number like 4,000,000 is a mistake: nobody has so many classes, and each would get a name and a bar.
        guard known != nil || highest < 100_000 else {
            throw FileError(list, "has an image of class \(highest.grouped); classes are numbered from 0, without gaps")
        }
        classNames = known ?? (0...highest).map(String.init)
        name = list.split(separator: "/").last.map(String.init) ?? list
        description = list
    }

    /// The lines that are not empty, with their numbers from 1.
    private static func lines(of path: String) throws -> [(number: Int, text: String)] {
        guard let text = String(validating: try readFile(path), as: UTF8.self) else {
            throw FileError(path, "is not a text file in UTF-8")
        }
        return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap {
            number, line in line.isEmpty ? nil : (number + 1, String(line))
        }
    }

    /// - Throws: `DatasetError` when there is nothing to tell apart.
    func checkClasses(_ place: String) throws {
        guard classNames.count > 1 else {
            throw DatasetError(
                "Dataset.images: \(description) has one class only (\(classNames[0])); there is nothing to tell apart")
        }
    }

    /// The files as a data set, and which of them its images are.
    func dataset() throws -> (dataset: Dataset, read: [Int]) {
        if let size = settings.size, size.rank != 2 || size.contains(where: { $0 < 1 || $0 > 10_000 }) {
            throw DatasetError("Dataset.images: a size is [height, width], each 1 to 10,000, not \(size)")
        }
        let options =
            "\(settings.size.map { "\($0)" } ?? "-") \(settings.fit.rawValue) \(settings.colors?.rawValue ?? "-")"
        let key = settings.cache.folder == nil ? nil : ImageCache.key(files.map(\.path), settings: options)
        let content: ImageCache.Content
        if let key, let kept = settings.cache.content(for: key) {
            content = kept
        } else {
            content = try decoded()
            // Files that could not be read may be readable next time, without their time of change telling it.
            if let key, content.failures.isEmpty { settings.cache.keep(content, for: key) }
        }
        let failures = self.failures + content.failures.map { FileError($0.path, $0.reason) }
        var source = "read from \(description)"
        if !failures.isEmpty { source += try leftOut(failures, read: content.read.count) }
        guard content.read.count > 1 else {
            throw DatasetError(
                "Dataset.images: \(description) has \(content.read.isEmpty ? "no images" : "one image only"); a network learns from many"
            )
        }
        let dataset = try Dataset(
            name, pixels: content.pixels, shape: [content.channels, content.height, content.width],
            labels: content.read.map { files[$0].label }, classNames: classNames, source: source)
        return (dataset, content.read)
    }

    /// What is said of files that could not be read.
    ///
    /// - Throws: `DatasetError` unless they are to be skipped.
    private func leftOut(_ failures: [FileError], read: Int) throws -> String {
        let others = failures.count > 1 ? ", and \((failures.count - 1).grouped) more cannot be read" : ""
        guard settings.skippingUnreadable else {
            throw DatasetError(
                "Dataset.images: \(failures[0])\(others); \(read.grouped) others were read. skippingUnreadable: true leaves such files out."
            )
        }
        let names = failures.prefix(3).map(\.path).joined(separator: ", ")
        let what = failures.count == 1 ? "1 unreadable file was" : "\(failures.count.grouped) unreadable files were"
        return "; \(what) left out: \(names)\(failures.count > 3 ? ", …" : "")"
    }

    /// Reads all files on all processors.
    private func decoded() throws -> ImageCache.Content {
        let results = Mutex([Result<Image, FileError>?](repeating: nil, count: files.count))
        // What takes less than about a second needs no bar.
        let bar = files.count >= 5_000 ? ProgressBar("reading \(name)", total: files.count, unit: "images") : nil
        let done = Atomic<Int>(0)
        let start = ContinuousClock.now
        // In pieces of 16: enough to keep the lock out of the way.
        let piece = 16
        let (files, settings) = (files, settings)
        DispatchQueue.concurrentPerform(iterations: (files.count + piece - 1) / piece) { part in
            let range = part * piece..<min(files.count, (part + 1) * piece)
            let images = range.map { index -> Result<Image, FileError> in
                if Interruption.isRequested {
                    return .failure(FileError(files[index].path, "was not read: interrupted"))
                }
                do {
                    var image = try Image(files[index].path)
                    if let size = settings.size {
                        image = image.resized(width: size[1], height: size[0], fit: settings.fit)
                    }
                    return .success(image)
                } catch let error as FileError {
                    return .failure(error)
                } catch {
                    return .failure(FileError(files[index].path, "cannot be read (\(error))"))
                }
            }
            results.withLock { results in for (index, image) in zip(range, images) { results[index] = image } }
            bar?.update(done.add(range.count, ordering: .relaxed).newValue)
        }
        guard !Interruption.isRequested else {
            bar?.finish("interrupted")
            throw Interrupted()
        }
        var images: [Image] = []
        var read: [Int] = []
        var failures: [ImageCache.Content.Failure] = []
        for (index, result) in results.withLock({ $0 }).enumerated() {
            switch result! {
            case .success(let image):
                images.append(image)
                read.append(index)
            case .failure(let error): failures.append(.init(path: error.path, reason: error.reason))
            }
        }
        bar?.finish("\(read.count.grouped) images of \(name) read in \((ContinuousClock.now - start).spoken)")
        guard let first = images.first else {
            return ImageCache.Content(width: 0, height: 0, channels: 1, read: [], failures: failures, name: name)
        }
        if let other = images.firstIndex(where: { ($0.width, $0.height) != (first.width, first.height) }) {
            let (one, two) = (files[read[0]].path, files[read[other]].path)
            throw DatasetError(
                "Dataset.images: \(one) has \(first.height) × \(first.width) pixels, \(two) \(images[other].height) × \(images[other].width); give a size, such as size: [64, 64]"
            )
        }
        let isGray = settings.colors.map { $0 == .gray } ?? images.allSatisfy { $0.channels == 1 }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(images.count * first.width * first.height * (isGray ? 1 : 3))
        for image in images { pixels += isGray ? image.gray.pixels : image.colored.planes }
        return ImageCache.Content(
            width: first.width, height: first.height, channels: isGray ? 1 : 3, read: read, failures: failures,
            name: name, pixels: pixels)
    }
}
