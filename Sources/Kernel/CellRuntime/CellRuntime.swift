import Display

// What the generated part of a cell calls. Names start with `_cell`, so that they meet none of the user's; what only the
// kernel calls is `package` here, and cells do not see it.

/// Keeps the last expression's value for the notebook to show.
public func _cellResult<Value>(_ value: Value, _ cell: Int) {
    // At run time and not by overloads: those would make a call with a generic result ambiguous.
    if Value.self == Void.self || Value.self == Void?.self { return }
    if let list = value as? any LongList, let beginning = list.beginning {
        cellRecord(cell)?.setResult(MimeBundle(text: beginning.withoutCellNames))
        return
    }
    var bundle = MimeBundle(describing: value)
    if !(value is any Displayable) { bundle = MimeBundle(text: bundle.text.shortened.withoutCellNames) }
    cellRecord(cell)?.setResult(bundle)
}

/// An array of ten million numbers takes 20 s to describe, of which 100 KB would be shown.
private protocol LongList {
    /// The first elements, and how many more there are; `nil` where all can be shown.
    var beginning: String? { get }
}
extension Array: LongList {
    fileprivate var beginning: String? {
        guard count > 20_000 else { return nil }
        return String(describing: Array(prefix(1_000))).dropLast()
            + ", … and \((count - 1_000).grouped) more elements]; `print` shows all"
    }
}

/// A value that cannot be copied cannot be described either.
@_disfavoredOverload
public func _cellResult<Value: ~Copyable>(_ value: borrowing Value, _ cell: Int) {
    cellRecord(cell)?.setResult(MimeBundle(text: "(a noncopyable value)"))
}

/// Called first in a top level that awaits: an interrupt cancels its task.
public func _cellTask(_ cell: Int) {
    withUnsafeCurrentTask { task in
        if let task { cellRecord(cell)?.setTask(unsafeBitCast(task, to: UInt.self)) }
    }
}

/// The same in a top level that awaits nothing else, and does so only to be on the main actor.
public func _cellTaskOfMainActor(_ cell: Int) async { _cellTask(cell) }

/// Called behind each top-level variable declaration: a cell that fails leaves behind the variables before that.
public func _cellReached(_ statement: Int, _ cell: Int) {
    cellRecord(cell)?.setReached(statement)
}

extension String {
    /// A value of ten million elements would make the notebook unusable: its beginning is shown, and how much is not.
    fileprivate var shortened: String {
        let limit = 100_000
        guard utf8.count > limit else { return self }
        let shown = prefix(limit)
        return shown + "\n… and \(unicodeScalars.count - shown.unicodeScalars.count) more characters; `print` shows all"
    }

    /// Without the names of the modules that cells are compiled to: `Cell7.Point` is `Point` to the user.
    package var withoutCellNames: String {
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
