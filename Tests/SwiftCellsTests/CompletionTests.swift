import JupyterKernel
import Testing

@testable import SwiftCells

/// The code and the cursor, which is written as `|`.
private func split(_ marked: String) -> (code: String, cursor: Int) {
    let parts = marked.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
    return (String(parts[0] + parts[1]), parts[0].unicodeScalars.count)
}

private func context(_ marked: String) -> CursorContext {
    let (code, cursor) = split(marked)
    return CursorContext(code, cursor: cursor)
}

private func syntax(_ marked: String) -> CursorSyntax {
    let (code, cursor) = split(marked)
    return CursorSyntax(code, cursor: CursorContext(code, cursor: cursor).cursor)
}

@Suite("Where a cursor stands")
struct CursorTests {
    @Test func theTypedPartOfANameIsReplaced() {
        let context = context("let a = pri|nt")
        #expect(context.prefix == "pri")
        #expect(context.replacedRange(bytesToErase: 0) == 8..<11)
    }

    @Test func scalarsAreCountedWhereBytesAreMany() {
        // 😀 is one scalar and four bytes, 👩‍💻 three scalars and eleven bytes, é here two scalars and three bytes.
        let context = context("\"😀👩‍💻e\u{301}\"; pri|")
        #expect(context.start == 1 + 4 + 11 + 3 + 1 + 2)
        #expect(context.replacedRange(bytesToErase: 0) == 10..<13)
        #expect(context.scalarOffset(ofUTF8: context.start) == 10)
    }

    @Test func lettersOfAllLanguagesAndEmojiArePartsOfNames() {
        #expect(context("größ|").prefix == "größ")
        #expect(context("a+变量|").prefix == "变量")
        #expect(context("let 😀x|").prefix == "😀x")
        #expect(context("a∘b|").prefix == "b")
    }

    @Test func aCursorOutsideTheCodeIsAtItsEnd() {
        #expect(CursorContext("abc", cursor: 10).cursor == 3)
        #expect(CursorContext("abc", cursor: -1).cursor == 0)
        #expect(CursorContext("", cursor: 0).replacedRange(bytesToErase: 0) == 0..<0)
    }

    @Test(arguments: ["a.|", "a.b|", "a\n    .b|", "let x: T = .b|", "a?.b|", "a!.|"])
    func aNameBehindADotIsAMember(_ marked: String) {
        #expect(context(marked).isMember)
    }

    @Test(arguments: ["a|", "0...b|", "0..<b|", "(a|", ""])
    func otherNamesAreNoMembers(_ marked: String) {
        #expect(!context(marked.isEmpty ? "|" : marked).isMember)
    }

    @Test(arguments: [
        "// pri|", "/// pri|nt", "/* pri| */", "\"pri|\"", "let a = 1 // pri|\nprint(a)", "\"\"\"\npri|\n\"\"\"",
    ])
    func nothingIsCompletedInCommentsAndStrings(_ marked: String) {
        #expect(syntax(marked).isInText)
    }

    @Test(arguments: ["pri|", "\"\\(pri|)\"", "/* a */ pri|", "// a\npri|", "\"a\" + pri|"])
    func codeBesideCommentsAndStringsIsCompleted(_ marked: String) {
        #expect(!syntax(marked).isInText)
    }

    @Test func theNameUnderTheCursorIsAskedAbout() {
        #expect(syntax("let a = pri|nt(1)").word == .init(offset: 8, text: "print"))
        #expect(syntax("print|(1)").word == .init(offset: 0, text: "print"))
        #expect(syntax("😀.cou|nt").word == .init(offset: 5, text: "count"))
        #expect(syntax("1 +| 2").word == .init(offset: 2, text: "+"))
        #expect(syntax("let a = 12|").word == nil)
    }

    @Test func insideParenthesesTheCalledFunctionIsAskedAbout() {
        #expect(syntax("print(|").callee?.text == "print")
        #expect(syntax("print(1, |)").callee?.text == "print")
        #expect(syntax("outer(inner(1), |").callee?.text == "outer")
        #expect(syntax("outer(inner(|").callee?.text == "inner")
        #expect(syntax("outer([1, |").callee?.text == "outer")
        #expect(syntax("print(1)|").callee == nil)
        #expect(syntax("let a = (1, |").callee == nil)
    }
}

@Suite("What is asked and shown")
struct CompletionTests {
    private func item(
        _ sourceText: String, name: String? = nil, kind: String = "source.lang.swift.decl.var.global",
        module: String? = nil, isSystem: Int? = nil, erase: Int? = nil
    ) -> CompletionAnswer.Item {
        CompletionAnswer.Item(
            kind: kind, name: name ?? sourceText, sourceText: sourceText, description: sourceText, typeName: "Int",
            context: "source.codecompletion.context.othermodule", module: module, isSystem: isSystem, brief: nil,
            isNotRecommended: nil, bytesToErase: erase)
    }

