import Display
import Glibc
import JupyterKernel
import Synchronization

/// A language of one command a line, in which the whole protocol can be tried without a compiler:
///
///     print x                 warn x                  raw x (to descriptor 1, past the C library)
///     flood 200000            value x                 error
///     display png             update id x             clear
///     input prompt            password prompt         page x
///     next x                  late x                  sleep-until-interrupted
///     open target             tell x (to every comm that was opened)
///     limit 1000 (bytes of text that a cell may show)
///
/// Comms to the target "echo" are accepted; what comes on a comm goes back, with "printed" printed.
public final class EchoInterpreter: Interpreter {
    private let interrupted = Atomic<Bool>(false)
    /// Called when `late` was asked for: the test decides when it is late.
    public let late = Mutex<(@Sendable () -> Void)?>(nil)

    /// Where displays and comms go; the process's front end where a test names none.
    public let frontend = Mutex<(any Frontend)?>(nil)
    private let comms = Mutex<[any Comm]>([])
    private let madePicture = Mutex<MimeBundle?>(nil)

    public init() {}

    public var language: LanguageInfo {
        LanguageInfo(
            name: "echo", version: "1.0", mimeType: "text/x-echo", fileExtension: ".echo", pygmentsLexer: "text")
    }

    public var banner: String { "echo: says what it is told" }

    public func execute(_ cell: Cell, output: any CellOutput) -> CellOutcome {
        interrupted.store(false, ordering: .relaxed)
        var value: MimeBundle?
        for line in cell.code.split(separator: "\n", omittingEmptySubsequences: true) {
            let (command, argument) = Self.parts(of: line)
            value = nil
            do {
                switch command {
                case "print": output.stream(.stdout, argument + "\n")
                case "warn": output.stream(.stderr, argument + "\n")
                case "raw": Array((argument + "\n").utf8).withUnsafeBytes { _ = write(1, $0.baseAddress, $0.count) }
                case "say": Swift.print(argument)
                case "flood":
                    for number in 0..<(Int(argument) ?? 0) {
                        if Interruption.isRequested { throw Interrupted() }
                        Swift.print("line \(number) of the flood, some text to carry")
                    }
                case "limit": outputLimit = Int(argument) ?? 0
                case "value": value = MimeBundle(text: argument)
                case "display": notebook.display(Self.picture, id: nil)
                case "open":
                    notebook.acceptComms(target: "echo") { [weak self] comm, payload in self?.adopt(comm, payload) }
                    if let comm = notebook.openComm(
                        target: argument, CommPayload(data: ["n": 1], metadata: ["version": "1"]))
                    {
                        adopt(comm, nil)
                    }
                case "tell":
                    for comm in comms.withLock({ $0 }) {
                        comm.send(CommPayload(data: ["text": .string(argument)], buffers: [[1, 2, 3], []]))
                    }
                case "output-id": value = MimeBundle(text: notebook.currentOutputID ?? "none")
                case "picture": output.display(largePicture(bytes: Int(argument) ?? 0), id: nil)
                case "show":
                    let (id, text) = Self.parts(of: argument[...])
                    output.display(MimeBundle(text: text), id: DisplayID(id))
                case "update":
                    let (id, text) = Self.parts(of: argument[...])
                    output.update(MimeBundle(text: text), id: DisplayID(id))
                case "clear": output.clear(wait: argument == "wait")
                case "input": output.stream(.stdout, try output.readLine(prompt: argument, isPassword: false) + "\n")
                case "password": output.stream(.stdout, try output.readLine(prompt: argument, isPassword: true) + "\n")
                case "page": output.page(MimeBundle(text: argument))
                case "next": output.setNextInput(argument, replace: false)
                case "late": late.withLock { $0 = { output.stream(.stdout, argument + "\n") } }
                case "sleep-until-interrupted":
                    output.stream(.stdout, "sleeping\n")
                    try sleepUntilInterrupted()
                case "error":
                    return .failure(
                        CellFailure(
                            name: "EchoError", message: argument,
                            traceback: ["\u{1B}[31mEchoError\u{1B}[0m: \(argument)"]))
                default: return .failure(CellFailure(name: "UnknownCommand", message: String(command)))
                }
            } catch {
                return .failure(CellFailure(name: "\(type(of: error))", message: "\(error)"))
            }
        }
        return .success(value)
    }

