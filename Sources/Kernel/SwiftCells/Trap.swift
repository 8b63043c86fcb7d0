internal import CCells
import CellRuntime
import Glibc

/// Why a thread was stopped, and where it was.
struct Trap: Sendable {
    enum Cause: Sendable {
        case signal(Int32)
        case stackOverflow
        case abort
    }
    var cause: Cause
    /// The Swift runtime's own words, if it had any.
    var runtimeMessage: String
    /// Program counters, innermost first.
    var frames: [UInt]

    /// The variables that the thread was changing: they may be damaged.
    var changing: [String] = []
    /// Whether the thread holds a mutex, which nobody unlocks any more.
    var mayHoldLock: Bool

    init(_ report: ccells_report) {
        switch report.kind {
        case CCELLS_OVERFLOW: cause = .stackOverflow
        case CCELLS_ABORT: cause = .abort
        default: cause = .signal(report.value)
        }
        mayHoldLock = report.lock_count > 0
        runtimeMessage = withUnsafeBytes(of: report.message) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        frames = withUnsafeBytes(of: report.frames) {
            Array($0.bindMemory(to: UInt.self).prefix(Int(report.frame_count)))
        }
        let variables = withUnsafeBytes(of: report.accesses) {
            Array($0.bindMemory(to: UInt.self).prefix(Int(report.access_count)))
        }
        for variable in variables {
            // "Cell3.scores : [Swift.String : Swift.Int]", "static Cell3.Shared.items : [Swift.Int]"
            let global = ccells_symbol_at(variable).map {
                demangled(String(cString: $0)).withoutCellNames.replacing(#/^static /#, with: "")
            }
            guard let name = global.map({ String($0.prefix { $0 != " " && $0 != ":" }) }) ?? property(at: variable)
            else { continue }
            if !name.isEmpty, !changing.contains(name) { changing.append(name) }
        }
    }

    /// What happened, in a sentence: the runtime's, or the compiler's note at the place, or the signal's.
    func message(trace: Backtrace) -> String {
        for line in runtimeMessage.split(separator: "\n") {
            if line.hasSuffix(": Fatal error") { return "fatalError() was called" }
            for mark in ["Fatal error: ", "Precondition failed: ", "Assertion failed: "] {
                if let found = line.firstRange(of: mark) { return String(line[found.upperBound...]) }
            }
        }
        switch cause {
        case .stackOverflow: return "Stack overflow: a function calls itself without end"
        case .abort where !runtimeMessage.isEmpty: return runtimeMessage.trimmed.withoutAddresses
        case .abort: return "abort() was called"
        case .signal(let signal):
            if let failure = trace.runtimeFailure { return failure }
            if !runtimeMessage.isEmpty { return runtimeMessage.trimmed.withoutAddresses }
            switch signal {
            case SIGSEGV, SIGBUS: return "Memory that is not there was accessed (segmentation fault)"
            case SIGFPE: return "Arithmetic fault"
            case SIGILL, SIGTRAP, SIGABRT: return "The program trapped (\(String(cString: strsignal(signal))))"
            default: return "A signal came that ends a program: \(String(cString: strsignal(signal)))"
            }
        }
    }
}

/// The property of an object of one of the cells' classes that lies at an address: `Box.items`.
private func property(at address: UInt) -> String? {
    var type: UnsafePointer<CChar>?
    guard let name = ccells_property_at(address, &type), let type else { return nil }
    // "nominal type descriptor for Cell2.Box"
    let typeName = demangled(String(cString: type)).withoutCellNames.dropFirst("nominal type descriptor for ".count)
    return "\(typeName).\(String(cString: name).replacing("$__lazy_storage_$_", with: ""))"
}

extension String {
    /// "Could not cast value of type 'Swift.Int' (0x7f14d77da698) to …" without what means nothing to a reader.
    fileprivate var withoutAddresses: String {
        replacing(#/ \(0x[0-9a-f]+\)/#, with: "").replacing("'Swift.", with: "'").withoutCellNames
    }

    fileprivate var trimmed: String {
        var text = Substring(self)
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