    private func texts(_ items: [CompletionAnswer.Item], _ marked: String) -> [String] {
        CompletionRanking(items, context: context(marked)).matches.map(\.text)
    }

    @Test func theUsersOwnComesBeforeLibrariesAndKeywordsAreLast() {
        let items = [
            item("private", kind: "source.lang.swift.keyword"), item("prctl", module: "SwiftGlibc", isSystem: 1),
            item("print", module: "Swift", isSystem: 1), item("predicted", module: "Lab"),
            item("price", module: "Cell7"),
        ]
        #expect(texts(items, "pr|") == ["price", "predicted", "print", "prctl", "private"])
    }

    @Test func aNameInTheCaseThatWasTypedComesFirst() {
        let items = [item("Printer", module: "Swift", isSystem: 1), item("print", module: "Swift", isSystem: 1)]
        #expect(texts(items, "pr|") == ["print", "Printer"])
    }

    @Test func aCapitalThatWasTypedIsMeant() {
        let items = [item("tensor", module: "Cell1"), item("Tensor", module: "Tensors")]
        #expect(texts(items, "Te|") == ["Tensor", "tensor"])
        #expect(texts(items, "te|") == ["tensor", "Tensor"])
    }

    @Test func overloadsAreOneMatchWithoutParentheses() {
        let kind = "source.lang.swift.decl.function.free"
        let ranking = CompletionRanking(
            [item("f(<#T##Int#>)", kind: kind), item("f(by: <#T##Int#>)", kind: kind)], context: context("f|"))
        #expect(ranking.matches.map(\.text) == ["f"])
        #expect(ranking.matches.first?.kind == "function")
        #expect(ranking.matches.first?.signature?.hasSuffix(", and 1 more") == true)
    }

    @Test func labelsAreInsertedUpToTheirValue() {
        let items = [
            item("by: <#T##Int#>", kind: "source.lang.swift.pattern"),
            item("x: <#T##Int#>, y: <#T##Int#>", kind: "source.lang.swift.decl.function.free"),
            item("<#T##Int#>", kind: "source.lang.swift.decl.function.free"),
        ]
        #expect(texts(items, "f(|") == ["by: ", "x: "])
    }

    @Test func whatATypeLacksIsWrittenOutAsADeclaration() {
        let items = [
            item(
                "func r(_ a: Int) -> Int {\n<#code#>\n}", name: "r(:)",
                kind: "source.lang.swift.decl.function.method.instance"),
            item("var v: Int", name: "v", kind: "source.lang.swift.decl.var.instance"),
            item("func", kind: "source.lang.swift.keyword"),
        ]
        #expect(texts(items, "struct S: P {\n    |") == ["func r(_ a: Int) -> Int {\n    \n}", "var v: Int", "func"])
        #expect(texts(items, "struct S: P {\n    r|") == ["func r(_ a: Int) -> Int {\n    \n}"])
    }

    @Test func thePartsOfATupleAreMembers() {
        let pattern = "source.lang.swift.pattern"
        let items = [item("a", kind: pattern), item("1", kind: pattern), item("a(", kind: pattern)]
        #expect(texts(items, "t.|") == ["a", "1"])
        #expect(texts(items, "t|") == [])
        let match = CompletionRanking(items, context: context("t.|")).matches.first
        #expect(match?.kind == "property" && match?.signature == "Int")
    }

    @Test func theLibrariesBehindOursAreNotProposed() {
        let kind = "source.lang.swift.decl.module"
        let items = ["CPNG", "Lab", "CellRuntime"].map { item($0, kind: kind, module: $0) }
        #expect(texts(items, "import |") == ["Lab"])
    }

    @Test func optionalChainingReplacesTheDot() {
        let ranking = CompletionRanking(
            [item("?.count", kind: "source.lang.swift.decl.var.instance", erase: 1), item("map(<#T##X#>)")],
            context: context("s.|"))
        #expect(ranking.matches.map(\.text) == ["?.count", ".map"])
        #expect(context("s.|").replacedRange(bytesToErase: ranking.bytesToErase) == 1..<2)
    }

    @Test func aRequestIsPrintableASCII() {
        let request = SourceKitRequest.openEditor("let 😀 = \"é\\n\"\n\u{0}", arguments: ["/tmp/Cell.swift"])
        #expect(request.text.contains(#""let \U0001f600 = \"\u00e9\\n\"\n\u0000""#))
        #expect(request.text.unicodeScalars.allSatisfy { (" "..."~").contains($0) })
    }

