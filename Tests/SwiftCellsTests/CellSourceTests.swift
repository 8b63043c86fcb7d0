import Testing

@testable import SwiftCells

@Suite struct CellSourceTests {
    /// The compiled text behind the head of imports.
    private func body(_ code: String, cell: Int = 2, names: NameTable = NameTable()) -> String {
        let source = CellSource(CellSyntax(code), cell: cell, label: "In[2]", names: names)
        let mark = "#sourceLocation(file: \"In[2]\", line: 1)\n"
        return String(source.text[source.text.firstRange(of: mark)!.upperBound...].dropLast())
    }

    private func names(declaring code: String, cell: Int = 1) -> NameTable {
        var table = NameTable()
        table.add(cell: cell, syntax: CellSyntax(code))
        return table
    }

    @Test func everyLineOfTheUserStaysOnItsLine() {
        let code = "let a = 1\n\nfunc f() {\n}\nf()\na"
        #expect(body(code).split(separator: "\n", omittingEmptySubsequences: false).count == 6)
    }

    @Test func theLastValueIsHandedOver() {
        #expect(body("1 + 1") == "_cellResult(1 + 1, 2)")
    }

    @Test func aVariableMadeFromItsOwnOlderValueNamesTheOlderCell() {
        let older = names(declaring: "let v = 1")
        #expect(body("let v = v + 1", names: older) == "let v = Cell1.v + 1; _cellReached(0, 2)")
        #expect(body("print(v)\nlet v = 2", names: older).hasPrefix("print(Cell1.v)\n"))
        // The first `v` is the older one, the second the cell's own.
        #expect(
            body("let v = v; print(v)", names: older).hasPrefix(
                "let v = Cell1.v; _cellReached(0, 2); _cellResult(print(v)"))
        // A member, a label and a closure's own parameter are no uses of the older one.
        #expect(body("let v = x.v", names: older).hasPrefix("let v = x.v"))
        #expect(body("let v = f { v in v }", names: older).hasPrefix("let v = f { v in v }"))
    }

    @Test func guardLeavesAVariableOfItsOwnName() {
        #expect(
            body("guard let q = f() else { fatalError() }")
                == "guard let _guarded_q = f() else { fatalError() }; let q = _guarded_q; _cellReached(0, 2)")
    }

    @Test func columnsLeadBackToTheUsersText() {
        let source = CellSource(
            CellSyntax("let v = v + x"), cell: 2, label: "In[2]", names: names(declaring: "let v = 1"))
        // Compiled: `let v = Cell1.v + x; …`. `v` was at column 9 and `x` at column 13.
        #expect(source.place(line: 1, column: 15).column == 9)
        #expect(source.place(line: 1, column: 19).column == 13)
        #expect(source.place(line: 1, column: 5).column == 5)
    }
}
