import Testing

@testable import SwiftCells

@Suite struct CellSyntaxTests {
    private func names(_ code: String) -> [String] { CellSyntax(code).definitions.map(\.name) }

    @Test func everyKindOfDeclarationIsFound() {
        #expect(names("let a = 1, b = 2; var (c, (d, _)) = (1, (2, 3))") == ["a", "b", "c", "d"])
        #expect(
            names("struct S {}; class C {}; enum E {}; protocol P {}; actor A {}; typealias T = Int")
                == ["S", "C", "E", "P", "A", "T"])
        #expect(
            names("func f() {}; infix operator +++; func +++ (a: Int, b: Int) -> Int { a }") == ["f", "+++", "+++"])
        #expect(names("extension Int { var doubled: Int { self * 2 } }") == ["doubled"])
        #expect(names("guard let q = Optional(1), var r = Optional(2) else { fatalError() }") == ["q", "r"])
        #expect(names("let `class` = 1") == ["class"])
    }

    @Test func whatAStatementBindsWithinItselfIsNoDefinition() {
        #expect(names("for i in 0..<3 { let inner = i }\nif let x = Optional(1) { print(x) }").isEmpty)
    }

    @Test func functionsAreToldApartByLabelsAndTypesAndNotByResults() {
        func key(_ code: String) -> String { CellSyntax(code).definitions[0].key }
        #expect(key("func f(_ a: Int) -> Int { a }") == key("func f(_ b: Int) -> String { \"\" }"))
        #expect(key("func f(_ a: Int) {}") != key("func f(_ a: Double) {}"))
        #expect(key("func f(_ a: Int) {}") != key("func f(by a: Int) {}"))
    }

    @Test(arguments: [
        ("1 + 1", "1 + 1"), ("let a = 1\na  // shown", "a"), ("try f(x)", "try f(x)"), ("await g()", "await g()"),
    ])
    func theLastExpressionIsShown(code: String, shown: String) throws {
        let syntax = CellSyntax(code)
        let range = try #require(syntax.lastExpressionRange)
        #expect(String(decoding: Array(code.utf8)[range], as: UTF8.self) == shown)
    }

    @Test(arguments: ["let a = 1", "a = 2", "a += 1; b = a", "f();", "if true { 1 }", "", "// nothing"])
    func whatHasNoValueOrEndsWithASemicolonIsNotShown(code: String) {
        // `a += 1` is an expression without a value; the one here is followed by an assignment.
        #expect(CellSyntax(code).lastExpression == nil)
    }

    @Test func awaitCountsAtTheTopLevelOnly() {
        #expect(CellSyntax("let a = await f()").awaitsAtTopLevel)
        #expect(CellSyntax("for await x in xs {}").awaitsAtTopLevel)
        #expect(CellSyntax("async let a = f()").awaitsAtTopLevel)
        #expect(!CellSyntax("func f() async { await g() }").awaitsAtTopLevel)
        #expect(!CellSyntax("Task { await g() }").awaitsAtTopLevel)
        #expect(!CellSyntax("struct S { func f() async { await g() } }").awaitsAtTopLevel)
    }
}
