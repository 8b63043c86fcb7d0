import CellRuntime
import Display
import Glibc
import JupyterKernel

/// What the magics do. Each ends as a cell ends.
extension SwiftInterpreter {
    func run(_ magic: Magic, cell: Cell, output: any CellOutput) throws -> CellOutcome {
        let label = "In[\(cell.executionCount)]"
        switch magic.kind {
        case .time:
            let clock = ContinuousClock()
            let start = clock.now
            let used = processorTime()
            let outcome = try run(CellSyntax(magic.code), label: label, output: output)
            let wall = (clock.now - start) / .seconds(1)
            output.stream(
                .stdout,
                "\(readable(wall)), of which the compiler took \(readable(compileTime)); processors \(readable(processorTime() - used))\n"
            )
            return outcome
        case .timeit:
            let code = magic.code
            let syntax = CellSyntax(code)
            var lines = code
            if let range = syntax.lastExpressionRange {
                let text = Array(code.utf8)
                lines =
                    String(decoding: text[..<range.lowerBound], as: UTF8.self) + "_cellUse("
                    + String(decoding: text[range], as: UTF8.self) + ")"
                    + String(decoding: text[range.upperBound...], as: UTF8.self)
            }
            let wrapped = "try _cellTimeIt { () throws -> Void in " + lines + "\n}"
            return try run(CellSyntax(wrapped), label: label, isOptimized: true)
        case .optimize:
            if magic.argument == "on" || magic.argument == "off" || magic.body.allSatisfy(\.isWhitespace) {
                guard ["", "on", "off"].contains(magic.argument) else { break }
                optimizesCells = magic.argument != "off"
                output.stream(
                    .stdout,
                    optimizesCells
                        ? "Cells are compiled with -O from here on: faster code, slower answers. %optimize off ends it.\n"
                        : "Cells are compiled without optimisation again.\n")
                return .success(nil)
            }
            return try run(CellSyntax(magic.code), label: label, isOptimized: true, output: output)
        case .who: return try variables(label: label)
        case .history:
            // A wish that makes no sense must not trap: this is the kernel's own thread.
            let count = magic.argument.isEmpty ? Int.max : Int(magic.argument) ?? -1
            guard count > 0 else { break }
            let inputs = inputs.dropLast().suffix(count)
            output.stream(.stdout, inputs.map { "\($0.label):\n\($0.code)\n\n" }.joined())
            return .success(nil)
        case .reset where magic.argument.isEmpty:
            forgetNames()
            output.stream(.stdout, "All names and imports of earlier cells are forgotten.\n")
            return .success(nil)
        case .package: return try addPackage(magic.argument, output: output)
        case .magics:
            return .success(
                Table(["command", "what it does"], rows: Magic.help.map { [$0.usage, $0.purpose] }).mimeBundle)
        case .shell: return try shell(magic.argument)
        case .inspect:
            guard let bundle = inspect(magic.argument, cursor: magic.argument.unicodeScalars.count, detail: 0) else {
                return .failure(CellFailure(name: "NotFound", message: "nothing is known of \(magic.argument)"))
            }
            output.page(bundle)
            return .success(nil)
        case .reset: break
        }
        return .failure(
            CellFailure(
                name: "MagicError",
                message: "%\(magic.kind.rawValue) \(magic.argument) is not understood. %magics shows how to write it."))
    }

    /// A table of the variables, their values read by a cell of its own.
    private func variables(label: String) throws -> CellOutcome {
        let variables = variablesInForce
        guard !variables.isEmpty else { return .success(MimeBundle(text: "no variables yet")) }
        let entries = variables.map { "(\"\($0.name)\", \"\($0.label)\", `\($0.name)`)" }
        let outcome = try run(CellSyntax("_cellVariables([\(entries.joined(separator: ", "))])"), label: label)
        if case .success = outcome { return outcome }
        // A value that cannot be copied cannot be looked at from here.
        return .success(Table(["name", "cell"], rows: variables.map { [$0.name, $0.label] }).mimeBundle)
    }

    private func shell(_ command: String) throws -> CellOutcome {
        let result = try tool.run("/bin/sh", ["-c", command], showsOutput: true)
        if result.wasStopped { return .failure(interrupted) }
        guard result.status == 0 else {
            return .failure(
                CellFailure(name: "CommandFailed", message: "`\(command)` ended with status \(result.status)"))
        }
        return .success(nil)
    }
}

/// The seconds that all threads of this process and its finished children have used.
private func processorTime() -> Double {
    [RUSAGE_SELF, RUSAGE_CHILDREN].reduce(0) { sum, who in
        var usage = rusage()
        getrusage(Int32(truncatingIfNeeded: who.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        return sum + seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
