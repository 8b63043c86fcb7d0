import Display

/// What a benchmark found: figures with their names, as a table or as a line of JSON.
struct Figures {
    private let name: String
    private let title: String
    /// In the order given: what a person reads first comes first.
    private var values: [(name: String, text: String)] = []

    /// - Parameters:
    ///   - name: what the line of JSON is called.
    ///   - title: what stands above the table.
    init(_ name: String, title: String) {
        self.name = name
        self.title = title
    }

    mutating func add(_ name: String, _ value: Double, digits: Int = 0) { values.append((name, value.fixed(digits))) }

    mutating func add(_ name: String, _ values: [Double], digits: Int) {
        self.values.append((name, "[" + values.map { $0.fixed(digits) }.joined(separator: ", ") + "]"))
    }

    func show(asJSON: Bool) {
        if asJSON {
            let members = [("name", "\"\(name)\"")] + values
            print("{" + members.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}")
        } else {
            print(
                Table(["figure", "value"], rows: values.map { [$0.name, $0.text] }, numeric: [1], title: title).text)
        }
    }
}
