import Testing

@testable import SwiftCells

@Suite struct NameTableTests {
    private func table(_ cells: String...) -> NameTable {
        var table = NameTable()
        for (index, code) in cells.enumerated() { table.add(cell: index + 1, syntax: CellSyntax(code)) }
        return table
    }

    private func imports(_ table: NameTable, for code: String) -> [String] {
        table.importLines(for: CellSyntax(code).references).map {
            $0.replacing(#/@_private\(sourceFile: "Cell\d+.swift"\) import /#, with: "")
        }
    }

    @Test func onlyTheCellsWhoseNamesOccurAreImported() {
        let table = table("let a = 1", "let b = 2", "func c() {}")
        #expect(imports(table, for: "b + 1") == ["let Cell2.`b`"])
        #expect(imports(table, for: "1 + 1").isEmpty)
        #expect(imports(table, for: "c()") == ["func Cell3.`c`"])
    }

    @Test func theNewestOfANameIsInForce() {
        #expect(imports(table("let a = 1", "var a = \"two\""), for: "a") == ["var Cell2.`a`"])
        #expect(imports(table("struct P {}", "final class P {}"), for: "P()") == ["class Cell2.`P`"])
        #expect(imports(table("func f(_ x: Int) {}", "func f(_ y: Int) {}"), for: "f(1)") == ["func Cell2.`f`"])
        // A variable takes a function's place, and the other way round.
        #expect(imports(table("func f() {}", "let f = 1"), for: "f") == ["let Cell2.`f`"])
        #expect(imports(table("let f = 1", "func f() {}"), for: "f") == ["func Cell2.`f`"])
    }

    @Test func overloadsOfSeveralCellsStandTogether() {
        #expect(
            imports(table("func f(_ x: Int) {}", "func f(_ x: String) {}"), for: "f(1)")
                == ["func Cell1.`f`", "func Cell2.`f`"])
    }

    @Test func theTypesBehindAVariableAreVisible() {
        // `p.x` needs the members of `P`, whose name does not occur.
        let table = table("struct P { var x = 1 }", "let p = P()")
        #expect(imports(table, for: "p.x") == ["Cell1", "let Cell2.`p`"])
    }

    @Test func conformancesAreThereWithoutBeingNamed() {
        let table = table("struct P { var x = 1 }", "extension P: Equatable {}", "let p = P()")
        #expect(imports(table, for: "p == p").contains("Cell2"))
    }

    @Test func aCellRunAgainTakesItsOwnExtensionsPlace() {
        let cell = "extension Int { var doubled: Int { self * 2 } }"
        #expect(imports(table(cell, cell), for: "3.doubled") == ["Cell2"])
    }

    @Test func importsOfTheUserHoldOnce() {
        #expect(
            table("import Foundation", "import Foundation\nimport Lab").imports == ["import Foundation", "import Lab"])
    }
}
