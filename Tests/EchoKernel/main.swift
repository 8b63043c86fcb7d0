import Display
import EchoInterpreter
import Glibc
import JupyterKernel
import JupyterWire
import Logging

// The echo interpreter behind real sockets, for real clients: echo-kernel CONNECTION_FILE
guard CommandLine.arguments.count == 2 else {
    print("usage: echo-kernel CONNECTION_FILE")
    exit(2)
}
do {
    let connection = try ConnectionFile(path: CommandLine.arguments[1])
    let capture = try OutputCapture()
    let logger = Logger(label: "echo-kernel") { KernelLog(label: $0, descriptor: capture.originalStandardError) }
    if let warning = ConnectionFile.makePrivate(path: CommandLine.arguments[1]) { logger.warning("\(warning)") }
    let kernel = try Kernel(
        connection: connection, interpreter: EchoInterpreter(),
        implementation: .init(name: "echo-kernel", version: "1.0"),
        capture: capture, historyFile: historyFile(application: "echo-kernel"), logger: logger)
    Display.frontend = kernel.frontend
    kernel.interruptOnSignal()
    kernel.run()
    exit(0)
} catch {
    print("\(error)")
    exit(2)
}
