import Display
import Glibc
import Synchronization

/// Turns a cell's source into a shared object: the compiler's frontend, then the linker, both called directly, because
/// the driver costs 220 ms, and started before they are needed.
final class CellCompiler: Sendable {
    private let toolchain: Toolchain
    /// Where cells are written: modules, and a folder for each with all else.
    let folder: String
    /// Where the modules of this program lie, which cells may import.
    private let modules: String
    /// What the frontend is told of packages: where their modules and macros are.
    private let packages = Mutex<[String]>([])
    private let frontend: PrestartedTool
    private let linker: PrestartedTool
    /// For the next cell.
    private let waiting = Mutex<WaitingCompiler?>(nil)
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
    let moduleCache: String

    /// - Throws: `SystemError` or `FileError` where `folder` cannot be made.
    init(toolchain: Toolchain, folder: String, modules: String) throws {
        guard mkdir(folder, 0o700) == 0 else {
            throw SystemError("cannot make the folder \(folder) for compiled cells")
        }
        try ModulePaths.writeCModules(to: folder)
        views = try ModuleViews(folder: folder)
        let kept = cacheFolder() + "/modules"
        try? makeFolder(kept)
        moduleCache = access(kept, W_OK) == 0 && freeSpace(at: kept) > 100 << 20 ? kept : folder + "/modules"
        self.toolchain = toolchain
        self.folder = folder
        self.modules = modules
        let host = toolchain.root + "/lib/swift/host"
        pluginOptions = [
            "-plugin-path", host + "/plugins", "-in-process-plugin-server-path",
            host + "/libSwiftInProcPluginServer.so",
        ]
        revisions = try ModuleRevisions(folder: folder + "/revised")
        frontend = PrestartedTool(toolchain.frontend, library: ModulePaths.prestart)
        linker = PrestartedTool(toolchain.linker, library: ModulePaths.prestart)
        prepare(WaitingCompiler.Terms(cell: 1, isOptimized: false, options: []), modules: [])
    }

    /// Ends what has been started ahead.
    func shutdown() {
        interrupt()
        // Otherwise it would start another compiler for the one that ends with the server.
        ownTool.stop()
        waiting.withLock { $0 = nil }
        frontend.shutdown()
        linker.shutdown()
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
        let paths = views.separate(view, importing: source.importedCells)
        defer { views.remove(view) }
        let arguments =
            ["-emit-module", "-experimental-skip-all-function-bodies", "-suppress-warnings"]
            + arguments(
                cell, source: base + ".swift", module: base, ignoresAccess: source.ignoresAccess, searchPaths: paths)
        return try run(frontend, toolchain.frontend, arguments, by: ownTool).status == 0
    }

    /// What every compilation of a cell is told.
    private func arguments(
        _ cell: Int, source: String, module: String, ignoresAccess: Bool, searchPaths: [String]
    ) -> [String] {
        [
            "-primary-file", source, "-module-name", "Cell\(cell)", "-enable-testing", "-enable-private-imports",
            "-swift-version", "5", "-enable-bare-slash-regex", "-module-cache-path", moduleCache, "-emit-module-path",
            module + ".swiftmodule",
        ] + (ignoresAccess ? ["-disable-access-control"] : []) + pluginOptions
            + (searchPaths + [folder, modules]).flatMap { ["-I", $0] } + packages.withLock { $0 }
    }

    /// What a cell's compilation to an object file is told.
    private func objectArguments(
        _ cell: Int, isOptimized: Bool, ignoresAccess: Bool = false, searchPaths: [String]
    ) -> [String] {
        let base = "\(folder)/Cell\(cell)"
        return ["-c"]
            + arguments(
                cell, source: sourceFile(of: cell), module: base, ignoresAccess: ignoresAccess,
                searchPaths: searchPaths) + [
                "-entry-point-function-name", "cell_\(cell)", isOptimized ? "-O" : "-Onone", "-gline-tables-only",
                "-diagnostic-style", "llvm", "-no-color-diagnostics", "-suppress-remarks",
                // Off unless asked for: "no member 'learnigRate'; did you mean 'learningRate'?"
                "-typo-correction-limit", "10", "-o", objectFile(of: cell),
                // For inspection: comments and places. They cost less than can be measured.
                "-emit-module-doc-path", base + ".swiftdoc",
                "-emit-module-source-info-path", base + ".swiftsourceinfo",
            ]
    }

