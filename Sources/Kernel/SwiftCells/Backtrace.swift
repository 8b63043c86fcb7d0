internal import CCells
import CellRuntime
import Glibc

/// The user's part of a call stack: the frames in cells, with cell and line.
struct Backtrace {
    struct Frame: Hashable {
        /// `In[5]`.
        var label: String
        var line: Int
        /// As Swift writes it; `nil` for a cell's top level.
        var function: String?
    }
    /// Innermost first.
    private(set) var frames: [Frame] = []
    /// What the compiler noted at the trap: "Index out of range", "arithmetic overflow".
    private(set) var runtimeFailure: String?

    /// Asks the toolchain's symboliser for all frames in cells at once (24 ms).
    ///
    /// - Parameter label: what the user calls a cell, by its module's number.
    init(programCounters: [UInt], toolchain: Toolchain, label: (_ cell: Int) -> String?) {
        var arguments: [String] = []
        for counter in programCounters where ccells_cell_at(counter) != 0 {
            var base: UInt = 0
            guard let file = ccells_file_of(counter, &base) else { continue }
            let offset = counter - base
            arguments.append("CODE \(String(cString: file)) 0x\(String(offset, radix: 16))")
            // A recursion without end has a hundred frames alike.
            if arguments.count == 24 { break }
        }
        guard !arguments.isEmpty,
            let result = try? Subprocess().run(toolchain.symbolizer, ["--no-demangle", "--inlines"] + arguments)
        else { return }
        // For each address a function and `file:line:column` alternate, inlined ones first; an empty line ends it.
        var lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let name = lines.popFirst() {
            guard !name.isEmpty, let position = lines.popFirst() else { continue }
            if name.hasPrefix("Swift runtime failure: ") {
                if runtimeFailure == nil { runtimeFailure = String(name.dropFirst("Swift runtime failure: ".count)) }
                continue
            }
            let parts = position.split(separator: ":")
            // The compiler's folder stands before the name that `#sourceLocation` gave.
            guard parts.count >= 3, let line = Int(parts[parts.count - 2]), line > 0,
                var place = parts[0].split(separator: "/").last.map(String.init)
            else { continue }
            // Optimised top levels have the user's lines under the file's own name.
            if place.hasPrefix("Cell"), place.hasSuffix(".swift"),
                let cell = Int(place.dropFirst("Cell".count).dropLast(".swift".count))
            {
                place = label(cell) ?? place
            }
            guard place.hasPrefix("In[") else { continue }
            let isTopLevel = name.hasPrefix("cell_") || name.contains("async_Main")
            let frame = Frame(
                label: place, line: line, function: isTopLevel ? nil : demangled(String(name)).withoutCellNames)
            if frames.last != frame { frames.append(frame) }
        }
    }
}

/// A Swift symbol as a person would write it; other names as they are.
func demangled(_ symbol: String) -> String {
    typealias Demangle =
        @convention(c) (
            UnsafePointer<CChar>?, Int, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int>?, UInt32
        ) -> UnsafeMutablePointer<CChar>?
    guard let function = dlsym(nil, "swift_demangle") else { return symbol }
    let demangle = unsafeBitCast(function, to: Demangle.self)
    guard let text = demangle(symbol, symbol.utf8.count, nil, nil, 0) else { return symbol }
    defer { free(text) }
    let full = String(cString: text)
    // "Cell3.f(Swift.Int) -> Swift.Int": the name up to its result is enough, without the modules.
    return full.replacing("Swift.", with: "").split(separator: " -> ").first.map(String.init) ?? full
}
