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

    @Test func aQuestionMarkBehindACommandAsksForItsHelp() throws {
        let magic = try #require(try Magic("%time?"))
        #expect(magic.kind == .inspect && magic.argument == "%time")
        #expect(Magic.help(for: "%time")?.hasPrefix("%time CODE\n    runs the code") == true)
        for kind in Magic.Kind.allCases where kind != .shell && kind != .inspect {
            #expect(Magic.help(for: "%" + kind.rawValue) != nil)
        }
        #expect(throws: UnknownMagic.self) { try Magic("%tiem?") }
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
    @Test(arguments: [
        "1 + 1", "func f() { }", "let s = \"\"\"\n  a\n  \"\"\"", "", "/* a /* b */ */", "protocol P { func f() }",
        "// {",
    ])
    func whatCanRunIsComplete(code: String) { #expect(Completeness(of: code) == .complete) }

    @Test func whatIsOpenAsksForMoreWithItsIndentation() {
        #expect(Completeness(of: "func f() {") == .incomplete(indent: "    "))
        #expect(Completeness(of: "f([1,") == .incomplete(indent: "        "))
        #expect(Completeness(of: "let a =") == .incomplete(indent: ""))
        #expect(Completeness(of: "func f() -> Int") == .incomplete(indent: ""))
    }

    @Test(arguments: ["/* a", "let a = 1 /* b */ /* c", "/* a /* b */", "/*/", "/** a"])
    func aCommentGoesOnToItsEnd(code: String) { #expect(Completeness(of: code) == .incomplete(indent: "")) }

    @Test(arguments: ["let = 5)", "\"abc", "print(\"abc)", "}"])
    func whatNoEndMakesRightIsInvalid(code: String) { #expect(Completeness(of: code) == .invalid) }

    @Test(arguments: [
        "?print", "print?", "!grep \"{\" (", "!echo it's", "%who", "%package https://a.b/c 1.0.0", "%tiem {",
    ])
    func whatIsNoSwiftEndsWithItsLine(code: String) { #expect(Completeness(of: code) == .complete) }

    @Test func aCommandThatRunsCodeIsAsCompleteAsThat() {
        #expect(Completeness(of: "%time f(1)") == .complete)
        #expect(Completeness(of: "%timeit\nfor i in 0..<3 {") == .incomplete(indent: "    "))
        #expect(Completeness(of: "%optimize on") == .complete)
    }
}
