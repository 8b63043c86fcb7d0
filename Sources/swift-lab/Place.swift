import FoundationEssentials
import Glibc

/// Where this program and what belongs to it lie on the disk.
enum Place {
    /// The running program, links resolved.
    static let executable = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()

    /// The project that the program was built in: the first folder above it that holds the kernelspec's template.
    static let project = project(of: executable)

    static func project(of program: URL) -> URL? {
        var folder = program
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            if isFile(folder.appending(path: "kernelspec/kernel.json")) { return folder }
        }
        return nil
    }

    /// Jupyter's data folder of this user.
    static var userJupyter: URL {
        if let folder = environment("JUPYTER_DATA_DIR") { return URL(filePath: folder, directoryHint: .isDirectory) }
        return userData.appending(path: "jupyter")
    }

    /// `$XDG_DATA_HOME`, or `~/.local/share`.
    static var userData: URL {
        if let folder = environment("XDG_DATA_HOME") { return URL(filePath: folder, directoryHint: .isDirectory) }
        return home.appending(path: ".local/share")
    }

    static var home: URL { URL(filePath: environment("HOME") ?? "/root", directoryHint: .isDirectory) }

    /// The folders of the PATH.
    static var searchPath: [URL] {
        (environment("PATH") ?? "").split(separator: ":").map { URL(filePath: String($0), directoryHint: .isDirectory) }
    }

    /// A program on the PATH.
    static func program(_ name: String) -> URL? {
        searchPath.map { $0.appending(path: name) }.first { access($0.path, X_OK) == 0 }
    }

    /// An environment variable; `nil` also where it is empty.
    static func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    static func isFile(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }
}
