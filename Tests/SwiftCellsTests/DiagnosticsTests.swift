import Testing

@testable import SwiftCells

@Suite struct DiagnosticsTests {
    private let source = CellSource(CellSyntax("let a = b"), cell: 3, label: "In[7]", names: NameTable())

    @Test func messagesAreReadWithTheirPlaces() {
        let output = """
            In[7]:1:9: error: cannot find 'b' in scope
            let a = b
                    ^
            In[7]:1:5: note: 'Cell3.a' declared here

            """
        let found = [Diagnostic](compilerOutput: output, source: source, label: "In[7]")
        #expect(
            found == [
                Diagnostic(severity: .error, message: "cannot find 'b' in scope", line: 1, column: 9),
                Diagnostic(severity: .note, message: "'a' declared here", line: 1, column: 5),
            ])
    }

    @Test func theCaretStandsUnderThePlaceAlsoBehindATab() {
        let found = [Diagnostic(severity: .error, message: "no", line: 1, column: 3)]
        let lines = found.rendered(code: "\tab", label: "In[7]").map { $0.replacing(#/\u{1b}\[\d+m/#, with: "") }
        #expect(lines == ["In[7], line 1: error: no", "1 | \tab", "  | \t ^"])
    }
}
