import Display

/// The table that `%who` shows. A call of it stands in the compiled cell.
public func _cellVariables(_ variables: [(name: String, cell: String, value: Any)]) -> Table {
    Table(
        ["name", "type", "value", "size", "cell"],
        rows: variables.map { variable in
            [
                variable.name, String(describing: type(of: variable.value)).withoutCellNames,
                summary(of: variable.value), size(of: variable.value), variable.cell,
            ]
        }, numeric: [3])
}

/// The first line of the value's plain text, cut.
private func summary(of value: Any) -> String {
    let text = MimeBundle(describing: value).text.withoutCellNames
    let line = text.split(separator: "\n", maxSplits: 1).first ?? ""
    let isCut = line.count > 60 || line.utf8.count < text.utf8.count
    return isCut ? line.prefix(60) + " …" : String(line)
}

private func size(of value: Any) -> String {
    func bytes<Value>(_ value: Value) -> String { "\(MemoryLayout<Value>.size) B" }
    if let collection = value as? any Collection { return "\(collection.count) elements" }
    return _openExistential(value, do: bytes)
}
