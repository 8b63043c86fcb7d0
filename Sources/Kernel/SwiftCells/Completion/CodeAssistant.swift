import Display
import Glibc
import JupyterKernel
import Synchronization

/// Completes and explains code: asks the code service with the imports that a cell would get, and shapes what it says.
final class CodeAssistant: Sendable {
    private let service: CodeService
    private let compiler: CellCompiler
    private let modules: String

    private struct Cell {
        var label: String
        var code: String
        /// How many lines stand before it in what was compiled.
        var headLines: Int
    }
    private struct State {
        /// The cells that ran, by module number.
        var cells: [Int: Cell] = [:]
        var isWarming = false
    }
    private let state = Mutex(State())

    /// What one completion or inspection may take; it usually is 5 to 60 ms.
    private static let limit = Duration.seconds(2)

    /// - Parameter modules: where the modules of this program lie.
    init(toolchain: Toolchain, compiler: CellCompiler, modules: String) {
        service = CodeService(library: toolchain.root + "/lib/libsourcekitdInProc.so")
        self.compiler = compiler
        self.modules = modules
    }

    /// For the compiler inside the service; the first is the file that the code is said to be.
    private var arguments: [String] {
        [
            "\(compiler.folder)/Cell.swift", "-module-name", "Cell", "-swift-version", "5",
            "-enable-bare-slash-regex", "-I", compiler.revisions.folder, "-I", compiler.folder, "-I", modules,
        ] + compiler.pluginOptions + compiler.packageOptions
    }

    /// Notes a cell, so that its declarations can be shown.
    func willRun(cell: Int, label: String, code: String, compiled: CellSource) {
        // The head of imports ends with the directive that starts the cell's own lines.
        let head = compiled.text.split(separator: "\n", omittingEmptySubsequences: false)
            .firstIndex { $0.hasPrefix("#sourceLocation") }
        state.withLock { $0.cells[cell] = Cell(label: label, code: code, headLines: (head ?? -1) + 1) }
    }

    func shutdown() { service.shutdown() }

    // MARK: Completion

    /// - Parameter cursor: in Unicode scalars.
    func complete(_ code: String, cursor: Int, names: NameTable) -> Completions {
        let magic = MagicText(code, cursor: cursor)
        if let completions = magic.completions(cursor: cursor) { return completions }
        let code = magic.swift
        let context = CursorContext(code, cursor: cursor)
        let nothing = Completions(matches: [], range: cursor..<cursor)
        if context.isNumber || CursorSyntax(code, cursor: context.cursor).isInText { return nothing }
        // Where nothing begins like the prefix, what is similar to it.
        for isFuzzy in [false, true] where !isFuzzy || context.prefix.count > 1 {
            // Every name that may be meant has to be visible.
            let references = names.names(startingWith: isFuzzy ? "" : context.prefix, members: context.isMember)
            let probe = ProbeText(code, names: names, references: references, askingAt: context.start)
            let offset = probe.offset(of: context.start)
            guard
                let items = try? items(
                    of: probe.text, at: offset, filter: context.prefix, isFuzzy: isFuzzy, names: names)
            else { return nothing }
            let ranking = CompletionRanking(items, context: context)
            if !ranking.matches.isEmpty {
                return Completions(
                    matches: ranking.matches, range: context.replacedRange(bytesToErase: ranking.bytesToErase))
            }
        }
        return nothing
    }

    private func items(
        of text: String, at offset: Int, filter: String, isFuzzy: Bool = false, names: NameTable
    ) throws -> [CompletionAnswer.Item] {
        // The service keeps its compiler from one completion to the next as long as these do not change, and that
        // compiler lists the folder of cells once: after a new cell it must be another (50 ms).
        let arguments = arguments + ["-D", "CELLS_\(names.newest)_\(compiler.revisions.count)"]
        let open = SourceKitRequest.openCompletion(
            of: text, at: offset, filter: filter, isFuzzy: isFuzzy, limit: 3 * CompletionRanking.limit,
            arguments: arguments)
        let answers = try ask([open, .closeCompletion(at: offset, arguments: arguments)])
        return CompletionAnswer(answer: answers[0])?.results ?? []
    }

    // MARK: Inspection

