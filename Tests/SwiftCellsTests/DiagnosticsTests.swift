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

    private func error(_ message: String) -> Diagnostic {
        Diagnostic(severity: .error, message: message, line: 1, column: 1)
    }
    private func note(_ message: String) -> Diagnostic { Diagnostic(severity: .note, message: message) }

    @Test func aNameThatIsNotFoundIsAnsweredWithTheNearestOnesAlone() {
        var found = [
            error("cannot find 'lerningRate' in scope"),
            error("cannot find 'Tensr' in scope"), note("did you mean 'Tensor'?"), note("did you mean 'dense'?"),
            error("cannot find 'info' in scope; did you mean 'msginfo'?"), note("'msginfo' declared here"),
            error("cannot find type 'Hat' in scope"),
        ]
        found.proposeNames(from: ["learningRate", "learning", "Cat", "bat"])
        #expect(
            found == [
                error("cannot find 'lerningRate' in scope; did you mean 'learningRate'?"),
                error("cannot find 'Tensr' in scope; did you mean 'Tensor'?"),
                error("cannot find 'info' in scope"),
                error("cannot find type 'Hat' in scope; did you mean 'Cat' or 'bat'?"),
            ])
    }

    @Test func aForgottenTryHasOneWayOut() {
        var found = [
            error("call can throw but is not marked with 'try'"), note("did you mean to use 'try'?"),
            note("did you mean to handle error as optional value?"), note("did you mean to disable error propagation?"),
        ]
        found.shortenNotesOnTry()
        #expect(found == [error("call can throw but is not marked with 'try': write `try` in front of it")])
    }
}