    private var notebook: any Frontend { frontend.withLock { $0 } ?? Display.frontend }

    /// Sends back on a comm what comes on it; and what it was opened with, if a client opened it.
    private func adopt(_ comm: any Comm, _ first: CommPayload?) {
        comms.withLock { $0.append(comm) }
        if let first { comm.send(first) }
        comm.onMessage { [weak self] payload in
            Swift.print("printed")
            self?.notebook.display(MimeBundle(text: "displayed"), id: nil)
            comm.send(payload)
        }
        comm.onClose { [weak self] payload in
            self?.notebook.display(MimeBundle(text: "closed"), id: nil)
        }
    }

    public func interrupt() { interrupted.store(true, ordering: .relaxed) }

    /// What a cell with no end does: it stops when it is asked to.
    private func sleepUntilInterrupted() throws {
        while !interrupted.load(ordering: .relaxed) { usleep(500) }
        throw Interrupted()
    }

    static let commands = [
        "clear", "display", "error", "flood", "input", "late", "next", "page", "password", "picture", "print", "raw",
        "say", "show", "sleep-until-interrupted", "update", "value", "warn",
    ]

    public func complete(_ code: String, cursor: Int) -> Completions {
        let scalars = Array(code.unicodeScalars.prefix(cursor))
        let start = (scalars.lastIndex { $0 == " " || $0 == "\n" }).map { $0 + 1 } ?? 0
        let word = String(String.UnicodeScalarView(scalars[start...]))
        return Completions(
            matches: Self.commands.filter { $0.hasPrefix(word) }.map { .init(text: $0, kind: "keyword") },
            range: start..<cursor)
    }

    public func inspect(_ code: String, cursor: Int, detail: Int) -> MimeBundle? {
        let word = String(code.prefix { $0 != " " })
        return Self.commands.contains(word) ? MimeBundle(text: "\(word): a command, detail \(detail)") : nil
    }

    /// A line that ends with a backslash goes on; one that is a lone ")" can never be right.
    public func completeness(of code: String) -> Completeness {
        code == ")" ? .invalid : code.hasSuffix("\\") ? .incomplete(indent: "  ") : .complete
    }

    public func evaluate(_ expression: String) -> CellOutcome {
        switch expression {
        case "error": return .failure(CellFailure(name: "EchoError", message: "evaluated"))
        case "sleep-until-interrupted":
            interrupted.store(false, ordering: .relaxed)
            RunningCell.output?.stream(.stdout, "sleeping\n")
            do {
                try sleepUntilInterrupted()
            } catch {
                return .failure(CellFailure(name: "Interrupted", message: "\(error)"))
            }
            return .success(nil)
        default: return .success(MimeBundle(text: expression))
        }
    }

    private static func parts(of line: Substring) -> (command: String, argument: String) {
        let parts = line.split(separator: " ", maxSplits: 1)
        return (parts.first.map(String.init) ?? "", parts.count > 1 ? String(parts[1]) : "")
    }

    /// One red pixel.
    static let picture = MimeBundle(
        png: [
            0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
            0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xDE, 0x00, 0x00, 0x00,
            0x0C, 0x49, 0x44, 0x41, 0x54, 0x08, 0xD7, 0x63, 0xF8, 0xCF, 0xC0, 0x00, 0x00, 0x03, 0x01, 0x01, 0x00, 0x18,
            0xDD, 0x8D, 0xB0, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82,
        ], width: 1, height: 1, text: "a red pixel")

    /// So many bytes in the place of a PNG; made once, so that what is measured is the way to the client.
    private func largePicture(bytes: Int) -> MimeBundle {
        madePicture.withLock { made in
            if made?.text != "\(bytes) bytes" {
                made = MimeBundle(
                    png: (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }, width: 1000,
                    height: 1000, text: "\(bytes) bytes")
            }
            return made!
        }
    }
}
