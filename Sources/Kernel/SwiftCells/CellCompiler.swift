import Display
import Glibc
import Synchronization

/// Turns a cell's source into a shared object: the compiler's frontend, then the linker, both called directly, because
/// the driver costs 220 ms where these two cost 60.
final class CellCompiler: Sendable {
    private let toolchain: Toolchain
    /// Where cells are written: sources, modules, shared objects.
    let folder: String
    /// Where the modules of this program lie, which cells may import.
    private let modules: String
    /// What the frontend is told of packages: where their modules and macros are.
    private let packages = Mutex<[String]>([])
    private let tool = Subprocess()
    /// Makes what later cells need. No interrupt is about that.
    private let ownTool = Subprocess()
    private let views: ModuleViews
    /// The modules of cells from which later ones have taken something.
    let revisions: ModuleRevisions
    /// Where the macros of the toolchain's own libraries are: `@Observable`, `#Predicate`.
    let pluginOptions: [String]
    /// Where the frontend keeps what it has made of C headers, from session to session if the user's folder can be
    /// written.
    private let moduleCache: String

    /// - Throws: `SystemError` or `FileError` where `folder` cannot be made.
    init(toolchain: Toolchain, folder: String, modules: String) throws {
        guard mkdir(folder, 0o700) == 0 else {
            throw SystemError("cannot make the folder \(folder) for compiled cells")
        }
        try ModulePaths.writeCModules(to: folder)
        views = try ModuleViews(folder: folder)
        let kept = cacheFolder() + "/modules"
        try? makeFolder(kept)
        moduleCache = access(kept, W_OK) == 0 ? kept : folder + "/modules"
        self.toolchain = toolchain
        self.folder = folder
        self.modules = modules
        let host = toolchain.root + "/lib/swift/host"
        pluginOptions = [
            "-plugin-path", host + "/plugins", "-in-process-plugin-server-path",
            host + "/libSwiftInProcPluginServer.so",
        ]
        revisions = try ModuleRevisions(folder: folder + "/revised")
    }

    /// Sees to it that of each of these cells the definitions with these keys are hidden, and no others.
    func hide(_ hidden: [Int: [String: String]]) { revisions.prepare(hidden, compile: compileRevision) }

    /// The same, while something else is done.
    func hideSoon(_ hidden: [Int: [String: String]]) {
        if hidden.isEmpty { return }
        if !startThread({ [self] in hide(hidden) }) { hide(hidden) }
    }

    /// Writes the module of a cell that ran, as if it had been compiled from this text.
    private func compileRevision(_ text: String, _ source: CellSource, _ cell: Int) throws -> Bool {
        let base = "\(revisions.folder)/Cell\(cell)"
        try write(Array(text.utf8), to: base + ".swift")
        let view = "revision\(cell)"
        let paths = views.searchPaths(view, importing: source.importedCells)
        defer { views.remove(view) }
        let result = try ownTool.run(
            toolchain.frontend,
            ["-emit-module", "-experimental-skip-all-function-bodies", "-suppress-warnings"]
                + arguments(cell, base: base, ignoresAccess: source.ignoresAccess, searchPaths: paths))
        return result.status == 0
    }

    /// What every compilation of a cell is told.
    private func arguments(_ cell: Int, base: String, ignoresAccess: Bool, searchPaths: [String]) -> [String] {
        [
            "-primary-file", base + ".swift", "-module-name", "Cell\(cell)", "-enable-testing",
            "-enable-private-imports", "-swift-version", "5", "-enable-bare-slash-regex",
            "-module-cache-path", moduleCache, "-emit-module-path", base + ".swiftmodule",
        ] + (ignoresAccess ? ["-disable-access-control"] : []) + pluginOptions
            + (searchPaths + [folder, modules]).flatMap { ["-I", $0] } + packages.withLock { $0 }
    }

    struct Product {
        /// The shared object; `nil` where the cell did not compile.
        var file: String?
        var diagnostics: [Diagnostic]
        var wasInterrupted = false
        /// What the compiler printed, of a cell that did not compile.
        var compilerOutput = ""
    }

    /// Compiles `source` as the script of module `Cell<cell>` with the entry point `cell_<cell>`.
    ///
    /// - Throws: `SystemError` where a tool cannot be started,
    /// or where a file cannot be written.
    func compile(_ source: CellSource, cell: Int, label: String, isOptimized: Bool = false) throws -> Product {
        let base = "\(folder)/Cell\(cell)"
        try write(Array(source.text.utf8), to: base + ".swift")
        let view = "view\(cell)"
        let paths = views.searchPaths(view, importing: source.importedCells, revised: revisions.folder)
        defer {
            views.remove(view)
            views.finish(cell, makeEmpty: compileEmptyModule)
        }
        func compile(_ paths: [String]) throws -> Subprocess.Result {
            try self.compile(
                base, cell: cell, isOptimized: isOptimized, ignoresAccess: source.ignoresAccess, searchPaths: paths)
        }
        var frontend = try compile(paths)
        if frontend.status != 0, !frontend.wasStopped, !frontend.output.contains("\(label):"), !paths.isEmpty {
            // The user's text is not to blame: perhaps one of the empty modules is. Once more with the real ones.
            frontend = try compile([revisions.folder])
        }
        let diagnostics = [Diagnostic](compilerOutput: frontend.output, source: source, label: label)
        if frontend.wasStopped { return Product(file: nil, diagnostics: [], wasInterrupted: true) }
        guard frontend.status == 0 else {
            var diagnostics = diagnostics
            if !diagnostics.hasErrors {
                // The compiler itself failed; its last lines are all there is.
                let last = frontend.output.split(separator: "\n").suffix(4).joined(separator: "\n")
                diagnostics.append(
                    Diagnostic(
                        severity: .error, message: "the Swift compiler failed (status \(frontend.status)): \(last)"))
            }
            return Product(file: nil, diagnostics: diagnostics, compilerOutput: frontend.output)
        }
        try load(autolinkedLibraries(of: base + ".o"))
        let linker = try tool.run(
            toolchain.linker,
            ["-shared", "-z", "now", "--build-id=none", "-o", base + ".so", toolchain.registrar, base + ".o"])
        if linker.wasStopped { return Product(file: nil, diagnostics: [], wasInterrupted: true) }
        guard linker.status == 0 else {
            return Product(
                file: nil,
                diagnostics: [Diagnostic(severity: .error, message: "the cell could not be linked: \(linker.output)")])
        }
        unlink(base + ".o")
        return Product(file: base + ".so", diagnostics: diagnostics)
    }

