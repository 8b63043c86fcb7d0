import Display
import Glibc

/// The folder of one kernel's compiled cells, for as long as its process lives.
///
/// A lock that the system gives back tells a folder in use from one that a killed kernel left behind; a process's number
/// would not, where containers share the folder above.
final class SessionFolder: Sendable {
    let path: String
    /// Holds the lock as long as it is open.
    private let descriptor: Int32

    private static let prefix = "swift-lab-kernel-"

    /// Makes a folder in `parent`, and removes those there whose kernel is gone.
    ///
    /// - Throws: `SystemError` where none can be made.
    init(in parent: String = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp") throws {
        Self.removeLeftOvers(in: parent)
        while true {
            var template = Array("\(parent)/\(Self.prefix)XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else {
                throw SystemError("cannot make a folder for compiled cells in \(parent)")
            }
            let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0, flock(descriptor, LOCK_EX) == 0 else {
                if errno == ENOENT { continue }
                throw SystemError("cannot lock \(path)")
            }
            // Another kernel that starts just now may have taken it for a left one.
            guard fileExists(path) else {
                close(descriptor)
                continue
            }
            self.path = path
            self.descriptor = descriptor
            return
        }
    }

    /// Removes the folder with all that is in it.
    func remove() { removeFolder(path) }

    deinit { close(descriptor) }

    private static func removeLeftOvers(in parent: String) {
        for name in folderEntries(parent) where name.hasPrefix(prefix) {
            let path = "\(parent)/\(name)"
            let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { continue }  // another user's
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { removeFolder(path) }
            close(descriptor)
        }
    }
}