    /// - Parameters:
    ///   - cursor: in Unicode scalars.
    ///   - detail: 1 adds the declaration's source, where it is known.
    func inspect(_ code: String, cursor: Int, detail: Int, names: NameTable) -> MimeBundle? {
        let magic = MagicText(code, cursor: cursor)
        if let help = magic.help { return MimeBundle(text: help) }
        let code = magic.swift
        let cursor = CursorContext(code, cursor: cursor).cursor
        let syntax = CursorSyntax(code, cursor: cursor)
        // The name under the cursor, or else the function whose arguments are being written.
        for name in [syntax.word, syntax.callee].compactMap({ $0 }) {
            do {
                if let found = try documentation(of: name, in: code, detail: detail, names: names) {
                    return found.bundle
                }
            } catch {
                return nil
            }
        }
        return nil
    }

    private func documentation(
        of name: CursorSyntax.Name, in code: String, detail: Int, names: NameTable
    ) throws -> Documentation? {
        let probe = ProbeText(code, names: names, references: [], askingAt: name.offset)
        let offset = probe.offset(of: name.offset)
        if let answer = try information(probe.text, at: offset) {
            var found = documentation(answer, code: code, headLines: probe.headLines, detail: detail)
            if answer.isType, answer.secondary == nil, let type = answer.name {
                // How it is made is what one wants to know of a type, and more so behind its parenthesis.
                let text = String(decoding: probe.text.utf8.prefix(offset), as: UTF8.self) + type + ".init\n"
                let end = offset + type.utf8.count + 1
                found?.related = try items(of: text, at: end, filter: "init", names: names)
                    .filter { $0.kind.hasSuffix(".constructor") }.map(\.description).withoutRepetition
                    .prefix(12).map { $0 }
            }
            return found
        }
        // Half-written code often has no meaning yet. What would complete the name has one, with every argument a
        // placeholder.
        let items = try items(of: probe.text, at: offset, filter: name.text, names: names)
            .filter { $0.inserted == name.text && !$0.kind.hasSuffix(".keyword") }
        guard let item = items.first else { return nil }
        let before = String(decoding: probe.text.utf8.prefix(offset), as: UTF8.self)
        for isTyped in [true, false] {
            let call = StandInCall(item.sourceText, isTyped: isTyped)
            if let answer = try information(before + call.text + "\n", at: offset) {
                return documentation(answer, code: code, headLines: probe.headLines, detail: detail)
            }
        }
        if item.kind.hasSuffix(".function.free") {
            let function = StandInCall.inFunction(item.sourceText)
            let lines = before[..<(before.lastIndex(of: "\n").map { before.index(after: $0) } ?? before.startIndex)]
            if let answer = try information(String(lines) + function.text, at: lines.utf8.count + function.call) {
                return documentation(answer, code: code, headLines: probe.headLines, detail: detail)
            }
        }
        let others = items.dropFirst().map(\.description).withoutRepetition.prefix(8)
        let type = item.typeName.map { item.kind.contains(".function.") ? " -> \($0)" : ": \($0)" } ?? ""
        return Documentation(
            declarations: [item.description + type], comment: item.brief ?? "", related: Array(others),
            place: item.module.flatMap { place(module: $0, line: nil) })
    }

    private func information(_ text: String, at offset: Int) throws -> CursorAnswer? {
        let answer = try information(text, at: offset, arguments: arguments)
        // The service takes comments from the sources themselves, from where they stood when those were compiled.
        guard let answer, let file = answer.file, let module = answer.module, hasChanged(file, since: module) else {
            return answer
        }
        return try information(
            text, at: offset, arguments: arguments + ["-Xfrontend", "-ignore-module-source-info"])
    }

    /// Whether a source of this program is newer than the module that was compiled from it.
    private func hasChanged(_ file: String, since module: String) -> Bool {
        func time(_ path: String) -> (Int, Int)? {
            var status = stat()
            return stat(path, &status) == 0 ? (status.st_mtim.tv_sec, status.st_mtim.tv_nsec) : nil
        }
        guard let compiled = time("\(modules)/\(module).swiftmodule"), let saved = time(file) else { return false }
        return saved > compiled
    }