    private func compile(
        _ base: String, cell: Int, isOptimized: Bool, ignoresAccess: Bool, searchPaths: [String]
    ) throws -> Subprocess.Result {
        try tool.run(
            toolchain.frontend,
            ["-c"] + arguments(cell, base: base, ignoresAccess: ignoresAccess, searchPaths: searchPaths) + [
                "-entry-point-function-name", "cell_\(cell)", isOptimized ? "-O" : "-Onone", "-gline-tables-only",
                "-diagnostic-style", "llvm", "-no-color-diagnostics", "-suppress-remarks",
                // Off unless asked for: "no member 'learnigRate'; did you mean 'learningRate'?"
                "-typo-correction-limit", "10", "-o", base + ".o",
                // For inspection: comments and places. They cost less than can be measured.
                "-emit-module-doc-path", base + ".swiftdoc",
                "-emit-module-source-info-path", base + ".swiftsourceinfo",
            ])
    }

    /// The bytes of a module of that name that declares nothing.
    private func compileEmptyModule(_ name: String) throws -> [UInt8]? {
        let base = "\(folder)/empty/template-\(name)"
        try write([], to: base + ".swift")
        let result = try ownTool.run(
            toolchain.frontend,
            [
                "-emit-module", "-primary-file", base + ".swift", "-module-name", name, "-parse-as-library",
                "-enable-testing", "-swift-version", "5", "-emit-module-path", base + ".swiftmodule",
            ])
        return result.status == 0 ? try readFile(base + ".swiftmodule") : nil
    }

    /// Adds options for every later cell, each once.
    func addOptions(_ options: [String]) {
        packages.withLock { $0 += options }
    }

    /// What was added.
    var packageOptions: [String] { packages.withLock { $0 } }

    /// Ends a compilation that runs on another thread or is about to.
    func interrupt() { tool.stop() }

    /// Before a cell.
    func forgetInterrupt() { tool.forgetStop() }

    /// Loads what the cell's imports ask for, so that the linker need not: a shared object may leave symbols to be found
    /// in the process.
    private func load(_ libraries: [String]) throws {
        for library in libraries {
            let name = "lib\(library).so"
            for path in ["\(toolchain.libraries)/\(name)", name]
            where dlopen(path, RTLD_NOW | RTLD_GLOBAL) != nil { break }
        }
    }
}

/// The libraries that an object file asks for: the `-l` options in its section `.swift1_autolink_entries`, which the
/// toolchain's own tool takes 20 ms to read.
func autolinkedLibraries(of file: String) -> [String] {
    guard let bytes = try? readFile(file) else { return [] }
    return bytes.withUnsafeBytes { raw -> [String] in
        func field<Value: FixedWidthInteger>(_ offset: Int, _: Value.Type) -> Int {
            offset >= 0 && offset + MemoryLayout<Value>.size <= raw.count
                ? Int(Value(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: Value.self))) : 0
        }
        // ELF-64: e_shoff at 40, e_shentsize 58, e_shnum 60, e_shstrndx 62; in a section header sh_name at 0,
        // sh_offset 24, sh_size 32.
        let table = field(40, UInt64.self)
        let size = field(58, UInt16.self)
        let count = field(60, UInt16.self)
        let names = field(table + field(62, UInt16.self) * size + 24, UInt64.self)
        let wanted = Array(".swift1_autolink_entries".utf8)
        for section in 0..<count {
            let header = table + section * size
            let name = names + field(header, UInt32.self)
            guard name + wanted.count <= raw.count, raw[name..<name + wanted.count].elementsEqual(wanted) else {
                continue
            }
            let start = field(header + 24, UInt64.self)
            let length = field(header + 32, UInt64.self)
            guard start + length <= raw.count else { return [] }
            let entries = raw[start..<start + length].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return entries.filter { $0.hasPrefix("-l") }.map { String($0.dropFirst(2)) }
        }
        return []
    }
}

/// Without `writeFile`'s wait for the disk: nobody needs what a cell is compiled from after a crash.
///
/// - Throws: `SystemError` where the file cannot be written.
func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SystemError("cannot write \(path)") }
    defer { close(descriptor) }
    guard write(descriptor, bytes, bytes.count) == bytes.count else { throw SystemError("cannot write \(path)") }
}
