import Display

/// The imports that a cell lacks: participants forget `import Lab` more often than anything else.
struct MissingImports {
    let toolchain: Toolchain
    /// Where the empty C modules of the library lie.
    let folder: String
    let moduleCache: String

    /// The modules that are asked, in this order.
    private static let modules = ["Lab", "Foundation"]

    private static let nowhere = "_cellNowhere"

    /// For each of the names the first module that declares it; of those that are imported none is asked. Takes about
    /// 0.1 s for each module.
    func modules(declaring names: [String], imported: [String]) -> [String: String] {
        var found: [String: String] = [:]
        for module in Self.modules where !imported.contains(where: { $0.hasSuffix("import \(module)") }) {
            let open = names.filter { found[$0] == nil }
            if open.isEmpty { break }
            let file = "\(folder)/Asked.swift"
            // Other messages than that there is no such name are about what it is.
            let text = "import \(module)\n" + (open + [Self.nowhere]).map { "_ = \($0).self\n" }.joined()
            guard (try? write(Array(text.utf8), to: file)) != nil,
                let answer = try? Subprocess().run(
                    toolchain.frontend,
                    [
                        "-typecheck", file, "-module-name", "Asked", "-swift-version", "5",
                        "-module-cache-path", moduleCache, "-I", folder, "-I", ModulePaths.modules,
                        "-diagnostic-style", "llvm", "-no-color-diagnostics", "-suppress-warnings",
                    ])
            else { break }
            func isMissing(_ name: String) -> Bool { answer.output.contains("cannot find '\(name)' in scope") }
            // Where the module itself is not found, or the compiler fails, nothing is said of the names.
            guard isMissing(Self.nowhere) else { continue }
            for name in open where !isMissing(name) { found[name] = module }
        }
        return found
    }
}

extension Diagnostic {
    /// The name that is not found, where that is the message and there is no proposal.
    fileprivate var unknownName: String? {
        message.wholeMatch(of: #/cannot find (?:type )?'(\w+)' in scope/#).map { String($0.1) }
    }
}

extension [Diagnostic] {
    /// The names that are not found, and for which there is no proposal.
    var unknownNames: [String] { compactMap(\.unknownName).withoutRepetition }

    /// Says of names which import brings them.
    mutating func proposeImports(_ modules: [String: String]) {
        for index in indices {
            guard let name = self[index].unknownName, let module = modules[name] else { continue }
            self[index].message += "; `import \(module)` brings it"
        }
    }
}
