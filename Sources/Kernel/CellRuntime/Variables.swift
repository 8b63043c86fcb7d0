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
    var text = MimeBundle(describing: value).text.withoutCellNames
    // "NeuralNetworks.Sequential", of an object that describes itself in no way.
    if text == String(reflecting: type(of: value)).withoutCellNames { text = "an object" }
    let line = text.split(separator: "\n", maxSplits: 1).first ?? ""
    let isCut = line.count > 60 || line.utf8.count < text.utf8.count
    return isCut ? line.prefix(60) + " …" : String(line)
}

private func size(of value: Any) -> String {
    var visit = MemoryVisit()
    let bytes = visit.size(of: value)
    return (visit.isEstimate ? "≈ " : "") + readable(bytes: bytes)
}

/// `12 B`, `31.4 KB`, `1.7 MB`: thousands, as the memory of models is counted.
private func readable(bytes: Int) -> String {
    var (value, unit) = (Double(bytes), "B")
    for next in ["KB", "MB", "GB", "TB"] where value >= 1000 { (value, unit) = (value / 1000, next) }
    return unit == "B" ? "\(bytes) B" : "\(value.fixed(1)) \(unit)"
}

/// Counts the bytes of a value and of what it refers to, objects once.
private struct MemoryVisit {
    private var seen: Set<ObjectIdentifier> = []
    /// How many more values are looked into: a second of reflection at most, whatever is in the notebook.
    private var budget = 20_000
    private(set) var isEstimate = false

    mutating func size(of value: Any) -> Int {
        budget -= 1
        if let sized = value as? any MemorySized { return sized.memorySize }
        switch value {
        case let text as String: return text.utf8.count
        case let array as any PlainElements where array.plainSize != nil: return array.plainSize!
        default: break
        }
        let mirror = Mirror(reflecting: value)
        func bytes<Value>(_ value: Value) -> Int { MemoryLayout<Value>.size }
        let own = _openExistential(value, do: bytes)
        guard budget > 0 else {
            isEstimate = true
            return own
        }
        if mirror.displayStyle == .class {
            let object = value as AnyObject
            guard seen.insert(ObjectIdentifier(object)).inserted else { return 0 }
        }
        switch mirror.displayStyle {
        case .collection, .set, .dictionary:
            let count = mirror.children.count
            var (sum, looked) = (0, 0)
            for child in mirror.children {
                if budget <= 0 { break }
                sum += size(of: child.value)
                looked += 1
            }
            if looked < count {
                isEstimate = true
                return looked == 0 ? 0 : sum / looked * count
            }
            return sum
        default:
            // Members lie within the value itself, what they refer to does not.
            var parents = Optional(mirror)
            var sum = 0
            var count = 0
            while let parent = parents {
                for child in parent.children {
                    sum += size(of: child.value)
                    count += 1
                }
                parents = parent.superclassMirror
            }
            return count == 0 ? own : sum
        }
    }
}

/// Arrays of numbers, which are not looked into one by one.
private protocol PlainElements {
    /// `nil` where the elements refer to something.
    var plainSize: Int? { get }
}
extension Array: PlainElements {
    fileprivate var plainSize: Int? { _isPOD(Element.self) ? count * MemoryLayout<Element>.stride : nil }
}
