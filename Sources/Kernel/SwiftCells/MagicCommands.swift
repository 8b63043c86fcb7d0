import CellRuntime
import Display
import Glibc
import JupyterKernel

/// What the magics do. Each ends as a cell ends.
extension SwiftInterpreter {
    func run(_ magic: Magic, cell: Cell, output: any CellOutput) throws -> CellOutcome {
        let label = "In[\(cell.executionCount)]"
        if magic.needsCode, CellSyntax(magic.code).isEmpty {
            let name = magic.kind.rawValue
            return .failure(
                CellFailure(
                    name: "MagicError",
                    message: "%\(name) needs code to run: behind it, `%\(name) work()`, or on the lines below it."))
        }
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
            // First as it stands: the compiler's messages are about the user's text then.
            let code = magic.code
            let syntax = CellSyntax(code)
            guard !syntax.awaitsAtTopLevel else {
                return .failure(
                    CellFailure(name: "MagicError", message: "%timeit runs no code that awaits; %time does, once."))
            }
            if let failure = try compileFailure(of: syntax, label: label) { return .failure(failure) }
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
            let isSwitch = magic.argument == "on" || magic.argument == "off"
            if !isSwitch, !CellSyntax(magic.code).isEmpty {
                return try run(CellSyntax(magic.code), label: label, isOptimized: true, output: output)
            }
            optimizesCells = magic.argument != "off"
            output.stream(
                .stdout,
                optimizesCells
                    ? "Cells are compiled with -O from here on: faster code, slower answers. %optimize off ends it.\n"
                    : "Cells are compiled without optimisation again.\n")
            let rest = CellSyntax("\n" + magic.body)
            return rest.isEmpty ? .success(nil) : try run(rest, label: label, output: output)
        case .who where magic.argument.isEmpty: return try variables(label: label)
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
        case .magics where magic.argument.isEmpty:
            return .success(
                Table(["command", "what it does"], rows: Magic.help.map { [$0.usage, $0.purpose] }).mimeBundle)
        case .shell: return try shell(magic.argument)
        case .inspect:
            if let help = Magic.help(for: magic.argument) {
                output.page(MimeBundle(text: help))
                return .success(nil)
            }
            guard !magic.argument.isEmpty else {
                return .failure(
                    CellFailure(name: "MagicError", message: "? needs a name: `?print`. %magics lists the commands."))
            }
            guard let bundle = documentation(of: magic.argument) else {
                return .failure(CellFailure(name: "NotFound", message: "nothing is known of \(magic.argument)"))
            }
            output.page(bundle)
            return .success(nil)
        case .reset, .who, .magics: break
        }
        let usage = Magic.help.first { $0.usage.hasPrefix("%" + magic.kind.rawValue) }?.usage ?? ""
        return .failure(
            CellFailure(
                name: "MagicError",
                message: "%\(magic.kind.rawValue) \(magic.argument) is not understood. It is written \(usage)."))
    }

    /// What is known of a name; of `Run.model` also where only a value has such a member.
    private func documentation(of name: String) -> MimeBundle? {
        func inspected(_ code: String) -> MimeBundle? { inspect(code, cursor: code.unicodeScalars.count, detail: 0) }
        if let bundle = inspected(name) { return bundle }
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return nil }
        return inspected("(nil as \(name[..<dot])?)!\(name[dot...])")
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
        guard !command.isEmpty else {
            return .failure(CellFailure(name: "MagicError", message: "! needs a command for the shell: `!ls`."))
        }
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
