import Foundation
import Testing

/// Whoever adds a public operation adds a line to the table of operations, or says here where else it is checked.
@Suite struct CompletenessTests {
    /// Operations that the table cannot hold, and the file of the test that holds them.
    private let elsewhere = [
        // Made from nothing.
        "zeros": "ElementTypeTests.swift", "ones": "ElementTypeTests.swift", "full": "MistakeTests.swift",
        "range": "SubscriptTests.swift", "linear": "ElementTypeTests.swift", "identity": "ElementTypeTests.swift",
        "normal": "Tests.swift", "uniform": "Tests.swift", "glorot": "../NeuralNetworksTests/CallFormTests.swift",
        // Of another type, in place, of gradients.
        "converted": "ElementTypeTests.swift", "every": "SubscriptTests.swift", "+=": "SubscriptTests.swift",
        "-=": "GradientTests.swift", "*=": "GradientTests.swift", "/=": "GradientTests.swift",
        "withoutGradient": "GradientTests.swift", "withCustomGradient": "GradientTests.swift",
        "valueAndGradient": "GradientTests.swift", "checkpointed": "../NeuralNetworksTests/CheckpointTests.swift",
        // Random numbers, and files.
        "uint32": "Tests.swift", "next": "Tests.swift", "double": "Tests.swift", "float": "Tests.swift",
        "below": "HostileFileTests.swift", "permutation": "Tests.swift", "shuffled": "Tests.swift",
        "write": "../Files/test_python_files.py", "writeNPY": "../Files/test_python_files.py",
    ]

    @Test func everyPublicOperationIsInTheTable() throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let lab = tests.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sources/Lab")
        func text(_ file: URL) throws -> String { try String(contentsOf: file, encoding: .utf8) }
        let table = try text(tests.appendingPathComponent("OperationTable.swift"))
        let folder = try FileManager.default.contentsOfDirectory(
            at: lab.appendingPathComponent("Tensors"), includingPropertiesForKeys: nil)
        // A device is a place, and a precision a manner; neither is an operation.
        let files =
            folder.filter {
                $0.pathExtension == "swift"
                    && !["Device.swift", "ProductPrecision.swift"].contains($0.lastPathComponent)
            } + [
                lab.appendingPathComponent("NeuralNetworks/Losses.swift")
            ]
        let declaration = /public (?:static |mutating |prefix )*func `?(\w+|[^\w\s`]+)`?\s*[(<]/
        var names: [String: String] = [:]
        for file in files {
            for match in try text(file).matches(of: declaration) where match.1 != "hash" && match.1 != "==" {
                names[String(match.1)] = file.lastPathComponent
            }
        }
        // That the names are found at all.
        #expect(names.count > 90 && names["conv2D"] != nil && names["-"] != nil && names["huber"] != nil)
        for (name, file) in names.sorted(by: { $0.key < $1.key }) {
            func mentions(_ text: String) -> Bool {
                name.first!.isLetter
                    ? text.contains("\(name)(") || text.contains("\(name)`(")
                    : text.contains(" \(name) ") || text.contains(" \(name)(") || text.contains(" \(name)$")
            }
            let place = elsewhere[name]
            let isChecked = mentions(try place.map { try text(tests.appendingPathComponent($0)) } ?? table)
            #expect(isChecked, "\(name) of \(file) is in no row of \(place ?? "OperationTable.swift")")
        }
    }
}
