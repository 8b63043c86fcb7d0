internal import Glibc

/// Why a file could not be read, understood or written: one sentence that names it.
public struct FileError: Error, Hashable, CustomStringConvertible {
    public var path: String
    public var reason: String

    public init(_ path: String, _ reason: String) {
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(path): \(reason)" }
}

/// A path as a shell would take it: `~` at its beginning is the user's home.
package func homeExpanded(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home = getenv("HOME").map({ String(cString: $0) }), !home.isEmpty
    else { return path }
    return home + path.dropFirst()
}

/// The whole content of a file.
///
/// - Throws: `FileError` where there is none, or it is no file, or it cannot be read.
package func readFile(_ path: String) throws -> [UInt8] {
    let path = homeExpanded(path)
    // Without O_NONBLOCK opening a pipe would wait for somebody to write into it.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw FileError(path, "cannot be read (\(String(cString: strerror(errno))))") }
    defer { close(file) }
    var information = stat()
    guard fstat(file, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
        throw FileError(path, "is a folder or a device, not a file")
    }
    let size = Int(information.st_size)
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        while count < size {
            let got = read(file, buffer.baseAddress! + count, size - count)
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw FileError(path, "cannot be read (\(String(cString: strerror(errno))))") }
            if got == 0 { break }
            count += got
        }
    }
}

/// Writes a file so that it is there whole or not at all: aside first, then renamed over what was there. Both have
/// reached the disk when it returns.
///
/// - Throws: `FileError` where that fails; what was there stays.
package func writeFile(_ bytes: [UInt8], to path: String) throws {
    let file = try NewFile(path)
    try bytes.withUnsafeBytes { try file.write($0) }
    try file.reachDisk()
    try file.takePlace()
    file.recordPlace()
}

/// A file that is written aside, and takes the place of what was there once it is whole. Let go before, it leaves nothing.
package final class NewFile {
    private let path: String
    private let aside: String
    private var file: Int32

    package init(_ path: String) throws(FileError) {
        self.path = homeExpanded(path)
        aside = "\(self.path).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).part"
        file = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        if file < 0 { throw failure() }
    }

    deinit {
        guard file >= 0 else { return }
        close(file)
        unlink(aside)
    }

    private func failure() -> FileError { FileError(path, "cannot be written (\(String(cString: strerror(errno))))") }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let put = Glibc.write(file, bytes.baseAddress! + written, bytes.count - written)
            if put < 0 && errno == EINTR { continue }
            if put < 0 { throw failure() }
            written += put
        }
    }

    /// Waits until what was written is on the disk.
    package func reachDisk() throws(FileError) { if fsync(file) != 0 { throw failure() } }

    package func takePlace() throws(FileError) {
        if rename(aside, path) != 0 { throw failure() }
        close(file)
        file = -1
    }

    /// Waits until the disk knows what took its place in this folder: a name is an entry of the folder, which is written by
    /// itself.
    package func recordPlace() {
        let slash = path.lastIndex(of: "/")
        let folder = open(slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".", O_RDONLY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }
}

package func fileExists(_ path: String) -> Bool { access(homeExpanded(path), F_OK) == 0 }

/// Makes a folder and those above it.
///
/// - Throws: `FileError`, which names the one that cannot be made.
package func makeFolder(_ path: String) throws {
    let path = homeExpanded(path)
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
        made += made.isEmpty || made.hasSuffix("/") ? String(part) : "/" + part
        if mkdir(made, 0o777) != 0 && errno != EEXIST {
            throw FileError(made, "this folder cannot be made (\(String(cString: strerror(errno))))")
        }
    }
}

/// The names in a folder, in no order; none where it cannot be read.
package func folderEntries(_ path: String) -> [String] {
    guard let folder = opendir(homeExpanded(path)) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

/// Removes a folder and everything in it, as far as that is allowed. Links are removed, not followed.
package func removeFolder(_ path: String) {
    for name in folderEntries(path) where unlink("\(path)/\(name)") != 0 { removeFolder("\(path)/\(name)") }
    rmdir(path)
}
