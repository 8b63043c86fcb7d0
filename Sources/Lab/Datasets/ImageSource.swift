internal import Dispatch
import Display
import Pictures
import Synchronization
import Tensors

extension StringProtocol {
    /// Without what it ends with of the kind.
    fileprivate func trimmingSuffix(while isEnd: (Character) -> Bool) -> Substring {
        var rest = Substring(self)
        while let last = rest.last, isEnd(last) { rest.removeLast() }
        return rest
    }
}

/// Files with their classes, before they are read.
struct ImageSource {
    struct Settings {
        var size: ImageSize?
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
        let folder = homeExpanded(folder)
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
        let list = homeExpanded(list)
        let folder = list.contains("/") ? String(list[..<list.lastIndex(of: "/")!]) + "/" : ""
        var known = given
        if known == nil, fileExists(folder + "labels.txt") {
            known = try ImageSource.lines(of: folder + "labels.txt").map(\.text)
        }
        for (number, line) in try ImageSource.lines(of: list) {
            let isSpace = { (character: Character) in character == " " || character == "\t" }
            let line = line.trimmingSuffix(while: isSpace)
            guard let space = line.lastIndex(where: isSpace) else {
                throw FileError(list, "line \(number) is not a path, a space and a class from 0")
            }
            let word = String(line[line.index(after: space)...])
            guard let label = Int(word) ?? known?.firstIndex(of: word) else {
                let wayOut =
                    known.map {
                        "the classes are \($0.prefix(10).joined(separator: ", "))\($0.count > 10 ? ", …" : "")"
                    }
                    ?? "names of classes need a labels.txt beside the list, or classNames:"
                throw FileError(list, "line \(number) has the class “\(word)”; \(wayOut)")
            }
            guard label >= 0 else { throw FileError(list, "line \(number) is not a path, a space and a class from 0") }
            if let known, label >= known.count {
                throw FileError(
                    list,
                    "line \(number) has an image of class \(label), but there are \(known.count) classes, 0 to \(known.count - 1)"
                )
            }
            let path = line[..<space].trimmingPrefix(while: isSpace).trimmingSuffix(while: isSpace)
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
    func checkClasses() throws {
        guard classNames.count > 1 else {
            throw DatasetError(
                "Dataset.images: \(description) has one class only (\(classNames[0])); there is nothing to tell apart")
        }
    }

    /// The files as a data set, and which of them its images are.
    func dataset() throws -> (dataset: Dataset, read: [Int]) {
        if let problem = settings.size?.problem { throw DatasetError("Dataset.images: \(problem)") }
        let options =
            "\(settings.size.map { "\($0.sizes)" } ?? "-") \(settings.fit.rawValue) \(settings.colors?.rawValue ?? "-")"
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
                "Dataset.images: \(failures[0])\(others); \(read == 1 ? "1 other was" : "\(read.grouped) others were") read. skippingUnreadable: true leaves such files out."
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
                    if let size = settings.size?.sizes {
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