    /// Beside the modules, because the compiler lists their folder for every cell.
    private func place(of cell: Int) -> String { "\(folder)/Cell\(cell)" }
    private func sourceFile(of cell: Int) -> String { "\(place(of: cell))/Cell\(cell).swift" }
    private func objectFile(of cell: Int) -> String { "\(place(of: cell))/Cell\(cell).o" }

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
    /// - Throws: `SystemError` where a tool cannot be started, or a file cannot be written.
    func compile(_ source: CellSource, cell: Int, label: String, isOptimized: Bool = false) throws -> Product {
        let library = "\(place(of: cell))/Cell\(cell).so"
        let linkerArguments = [
            "-shared", "-z", "now", "--build-id=none", "--threads=1", "-o", library, toolchain.registrar,
            objectFile(of: cell),
        ]
        views.add(cell)
        views.show(source.importedCells, revised: revisions.folder)
        defer { views.finish(cell, makeEmpty: compileEmptyModule) }
        var link: StartedTool?
        let frontend = try compile(source, cell: cell, label: label, isOptimized: isOptimized) {
            // While it compiles, the linker gets to where it needs the object file.
            link = linker.begin(linkerArguments, stoppingAt: objectFile(of: cell))
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
        load(autolinkedLibraries(of: objectFile(of: cell)))
        let linked = try link.flatMap { tool.finish($0, with: []) } ?? tool.run(toolchain.linker, linkerArguments)
        if linked.wasStopped { return Product(file: nil, diagnostics: [], wasInterrupted: true) }
        guard linked.status == 0 else {
            return Product(
                file: nil,
                diagnostics: [Diagnostic(severity: .error, message: "the cell could not be linked: \(linked.output)")])
        }
        unlink(objectFile(of: cell))
        return Product(file: library, diagnostics: diagnostics)
    }

    /// Compiles a cell to its object file and module, and has the compiler for the next cell started.
    ///
    /// - Parameter going: is called when the compiler is at work.
    private func compile(
        _ source: CellSource, cell: Int, label: String, isOptimized: Bool, going: () -> Void
    ) throws -> Subprocess.Result {
        let terms = WaitingCompiler.Terms(cell: cell, isOptimized: isOptimized, options: packages.withLock { $0 })
        var next = terms
        next.cell += 1
        // What the cell imports for the first time counts only if it compiles.
        let isPrepared = source.newModules.isEmpty
        func prepareNext() { prepare(next, modules: source.importedModules + source.newModules) }
        func writeSource() throws {
            mkdir(place(of: cell), 0o700)
            try write(source.text.utf8, to: sourceFile(of: cell))
        }
        let found = waiting.withLock { waiting -> WaitingCompiler? in
            guard let found = waiting, found.terms.cell <= cell else { return nil }
            waiting = nil
            return found.takes(source, terms) ? found : nil
        }
        if let found {
            let result = tool.finish(found.tool, with: Array(source.text.utf8)) {
                going()
                if isPrepared { prepareNext() }
                // Only now, so that the compiler comes first; nobody but a debugger reads it.
                try? writeSource()
            }
            frontend.note(failed: result == nil)
            if let result, result.status == 0 || result.wasStopped || result.output.contains("\(label):") {
                if !isPrepared, result.status == 0 { prepareNext() }
                return result
            }
        }
        try writeSource()
        func compile(_ paths: [String], going: () -> Void = {}) throws -> Subprocess.Result {
            try run(
                frontend, toolchain.frontend,
                objectArguments(
                    cell, isOptimized: isOptimized, ignoresAccess: source.ignoresAccess, searchPaths: paths),
                by: tool, going: going)
        }
        var result = try compile(views.searchPaths, going: going)
        if result.status != 0, !result.wasStopped, !result.output.contains("\(label):"), !source.importedCells.isEmpty {
            // The user's text is not to blame: perhaps one of the empty modules is. Once more with the real ones.
            result = try compile([revisions.folder])
        }
        prepareNext()
        return result
    }

    /// Has a compiler started that waits for a cell, unless there is one.
    ///
    /// - Parameter imported: modules that it loads ahead.
    private func prepare(_ terms: WaitingCompiler.Terms, modules imported: [String]) {
        waiting.withLock { waiting in
            if let waiting, waiting.terms == terms, waiting.modules == imported { return }
            waiting = nil
            mkdir(place(of: terms.cell), 0o700)
            let text = sourceFile(of: terms.cell)
            let descriptor = open(text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            defer { close(descriptor) }
            guard ftruncate(descriptor, WaitingCompiler.room) == 0 else { return }
            let arguments = objectArguments(
                terms.cell, isOptimized: terms.isOptimized, searchPaths: views.searchPaths)
            let tool = frontend.begin(
                arguments + WaitingCompiler.importing(imported), stoppingAt: modules + "/CellGate.swiftmodule",
                textOf: text)
            waiting = tool.map { WaitingCompiler(tool: $0, terms: terms, modules: imported) }
        }
    }

    /// Runs a tool to its end, one that has made its start if there is such a one.
    private func run(
        _ prestarted: PrestartedTool, _ program: String, _ arguments: [String], by runner: Subprocess,
        going: () -> Void = {}
    ) throws -> Subprocess.Result {
        if let started = prestarted.begin(arguments) {
            let result = runner.finish(started, going: going)
            prestarted.note(failed: result == nil)
            if let result { return result }
        }
        return try runner.run(program, arguments)
    }

    /// The bytes of a module of that name that declares nothing.
    @Sendable private func compileEmptyModule(_ name: String) throws -> [UInt8]? {
        let base = "\(folder)/empty/template-\(name)"
        try write([], to: base + ".swift")
        let result = try run(
            frontend, toolchain.frontend,
            [
                "-emit-module", "-primary-file", base + ".swift", "-module-name", name, "-parse-as-library",
                "-enable-testing", "-swift-version", "5", "-emit-module-path",
                base + ".swiftmodule",
            ], by: ownTool)
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
    private func load(_ libraries: [String]) {
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
func write(_ bytes: some Collection<UInt8>, to path: String) throws {
    let bytes = Array(bytes)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SystemError("cannot write \(path)") }
    defer { close(descriptor) }
    guard write(descriptor, bytes, bytes.count) == bytes.count else { throw SystemError("cannot write \(path)") }
}
