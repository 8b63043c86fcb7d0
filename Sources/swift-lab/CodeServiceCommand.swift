import ArgumentParser
import SwiftCells

/// The helper process that completes and explains code; the kernel starts it.
struct CodeServiceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: CodeServiceProcess.command, abstract: "Answers the kernel's questions about code.",
        shouldDisplay: false)

    @Argument(help: "The toolchain's libsourcekitdInProc.so.")
    var library: String

    func run() { CodeServiceProcess.run(library: library) }
}