    private func information(_ text: String, at offset: Int, arguments: [String]) throws -> CursorAnswer? {
        let answers = try ask([
            .openEditor(text, arguments: arguments), .cursorInformation(at: offset, arguments: arguments),
            .closeEditor(arguments: arguments),
        ])
        guard let answer = CursorAnswer(answer: answers[1]), answer.kind != nil else { return nil }
        return answer
    }

    private func documentation(_ answer: CursorAnswer, code: String, headLines: Int, detail: Int) -> Documentation? {
        if answer.kind?.hasSuffix(".module") == true, let module = answer.module {
            return Documentation(declarations: ["import \(module)"], place: "A module.")
        }
        // The initialiser that a call of a type means stands with it.
        let answers = [answer] + (answer.secondary ?? [])
        var documentation = Documentation(
            declarations: answers.compactMap(\.declaration),
            comment: answers.compactMap(\.documentation).joined(separator: "\n\n"),
            related: answers.flatMap(\.relatedDeclarations))
        guard !documentation.declarations.isEmpty else { return nil }
        if let module = answer.module, let name = answer.name {
            let source = source(of: name, answer, code: code, headLines: headLines, readsFile: detail > 0)
            documentation.place = place(module: module, line: source?.line)
            if detail > 0 { documentation.source = source?.text }
        }
        return documentation
    }

    /// The declaration in the text that it stands in: a cell's, or (`readsFile`) a file that is still there.
    private func source(
        of name: String, _ answer: CursorAnswer, code: String, headLines: Int, readsFile: Bool
    ) -> DeclarationSource? {
        guard let module = answer.module else { return nil }
        if module == "Cell" {
            return DeclarationSource(of: name, line: answer.line.map { $0 - headLines }, in: code)
        }
        if let cell = cell(module) {
            return DeclarationSource(of: name, line: answer.line.map { $0 - cell.headLines }, in: cell.code)
        }
        guard readsFile, let file = answer.file, let line = answer.line, let text = try? readFile(file) else {
            return nil
        }
        return DeclarationSource(of: name, line: line, in: String(decoding: text, as: UTF8.self))
    }

    private func place(module: String, line: Int?) -> String {
        let line = line.map { ", line \($0)" } ?? ""
        if module == "Cell" { return "Defined in this cell\(line)." }
        return cell(module).map { "Defined in \($0.label)\(line)." } ?? "From the module \(module)."
    }

    private func cell(_ module: String) -> Cell? {
        guard module.isCellModule, let number = Int(module.dropFirst(4)) else { return nil }
        return state.withLock { $0.cells[number] }
    }

    // MARK: The service

    /// Thrown where the helper hung or keeps crashing: there is no answer, and asking more at once would only take
    /// longer.
    private struct NoAnswer: Error {}

    private func ask(_ requests: [SourceKitRequest]) throws -> [[UInt8]] {
        guard let answers = service.ask(requests, within: Self.limit) else {
            // The next question is to find another helper, and a warm one.
            warmUpSoon(after: .zero)
            throw NoAnswer()
        }
        return answers
    }

    /// Starts the helper on a thread of its own and has it load what nearly every question needs: the first global
    /// completion takes 300 ms, later ones 5.
    ///
    /// - Parameter pause: how long it waits for a moment in which no cell is started, because the first cells need the
    ///   processor more.
    func warmUpSoon(after pause: Duration) {
        let isFirst = state.withLock { state in
            defer { state.isWarming = true }
            return !state.isWarming
        }
        guard isFirst else { return }
        let hasStarted = startThread { [self] in
            var newest: Int?
            while pause > .zero, newest != state.withLock({ $0.cells.count }) {
                newest = state.withLock { $0.cells.count }
                usleep(UInt32(pause.components.seconds) * 1_000_000)
            }
            let text = "import CellRuntime\nimport Lab\n_ = 0\nprint(1)\n"
            let offset = text.utf8.count - "print(1)\n".utf8.count
            _ = service.ask(
                [
                    .openCompletion(
                        of: text, at: offset, filter: "print", isFuzzy: false, limit: 1, arguments: arguments),
                    .closeCompletion(at: offset, arguments: arguments),
                    .openEditor(text, arguments: arguments), .cursorInformation(at: offset, arguments: arguments),
                    .closeEditor(arguments: arguments),
                ], within: .seconds(5))
            state.withLock { $0.isWarming = false }
        }
        if !hasStarted { state.withLock { $0.isWarming = false } }
    }
}
