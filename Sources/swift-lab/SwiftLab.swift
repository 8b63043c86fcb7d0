import ArgumentParser
import SwiftCells
import JupyterKernel
import Display
import Lab
import Glibc
import CellRuntime

struct Out: CellOutput {
    func stream(_ stream: OutputStream, _ text: String) { print("[\(stream)] \(text)") }
    func display(_ bundle: MimeBundle, id: DisplayID?) { print(bundle.text) }
    func update(_ bundle: MimeBundle, id: DisplayID) {}
    func clear(wait: Bool) {}
    func readLine(prompt: String, isPassword: Bool) throws -> String { throw InputUnavailable() }
}
@main struct SwiftLab: ParsableCommand {
    func run() throws {
        let i = try SwiftInterpreter { print("late:", $0) }
        var cell = ""
        var n = 1
        func go() {
            let start = ContinuousClock.now
            let interruptAfter = cell.contains("//interrupt")
            if interruptAfter {
                var t = pthread_t()
                let p = Unmanaged.passRetained(i).toOpaque()
                pthread_create(&t, nil, { p in usleep(400_000); Unmanaged<SwiftInterpreter>.fromOpaque(p!).takeUnretainedValue().interrupt(); return nil }, p)
            }
            let o = i.execute(Cell(code: cell, executionCount: n), output: Out())
            let ms = (ContinuousClock.now - start) / .milliseconds(1)
            switch o {
            case .success(let b): print("Out[\(n)]:", b?.text ?? "-", " \(Int(ms)) ms")
            case .failure(let f): print("Fail[\(n)] \(f.name): \(f.message)  \(Int(ms)) ms\n" + f.traceback.joined(separator: "\n"))
            }
            fflush(nil)
            n += 1; cell = ""
        }
        while let line = readLine(strippingNewline: false) {
            if line == "---\n" { go() } else { cell += line }
        }
        go()
        i.shutdown()
    }
}
