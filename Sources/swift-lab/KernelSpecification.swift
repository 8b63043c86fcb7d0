import Display
import FoundationEssentials

/// The folder that Jupyter finds a kernel by: kernel.json and the logos.
struct KernelSpecification {
    /// Contents by file name.
    let files: [String: Data]

    /// The project's template, with the path of `executable` in place of the program's name.
    init(for executable: URL) throws {
        guard let template = Place.project?.appending(path: "kernelspec") else {
            throw Refusal(
                "\(executable.path) lies in no copy of Swift Lab (no kernelspec/kernel.json above it): run the one in the project's .build folder."
            )
        }
        var files: [String: Data] = [:]
        for name in ["kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"] {
            do {
                files[name] = try Data(contentsOf: template.appending(path: name))
            } catch {
                throw Refusal("\(template.path)/\(name) cannot be read: get it back from the repository.")
            }
        }
        guard case .object(var members)? = try? JSONDecoder().decode(JSON.self, from: files["kernel.json"]!),
            case .array(let arguments)? = members["argv"], !arguments.isEmpty
        else { throw Refusal("\(template.path)/kernel.json is damaged: get it back from the repository.") }
        members["argv"] = .array([.string(executable.path)] + arguments.dropFirst())
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        files["kernel.json"] = try encoder.encode(JSON.object(members)) + Data("\n".utf8)
        self.files = files
    }

    /// The program that is registered in `folder`, `nil` where none is.
    static func program(registeredIn folder: URL) -> URL? {
        guard let bytes = try? Data(contentsOf: folder.appending(path: "kernel.json")),
            case .array(let arguments)? = try? JSONDecoder().decode(JSON.self, from: bytes)["argv"],
            case .string(let path)? = arguments.first
        else { return nil }
        return URL(filePath: path)
    }

    /// Whether `folder` holds exactly this.
    func isInstalled(in folder: URL) -> Bool {
        files.allSatisfy { name, content in (try? Data(contentsOf: folder.appending(path: name))) == content }
    }

    /// Writes the folder, or leaves it as it was: everything is written beside it first and then renamed.
    /// Returns false where nothing had to be changed. Throws `Refusal` where the place cannot be written.
    func write(to folder: URL) throws -> Bool {
        if isInstalled(in: folder) { return false }
        let manager = FileManager.default
        let kernels = folder.deletingLastPathComponent()
        let mark = "\(folder.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier)"
        let new = kernels.appending(path: ".new-\(mark)")
        let old = kernels.appending(path: ".old-\(mark)")
        defer { try? manager.removeItem(at: new) }
        do {
            try manager.createDirectory(at: new, withIntermediateDirectories: true)
            for (name, content) in files { try content.write(to: new.appending(path: name)) }
            let isReplacing = manager.fileExists(atPath: folder.path)
            if isReplacing { try manager.moveItem(at: folder, to: old) }
            do {
                try manager.moveItem(at: new, to: folder)
            } catch {
                if isReplacing { try manager.moveItem(at: old, to: folder) }
                throw error
            }
        } catch {
            throw Refusal(
                "The kernel could not be registered in \(kernels.path), which cannot be written: choose another place with --prefix."
            )
        }
        try? manager.removeItem(at: old)
        return true
    }
}
