import Testing

@testable import SwiftCells

@Suite struct NameTableTests {
    private func table(_ cells: String...) -> NameTable {
        var table = NameTable()
        for (index, code) in cells.enumerated() { table.add(cell: index + 1, syntax: CellSyntax(code)) }
        return table
    }

    private func imports(_ table: NameTable, for code: String) -> [String] {
        let syntax = CellSyntax(code)
        return table.importLines(for: syntax.references, in: syntax.definitions).map {
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

    @Test func whatACellDeclaresItselfItDoesNotImport() {
        #expect(imports(table("func f(_ n: Int) {}"), for: "func f(_ n: Int) { f(n) }").isEmpty)
        #expect(imports(table("let v = 1"), for: "let v = 2").isEmpty)
        #expect(imports(table("let v = 1"), for: "let v = v + 1") == ["let Cell1.`v`"])
    }

    @Test func aTypeWithOperatorsIsImportedWithItsWholeCell() {
        let type = "struct V { static func + (a: V, b: V) -> V { a } }"
        #expect(imports(table(type), for: "V() + V()") == ["Cell1", "struct Cell1.`V`"])
        #expect(imports(table(type, "let w = V()"), for: "w + w") == ["Cell1", "let Cell2.`w`"])
    }

    @Test func whatIsOutOfForceIsHiddenInItsCell() {
        var table = table("func f() {}\nfunc g() {}\nstruct P {}\nlet a = 1, b = 2")
        #expect(table.hidden(in: 1).isEmpty)
        #expect(
            table.add(
                cell: 2, definitions: CellSyntax("func f() {}\nstruct P {}").definitions, imports: [], references: [])
                == [1])
        #expect(table.hidden(in: 1) == ["f()": ""])
        let syntax = CellSyntax("func f() {}\nfunc g() {}\nlet a = 1, b = 2")
        #expect(syntax.hiding(["f()": "", "a": ""]) { _ in "@hidden" }.map(\.offset) == [0])
        #expect(syntax.hiding(["a": "", "b": ""]) { _ in "@hidden" }.map(\.offset) == [24])
    }

    @Test func extensionsAreToldApartByTheirConditions() {
        let table = table(
            "extension Array where Element == Int { var k: Int { 1 } }",
            "extension Array where Element == String { var k: Int { 2 } }")
        #expect(imports(table, for: "[1].k") == ["Cell1", "Cell2"])
    }
}
