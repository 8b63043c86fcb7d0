internal import Dispatch
import Display
internal import Glibc
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
    /// - Throws: `DatasetError` when the folder has no classes or too few images, when sizes differ, and when a file
    ///   cannot be read: then with its name and how many others were.
    public static func images(
        in folder: String, size: Shape? = nil, fit: Image.Fit = .squash, colors: Colors? = nil,
        skippingUnreadable: Bool = false
    ) throws -> Dataset {
        let root = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        guard fileExists(root) else { throw DatasetError("Dataset.images: there is no folder \(root)") }
        let classNames = listFolder(root).filter(\.isFolder).map(\.name)
        guard !classNames.isEmpty else {
            throw DatasetError("Dataset.images: \(root) has no folders; each class needs one with its images in it")
        }
        guard classNames.count > 1 else {
            throw DatasetError(
                "Dataset.images: \(root) has one class only (\(classNames[0])); there is nothing to tell apart")
        }
        var files: [(path: String, label: Int)] = []
        for (label, name) in classNames.enumerated() {
            let before = files.count
            files += imageFiles(in: "\(root)/\(name)").map { ($0, label) }
            guard files.count > before else {
                throw DatasetError("Dataset.images: there are no images in \(root)/\(name)")
            }
        }
        let name = root.split(separator: "/").last.map(String.init) ?? root
        return try read(
            files, name: name, source: "read from \(root)", classNames: classNames, size: size, fit: fit,
            colors: colors, skippingUnreadable: skippingUnreadable)
    }

    /// Images that a text file lists, a path and a class from 0 on each line, as DIGITS takes them.
    ///
    /// Paths are taken from the list's own folder unless they start at `/`.
    public static func images(
        listedIn list: String, classNames: [String]? = nil, size: Shape? = nil, fit: Image.Fit = .squash,
        colors: Colors? = nil, skippingUnreadable: Bool = false
    ) throws -> Dataset {
        let folder = list.contains("/") ? String(list[..<list.lastIndex(of: "/")!]) + "/" : ""
        let text = String(decoding: try readFile(list), as: UTF8.self)
        var files: [(path: String, label: Int)] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.hasSuffix("\r") ? line.dropLast() : line
            if line.isEmpty { continue }
            guard let space = line.lastIndex(of: " "), let label = Int(line[line.index(after: space)...]), label >= 0
            else { throw FileError(list, "line \(number + 1) is not a path, a space and a class from 0") }
            let path = String(line[..<space])
            files.append((path.hasPrefix("/") ? path : folder + path, label))
        }
        guard let highest = files.map(\.label).max() else { throw FileError(list, "lists no images") }
        let names = classNames ?? (0...highest).map(String.init)
        guard highest < names.count else {
            throw FileError(
                list, "has an image of class \(highest), but there are \(names.count) classes, 0 to \(names.count - 1)")
        }
        let name = list.split(separator: "/").last.map(String.init) ?? list
        return try read(
            files, name: name, source: "listed in \(list)", classNames: names, size: size, fit: fit, colors: colors,
            skippingUnreadable: skippingUnreadable)
    }

    /// No fewer and no more images of each class than this: classes with fewer are left out, of the others a random
    /// choice is kept.
    public func limited(perClass limits: ClosedRange<Int>, seed: Int = 1) -> Dataset {
        var byClass = [[Int]](repeating: [], count: classNames.count)
        for (place, label) in labels.enumerated() { byClass[label].append(place) }
        let generator = RandomGenerator(seed: seed).split("limited")
        var places: [Int] = []
        for (label, members) in byClass.enumerated() where members.count >= limits.lowerBound {
            var generator = generator.split(UInt64(label))
            places += generator.shuffled(members).prefix(limits.upperBound)
        }
        return selecting(places.sorted())
    }

    /// Reads all files on all processors.
    private static func read(
        _ files: [(path: String, label: Int)], name: String, source: String, classNames: [String], size: Shape?,
        fit: Image.Fit, colors: Colors?, skippingUnreadable: Bool
    ) throws -> Dataset {
        if let size, size.rank != 2 || size.contains(where: { $0 < 1 }) {
            throw DatasetError("Dataset.images: a size is [height, width], not \(size)")
        }
        let results = Mutex([Result<Image, FileError>?](repeating: nil, count: files.count))
        // In pieces of 16: enough to keep the lock out of the way.
        let piece = 16
        DispatchQueue.concurrentPerform(iterations: (files.count + piece - 1) / piece) { part in
            let range = part * piece..<min(files.count, (part + 1) * piece)
            let images = range.map { index -> Result<Image, FileError> in
                if Interruption.isRequested {
                    return .failure(FileError(files[index].path, "was not read: interrupted"))
                }
                do {
                    var image = try Image(files[index].path)
                    if let size { image = image.resized(width: size[1], height: size[0], fit: fit) }
                    return .success(image)
                } catch let error as FileError {
                    return .failure(error)
                } catch {
                    return .failure(FileError(files[index].path, "cannot be read (\(error))"))
                }
            }
            results.withLock { results in for (index, image) in zip(range, images) { results[index] = image } }
        }
        if Interruption.isRequested { throw Interrupted() }
        var images: [(image: Image, path: String, label: Int)] = []
        var failures: [FileError] = []
        for (result, file) in zip(results.withLock { $0 }, files) {
            switch result! {
            case .success(let image): images.append((image, file.path, file.label))
            case .failure(let error): failures.append(error)
            }
        }
        var source = source
        if let first = failures.first {
            let others = failures.count > 1 ? ", and \((failures.count - 1).grouped) more cannot be read" : ""
            guard skippingUnreadable else {
                throw DatasetError(
                    "Dataset.images: \(first)\(others); \(images.count.grouped) others were read. skippingUnreadable: true leaves such files out."
                )
            }
            let names = failures.prefix(3).map(\.path).joined(separator: ", ")
            source +=
                "; \(failures.count.grouped) unreadable files were left out: \(names)\(failures.count > 3 ? ", …" : "")"
        }
        guard let first = images.first else { throw DatasetError("Dataset.images: there are no images") }
        if let other = images.first(where: {
            ($0.image.width, $0.image.height) != (first.image.width, first.image.height)
        }) {
            throw DatasetError(
                "Dataset.images: \(first.path) has \(first.image.height) × \(first.image.width) pixels, \(other.path) \(other.image.height) × \(other.image.width); give a size, such as size: [64, 64]"
            )
        }
        let isGray = colors.map { $0 == .gray } ?? images.allSatisfy { $0.image.channels == 1 }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(images.count * first.image.width * first.image.height * (isGray ? 1 : 3))
        for entry in images { pixels += isGray ? entry.image.gray.pixels : entry.image.colored.planes }
        return try Dataset(
            name, pixels: pixels, shape: [isGray ? 1 : 3, first.image.height, first.image.width],
            labels: images.map(\.label), classNames: classNames, source: source)
    }
}

/// What a folder holds, by name; hidden files are left out, links are followed.
private func listFolder(_ path: String) -> [(name: String, isFolder: Bool)] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var entries: [(name: String, isFolder: Bool)] = []
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name.hasPrefix(".") { continue }
        var information = stat()
        guard stat("\(path)/\(name)", &information) == 0 else { continue }
        entries.append((name, information.st_mode & S_IFMT == S_IFDIR))
    }
    return entries.sorted { $0.name < $1.name }
}

/// The PNG and JPEG files of a folder and of those inside it. A link that leads back up is not followed for ever.
private func imageFiles(in folder: String, depth: Int = 0) -> [String] {
    guard depth < 16 else { return [] }
    return listFolder(folder).flatMap { entry -> [String] in
        let path = "\(folder)/\(entry.name)"
        if entry.isFolder { return imageFiles(in: path, depth: depth + 1) }
        let name = entry.name.lowercased()
        return [".png", ".jpg", ".jpeg"].contains(where: name.hasSuffix) ? [path] : []
    }
}