    @Test func positionsAreFoundAgainBehindTheHeadAndInsertions() {
        var names = NameTable()
        names.add(cell: 3, definitions: CellSyntax("var v = 1").definitions, imports: ["import Lab"], references: [])
        let code = "let v = v + v.adv"
        let probe = ProbeText(code, names: names, references: [], askingAt: 14)
        #expect(probe.text.hasSuffix("let v = Cell3.v + Cell3.v.adv\n"))
        let rest = probe.text.utf8.dropFirst(probe.offset(of: 14))
        #expect(String(decoding: rest, as: UTF8.self) == "adv\n")
        #expect(probe.text.split(separator: "\n").count == probe.headLines + 1)
    }

    @Test func commandsToTheKernelAreBlankedOut() {
        #expect(MagicText("%time cou", cursor: 9).swift == "      cou")
        #expect(MagicText(" !ls -l 😀\nlet a", cursor: 12).swift == "         \nlet a")
        #expect(MagicText("?print", cursor: 6).swift == " print")
        #expect(MagicText("a % b", cursor: 5).swift == "a % b")
        #expect(MagicText("!ls", cursor: 3).completions(cursor: 3)?.matches.isEmpty == true)
    }

    @Test func namesOfCommandsAreCompletedAndExplained() {
        let completions = MagicText(" %tim x", cursor: 4).completions(cursor: 4)
        #expect(completions?.matches.map(\.text) == ["%time", "%timeit"])
        #expect(completions?.range == 1..<4)
        #expect(MagicText("%who", cursor: 2).help?.hasPrefix("%who: the variables") == true)
        #expect(MagicText("%time x", cursor: 7).completions(cursor: 7) == nil)
    }

    @Test func closuresStandInForClosures() {
        #expect(
            StandInCall("map(<#T##transform: (Int) throws(Error) -> T##(Int) throws(Error) -> T#>)", isTyped: false)
                .text
                == "map({ _ in fatalError() })")
        #expect(StandInCall("f(<#T##() -> Void#>)", isTyped: false).text == "f({ fatalError() })")
        #expect(StandInCall("f(x: <#T##Int#>)", isTyped: false).text == "f(x: <#argument#>)")
        #expect(StandInCall("f(x: <#T##Int#>)", isTyped: true).text == "f(x: <#T##Int#>)")
        #expect(StandInCall.closureParameters(of: "([Int: (A, B) -> C], Dictionary<D, E>) -> F") == 2)
    }

    @Test func aGenericParameterIsStoodInForByOneOfAGenericFunction() {
        let function = StandInCall.inFunction("train(<#T##model: Module##Module#>, on: <#T##DatasetSplit#>)")
        let call = "train(argument0, on: argument1) }\n"
        let head = "func _standIn(_ argument0: some Module, _ argument1: some DatasetSplit) throws { _ = try "
        #expect(function.text == head + call)
        #expect(String(decoding: function.text.utf8.dropFirst(function.call), as: UTF8.self) == call)
    }

    @Test func aDeclarationIsFoundByNameAndLine() {
        let code = "struct A {\n    /// The size.\n    func size() -> Int { 1 }\n}\nlet (b, c) = (1, 2)\nlet size = 1"
        #expect(DeclarationSource(of: "size()", line: 3, in: code)?.text == "func size() -> Int { 1 }")
        #expect(DeclarationSource(of: "size", line: 6, in: code)?.text == "let size = 1")
        #expect(DeclarationSource(of: "c", line: nil, in: code)?.line == 5)
        #expect(DeclarationSource(of: "size", line: 1, in: code) == nil)
    }

    @Test func tagsAndCompilerAttributesAreNotShown() {
        var answer = CursorAnswer()
        answer.annotatedDeclaration =
            "<Declaration>@inlinable @_alwaysEmitIntoClient func f&lt;T&gt;(_ x: <Type usr=\"s:Si\">Int</Type>) -&gt; T</Declaration>"
        #expect(answer.declaration == "func f<T>(_ x: Int) -> T")
    }

    @Test func aHelperThatCannotStartCostsOnlyTheAnswer() {
        let service = CodeService(program: "/bin/false", library: "/nonexistent")
        let request = SourceKitRequest.closeEditor(arguments: ["/tmp/Cell.swift"])
        #expect(service.ask([request], within: .seconds(5)) == nil)
        #expect(service.ask([request], within: .seconds(5)) == nil)
    }
}
