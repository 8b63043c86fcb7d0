import ArgumentParser
import Display
import JupyterKernel
import JupyterWire
import Logging
import SwiftCells

/// `swift-lab kernel`: what JupyterLab starts for each notebook.
struct KernelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernel", abstract: "Run the Jupyter kernel (JupyterLab starts it by itself).")

    @Option(help: "The file with the ports and the key, which Jupyter writes.")
    var connectionFile: String

    func run() throws {
        do {
            let connection = try ConnectionFile(path: connectionFile)
            let capture = try OutputCapture()
            // What goes wrong before the kernel runs is for whoever started it to read.
            var isRunning = false
            defer { if !isRunning { capture.stop() } }
            let logger = Logger(label: "swift-lab") { KernelLog(label: $0, descriptor: capture.originalStandardError) }
            if let warning = ConnectionFile.makePrivate(path: connectionFile) { logger.warning("\(warning)") }
            // First of all: the interpreter marks this thread, and those that it starts, as the kernel's own.
            let interpreter = try SwiftInterpreter(standardError: capture.originalStandardError) {
                logger.warning("\($0)")
            }
            let kernel = try Kernel(
                connection: connection, interpreter: interpreter,
                implementation: .init(
                    name: "swift-lab", version: "1.0",
                    helpLinks: [("The Swift Programming Language", "https://docs.swift.org/swift-book/")]),
                capture: capture, historyFile: historyFile(application: "swift-lab"), logger: logger)
            Display.frontend = kernel.frontend
            kernel.interruptOnSignal()
            isRunning = true
            kernel.run()
        } catch {
            throw Refusal("swift-lab kernel: \(error)")
        }
    }
}
