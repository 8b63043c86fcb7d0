internal import CZlib
import Display
internal import FoundationEssentials
internal import Glibc

/// Where folders of images are kept as they were read, decoded and in their size: a folder that has been read once is there
/// at once the next time.
///
///     ImageCache.standard                       // what is in it, how large it is and where it lies
///     ImageCache.standard.clear()
///     try Dataset.images(in: "flowers/", size: [64, 64], cache: .none)
///
/// An entry is for the very files, by path, size and time of their last change, and for the very settings: whatever changes,
/// the images are read anew. An entry that is damaged counts as none. Beyond `limit` those that were not used for longest
/// are removed.
public struct ImageCache: Sendable, Hashable {
    /// `nil`: nothing is kept.
    public var folder: String?
    /// In bytes, all entries together.
    public var limit: Int

    public init(folder: String?, limit: Int = 4_000_000_000) {
        self.folder = folder
        self.limit = limit
    }

    /// In `swift-lab/images` of the user's caches (`$XDG_CACHE_HOME`, normally `~/.cache`); up to 4 GB.
    public static var standard: ImageCache {
        let caches = DataFolder.variable("XDG_CACHE_HOME") ?? (DataFolder.variable("HOME") ?? "/root") + "/.cache"
        return ImageCache(folder: caches + "/swift-lab/images")
    }

    public static let none = ImageCache(folder: nil)

    /// Removes everything that is kept.
    public func clear() {
        for entry in files { unlink(entry.path) }
    }

    /// How many bytes are kept.
    public var size: Int { files.reduce(0) { $0 + $1.size } }

    struct File {
        var path: String
        var size: Int
        /// Seconds since 1970.
        var used: Double
    }

    /// The entries, those that were used last first.
    var files: [File] {
        guard let folder else { return [] }
        return folderEntries(folder).filter { $0.hasSuffix(".images") }.compactMap { name in
            let path = "\(folder)/\(name)"
            var information = stat()
            guard stat(path, &information) == 0 else { return nil }
            let time = information.st_mtim
            return File(
                path: path, size: Int(information.st_size), used: Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9)
        }.sorted { $0.used > $1.used }
    }

    /// The images of some files, decoded, in one size; and those that could not be read.
    struct Content: Codable, Equatable {
        var width: Int
        var height: Int
        var channels: Int
        /// Which of the files the images are of, in order.
        var read: [Int]
        var failures: [Failure]
        struct Failure: Codable, Equatable { var path, reason: String }
        /// What it is, for people.
        var name: String
        /// `[read, channels, height, width]`
        var pixels: [UInt8] = []

        enum CodingKeys: CodingKey { case width, height, channels, read, failures, name }
    }

    /// What tells one set of files and settings from all others. `nil` where a file is gone.
    static func key(_ paths: [String], settings: String) -> String? {
        // A number for the form of the entries: another form is another key.
        var text = "1 \(settings)\n"
        for path in paths {
            var information = stat()
            guard stat(path, &information) == 0 else { return nil }
            let time = information.st_mtim
            text += "\(path)\0\(information.st_size) \(time.tv_sec).\(time.tv_nsec) \(information.st_ino)\n"
        }
        return SHA256.digest(Array(text.utf8))
    }

    private func path(_ key: String) -> String? { folder.map { "\($0)/\(key.prefix(32)).images" } }

    /// The content that was kept under a key; `nil` where there is none, or a damaged one.
    func content(for key: String) -> Content? {
        guard let path = path(key), fileExists(path), let bytes = try? readFile(path), bytes.count > 12 else {
            return nil
        }
        // The length of what describes the pixels, their checksum (CRC-32), the description, the pixels.
        let length = bytes[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length > 0, length <= bytes.count - 12 else { return nil }
        let checksum = bytes[8..<12].reversed().reduce(0) { $0 << 8 | UInt($1) }
        guard checksum == ImageCache.checksum(bytes, from: 12),
            var content = try? JSONDecoder().decode(Content.self, from: Data(bytes[12..<12 + length]))
        else { return nil }
        let size = content.channels * content.height * content.width
        guard size > 0, bytes.count == 12 + length + content.read.count * size else { return nil }
        content.pixels = Array(bytes[(12 + length)...])
        // Used now.
        utimensat(AT_FDCWD, path, nil, 0)
        return content
    }

    /// Keeps content under a key, if there is room for it. A cache that cannot be written costs time, and nothing else.
    func keep(_ content: Content, for key: String) {
        guard let folder, let path = path(key), content.pixels.count < limit,
            let description = try? JSONEncoder().encode(content)
        else { return }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(12 + description.count + content.pixels.count)
        bytes += (0..<8).map { UInt8(truncatingIfNeeded: description.count >> (8 * $0)) } + [0, 0, 0, 0]
        bytes += description
        bytes += content.pixels
        let checksum = ImageCache.checksum(bytes, from: 12)
        for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: checksum >> UInt(8 * index)) }
        do {
            try makeFolder(folder)
            try writeFile(bytes, to: path)
        } catch { return }
        var total = 0
        for file in files {
            total += file.size
            if total > limit { unlink(file.path) }
        }
    }

    /// What an entry says of itself, without its pixels.
    private static func description(in path: String) -> Content? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        func read(_ length: Int) -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: length)
            return fread(&bytes, 1, length, file) == length ? bytes : nil
        }
        guard let start = read(12) else { return nil }
        let length = start[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length > 0, length < 1 << 30, let bytes = read(length) else { return nil }
        return try? JSONDecoder().decode(Content.self, from: Data(bytes))
    }

    private static func checksum(_ bytes: [UInt8], from start: Int) -> UInt {
        bytes.withUnsafeBufferPointer { bytes in
            var checksum: UInt = 0
            // zlib counts with 32 bits.
            for place in stride(from: start, to: bytes.count, by: 1 << 30) {
                let length = min(1 << 30, bytes.count - place)
                checksum = crc32(checksum, bytes.baseAddress! + place, UInt32(length))
            }
            return checksum
        }
    }
}

extension ImageCache: Displayable {
    /// A line for each entry, and where they lie.
    public var mimeBundle: MimeBundle {
        guard let folder else { return MimeBundle(text: "no cache: images are read anew each time") }
        let rows = files.map { file -> [String] in
            let content = ImageCache.description(in: file.path)
            return [
                content?.name ?? "damaged", content?.read.count.grouped ?? "",
                content.map { "\($0.height) × \($0.width)" } ?? "", megabytes(file.size), date(file.used),
            ]
        }
        return Table(
            ["images of", "count", "pixels", "MB", "last used"], rows: rows, numeric: [1, 2, 3],
            footer: ["all", "", "", megabytes(size), ""],
            title: "images kept in \(folder), up to \((limit / 1_000_000).grouped) MB"
        ).mimeBundle
    }

    private func megabytes(_ bytes: Int) -> String { (Double(bytes) / 1e6).fixed(1) }

    /// As people write it: `2026-11-25 13:05`, where they are.
    private func date(_ seconds: Double) -> String {
        var time = time_t(seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return
            "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) \(two(parts.tm_hour)):\(two(parts.tm_min))"
    }
}
