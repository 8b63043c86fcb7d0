import Display
internal import FoundationEssentials
import Glibc
import JupyterKernel

/// Swift packages for cells: built once in release mode, as one dynamic library each, and kept across sessions.
extension SwiftInterpreter {
    /// `%package https://github.com/apple/swift-collections 1.6.0 [Product …]`
    func addPackage(_ argument: String, output: any CellOutput) throws -> CellOutcome {
        let words = argument.split(separator: " ").map(String.init)
        guard words.count >= 2 else {
            return .failure(
                CellFailure(
                    name: "MagicError",
                    message:
                        "%package needs an address and a version: %package https://github.com/apple/swift-collections 1.6.0"
                ))
        }
        let (address, version) = (words[0], words[1])
        let name = String(address.split(separator: "/").last ?? "").replacing(".git", with: "")
        // What is allowed is safe in the manifest, and in the name of a folder.
        let isAllowed = words.dropFirst().allSatisfy { word in
            word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-+_".contains($0)) }
        }
        guard isAllowed, !name.isEmpty, !address.contains("\""), !address.contains("\\") else {
            return .failure(
                CellFailure(name: "MagicError", message: "\(argument) is no package address with a version"))
        }
        let folder = cacheFolder() + "/packages/" + ([name, version] + words.dropFirst(2)).joined(separator: "-")
        let ready = folder + "/ready"
        if !fileExists(ready) {
            output.stream(.stdout, "Building \(name) \(version) in release mode; the next time it is there at once.\n")
            if let failure = try build(name, address, version, products: Array(words.dropFirst(2)), in: folder) {
                return .failure(failure)
            }
            try writeFile([], to: ready)
        }
        let products = folder + "/.build/release"
        let library = "\(products)/libCellPackage.so"
        guard dlopen(library, RTLD_NOW | RTLD_GLOBAL) != nil else {
            return .failure(
                CellFailure(
                    name: "PackageError",
                    message: "\(name) was built but cannot be loaded: \(String(cString: dlerror()))"))
        }
        var options = ["-I", products + "/Modules"]
        for entry in folderEntries(products) {
            // C targets come with a module map, macros as programs that the compiler runs.
            if entry.hasSuffix(".build"), fileExists("\(products)/\(entry)/module.modulemap") {
                options += ["-Xcc", "-fmodule-map-file=\(products)/\(entry)/module.modulemap"]
            } else if entry.hasSuffix("-tool"), access("\(products)/\(entry)", X_OK) == 0 {
                options += ["-load-plugin-executable", "\(products)/\(entry)#\(entry.dropLast("-tool".count))"]
            }
        }
        compiler.addOptions(options)
        output.stream(.stdout, "\(name) \(version) can be imported from the next cell on.\n")
        return .success(nil)
    }

    /// Writes a package of our own that makes one dynamic library of the products, and builds it.
    private func build(
        _ name: String, _ address: String, _ version: String, products: [String], in folder: String
    ) throws -> CellFailure? {
        func manifest(_ products: [String]) -> String {
            let used = products.map { ".product(name: \"\($0)\", package: \"\(name)\")" }.joined(separator: ", ")
            return """
                // swift-tools-version: 6.0
                import PackageDescription
                let package = Package(
                    name: "CellPackage",
                    products: [.library(name: "CellPackage", type: .dynamic, targets: ["CellPackage"])],
                    dependencies: [.package(url: "\(address)", exact: "\(version)")],
                    targets: [.target(name: "CellPackage", dependencies: [\(used)])])

                """
        }
        removeFolder(folder)
        try makeFolder(folder + "/Sources/CellPackage")
        try writeFile(
            Array("// Brings the package's products into one library.\n".utf8),
            to: folder + "/Sources/CellPackage/Package.swift")
        try writeFile(Array(manifest(products).utf8), to: folder + "/Package.swift")
        let swift = toolchain.root + "/bin/swift"
        func failure(_ result: Subprocess.Result) -> CellFailure? {
            if result.wasStopped { return interrupted }
            return result.status == 0
                ? nil
                : CellFailure(
                    name: "PackageError",
                    message:
                        "\(name) \(version) could not be built; the lines above say why. Is the version one of its tags, and the machine connected?"
                )
        }
        if products.isEmpty {
            // Which products there are is known once the package is there.
            if let failure = failure(
                try tool.run(swift, ["package", "--package-path", folder, "resolve"], showsOutput: true))
            {
                return failure
            }
            let dump = try tool.run(
                swift, ["package", "--package-path", "\(folder)/.build/checkouts/\(name)", "dump-package"])
            let libraries = libraryProducts(dump.output)
            guard !libraries.isEmpty else {
                return CellFailure(name: "PackageError", message: "\(name) \(version) has no library product to import")
            }
            try writeFile(Array(manifest(libraries).utf8), to: folder + "/Package.swift")
        }
        return failure(
            try tool.run(
                swift, ["build", "--package-path", folder, "-c", "release", "--product", "CellPackage"],
                showsOutput: true))
    }
}

/// The names of the library products in what `swift package dump-package` prints.
private func libraryProducts(_ json: String) -> [String] {
    guard let start = json.firstIndex(of: "{"),
        let dump = try? JSONDecoder().decode(JSON.self, from: Data(json[start...].utf8)),
        case .array(let products)? = dump["products"]
    else { return [] }
    return products.compactMap { product in
        guard case .string(let name)? = product["name"], product["type"]?["library"] != nil else { return nil }
        return name
    }
}

/// `~/.cache/swift-lab`, or where XDG_CACHE_HOME says.
func cacheFolder() -> String {
    if let folder = getenv("XDG_CACHE_HOME"), folder.pointee != 0 { return String(cString: folder) + "/swift-lab" }
    return (getenv("HOME").map { String(cString: $0) } ?? "/tmp") + "/.cache/swift-lab"
}

/// How many bytes may still be written to the disk that a folder is on.
func freeSpace(at path: String) -> UInt64 {
    var information = statvfs()
    return statvfs(path, &information) == 0 ? UInt64(information.f_bavail) * UInt64(information.f_frsize) : 0
}
