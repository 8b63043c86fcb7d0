import JupyterKernel
import Testing

@testable import SwiftCells

@Suite struct MagicTests {
    @Test func aMagicIsReadWithItsArgumentAndItsCell() throws {
        let magic = try #require(try Magic("%time f(1)\ng()"))
        #expect(magic.kind == .time)
        #expect(magic.argument == "f(1)")
        // Columns and lines stay: the code stands where it was typed.
        #expect(magic.code == "      f(1)\ng()")
        #expect(try Magic("!ls -l")?.argument == "ls -l")
        #expect(try Magic("?print")?.kind == .inspect)
        #expect(try Magic("print?")?.kind == .inspect)
    }

    @Test(arguments: ["1 + 1", "let a = b ? 1 : 2", "// %time", "x?.y"])
    func swiftIsNoMagic(code: String) throws {
        #expect(try Magic(code)?.kind == nil)
    }

    @Test func anUnknownOneIsNamedWithTheNearest() {
        let error = #expect(throws: UnknownMagic.self) { try Magic("%tiem f()") }
        #expect(error?.description.contains("the nearest is %time") == true)
    }
}

@Suite struct CompletenessTests {
    @Test(arguments: ["1 + 1", "func f() { }", "let s = \"\"\"\n  a\n  \"\"\"", ""])
    func whatCanRunIsComplete(code: String) { #expect(Completeness(of: code) == .complete) }

    @Test func whatIsOpenAsksForMoreWithItsIndentation() {
        #expect(Completeness(of: "func f() {") == .incomplete(indent: "    "))
        #expect(Completeness(of: "f([1,") == .incomplete(indent: "        "))
        #expect(Completeness(of: "let a =") == .incomplete(indent: ""))
    }

    @Test func whatNoEndMakesRightIsInvalid() { #expect(Completeness(of: "let = 5)") == .invalid) }
}
