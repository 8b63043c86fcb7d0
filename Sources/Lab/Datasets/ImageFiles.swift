import Display
internal import Glibc

/// The image files below a folder, and what there cannot be one of them.
package struct ImageFiles {
    /// In the order of their names, whatever order the disk has them in.
    package private(set) var paths: [String] = []
    package private(set) var failures: [FileError] = []

    /// Looks into folders inside, too, and follows links, but none that lead back up, as far as `root`: one in the folder of
    /// a class to that of all classes would make all images its own. Hidden files and folders are left out.
    package init(in folder: String, below root: String? = nil) {
        var above = root.flatMap { Status($0) }.map { [$0.identity] } ?? []
        look(into: folder, &above)
    }

    /// The folders in a folder, hidden ones left out, by name.
    static func folders(in path: String) throws -> [String] {
        try list(path).compactMap { name -> String? in
            guard let name = name.text, !name.hasPrefix("."), let status = Status("\(path)/\(name)"), status.isFolder
            else { return nil }
            return name
        }.sorted()
    }

    /// Two paths to one folder have the same.
    private struct Identity: Equatable {
        var device: dev_t
        var inode: ino_t
    }

    private struct Status {
        let identity: Identity
        let kind: mode_t
        var isFolder: Bool { kind == S_IFDIR }

        init?(_ path: String) {
            var information = stat()
            guard stat(path, &information) == 0 else { return nil }
            identity = Identity(device: information.st_dev, inode: information.st_ino)
            kind = information.st_mode & S_IFMT
        }
    }

    private mutating func look(into folder: String, _ above: inout [Identity]) {
        guard let status = Status(folder), !above.contains(status.identity) else { return }
        above.append(status.identity)
        defer { above.removeLast() }
        let names: [Name]
        do { names = try ImageFiles.list(folder) } catch let error as FileError {
            failures.append(error)
            return
        } catch { return }
        for name in names.sorted(by: { $0.shown < $1.shown }) where !name.shown.hasPrefix(".") {
            let path = "\(folder)/\(name.shown)"
            let isNamedImage = [".png", ".jpg", ".jpeg"].contains(where: name.shown.lowercased().hasSuffix)
            guard name.text != nil else {
                if isNamedImage { failures.append(FileError(path, "has a name that is not UTF-8; rename it")) }
                continue
            }
            guard let status = Status(path) else {
                if isNamedImage { failures.append(FileError(path, "is a link that leads nowhere")) }
                continue
            }
            if status.isFolder {
                look(into: path, &above)
            } else if isNamedImage {
                if status.kind == S_IFREG {
                    paths.append(path)
                } else {
                    failures.append(FileError(path, "is a device or a pipe, not a file"))
                }
            }
        }
    }

    /// A name as the disk has it: any bytes.
    private struct Name {
        /// `nil` where the bytes are not UTF-8, so that no path could be made of it.
        let text: String?
        let shown: String
    }

    private static func list(_ path: String) throws -> [Name] {
        guard let folder = opendir(path) else {
            throw FileError(path, "cannot be looked into (\(String(cString: strerror(errno))))")
        }
        defer { closedir(folder) }
        var names: [Name] = []
        while let entry = readdir(folder) {
            withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) {
                    names.append(Name(text: String(validatingCString: $0), shown: String(cString: $0)))
                }
            }
        }
        return names
    }
}
