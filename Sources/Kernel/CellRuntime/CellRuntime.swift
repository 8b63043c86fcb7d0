import Display
import Synchronization

// What the generated part of a cell calls. Names start with `_cell`, so that they meet none of the user's.

/// What a cell has left behind while it ran, by the number of its module.
public final class CellRecord: Sendable {
    private struct State {
        var result: MimeBundle?
        var reached = -1
        var error: String?
    }
    private let state = Mutex(State())

    public init() {}

    /// The last expression's value; `nil` where it has none to show.
    public var result: MimeBundle? { state.withLock { $0.result } }
    /// The number of the last top-level variable declaration that was executed; -1 before the first.
    public var reached: Int { state.withLock { $0.reached } }
    /// The description of the error that ended the top level.
    public var error: String? { state.withLock { $0.error } }

    fileprivate func setResult(_ bundle: MimeBundle) { state.withLock { $0.result = bundle } }
    fileprivate func setReached(_ statement: Int) { state.withLock { $0.reached = max($0.reached, statement) } }
    public func setError(_ description: String) { state.withLock { $0.error = description } }
}

private let records = Mutex<[Int: CellRecord]>([:])

/// Makes the record of a cell that is about to run. A cell that was abandoned finds its own gone and leaves nothing.
public func openCellRecord(_ cell: Int) -> CellRecord {
    let record = CellRecord()
    records.withLock { $0[cell] = record }
    return record
}

public func closeCellRecord(_ cell: Int) {
    _ = records.withLock { $0.removeValue(forKey: cell) }
}

public func cellRecord(_ cell: Int) -> CellRecord? {
    records.withLock { $0[cell] }
}

/// Keeps the last expression's value for the notebook to show.
public func _cellResult<Value>(_ value: Value, _ cell: Int) {
    var bundle = MimeBundle(describing: value)
    if !(value is any Displayable) { bundle = MimeBundle(text: bundle.text.withoutCellNames) }
    cellRecord(cell)?.setResult(bundle)
}

public func _cellResult(_ value: Void, _ cell: Int) {}
public func _cellResult(_ value: Void?, _ cell: Int) {}
public func _cellResult(_ value: Never, _ cell: Int) {}

/// A value that cannot be copied cannot be described either.
@_disfavoredOverload
public func _cellResult<Value: ~Copyable>(_ value: borrowing Value, _ cell: Int) {
    cellRecord(cell)?.setResult(MimeBundle(text: "(a noncopyable value)"))
}

/// Called behind each top-level variable declaration: a cell that fails leaves behind the variables before that.
public func _cellReached(_ statement: Int, _ cell: Int) {
    cellRecord(cell)?.setReached(statement)
}

extension String {
    /// Without the names of the modules that cells are compiled to: `Cell7.Point` is `Point` to the user.
    public var withoutCellNames: String {
        guard utf8.count > 6, contains("Cell") else { return self }
        var result = ""
        var rest = self[...]
        while let found = rest.firstRange(of: "Cell") {
            let digits = rest[found.upperBound...].prefix { $0.isASCII && $0.isNumber }
            let previous = rest[..<found.lowerBound].last
            let isName = !digits.isEmpty && rest[digits.endIndex...].first == "."
            if isName, previous.map({ !$0.isLetter && !$0.isNumber && $0 != "_" }) ?? true {
                result += rest[..<found.lowerBound]
                rest = rest[digits.endIndex...].dropFirst()
            } else {
                result += rest[..<found.upperBound]
                rest = rest[found.upperBound...]
            }
        }
        return result + rest
    }
}
