import Display
import Testing

@testable import JupyterKernel

@Suite struct ExecuteTests {
    let client: TestClient
    init() throws { client = try TestClient() }

    @Test func aCellIsEchoedThenPrintsThenHasAValue() throws {
        let (reply, published) = try client.run("print hello\nwarn careful\nvalue 42")
        try #require(published.types == ["execute_input", "stream", "stream", "execute_result"])
        #expect(published[0].content == ["code": "print hello\nwarn careful\nvalue 42", "execution_count": 1])
        #expect(published.text() == "hello\n")
        #expect(published.text("stderr") == "careful\n")
        #expect(published[3].content == ["data": ["text/plain": "42"], "metadata": [:], "execution_count": 1])
        #expect(reply.type == "execute_reply")
        #expect(reply.content == ["status": "ok", "execution_count": 1, "user_expressions": [:], "payload": []])
    }

    @Test func theReplySaysWhenTheCellStarted() throws {
        let (reply, _) = try client.run("value 1")
        guard case .string(let started)? = reply.metadata["started"] else {
            Issue.record("no started in \(reply.metadata)")
            return
        }
        #expect(started.count == "2026-01-02T03:04:05.678901Z".count)
        // ISO 8601 sorts as it counts.
        #expect(started <= reply.header.date)
    }

    @Test func onlyStoredCellsAreCounted() throws {
        #expect(try client.run("value 1").reply.content["execution_count"] == 1)
        #expect(try client.run("value 1", ["store_history": false]).reply.content["execution_count"] == 1)
        #expect(
            try client.run("value 1", ["silent": true, "store_history": true]).reply.content["execution_count"] == 1)
        #expect(try client.run("error x").reply.content["execution_count"] == 2)
        #expect(try client.run("value 1").reply.content["execution_count"] == 3)
    }

    @Test func aSilentCellPublishesNothingButItsStatus() throws {
        let (reply, published) = try client.run("print x\nshow id x\nvalue 42", ["silent": true])
        #expect(reply.content["status"] == "ok")
        #expect(published.isEmpty)
        #expect(try client.run("error x", ["silent": true]).published.isEmpty)
    }

    @Test func aFailureIsPublishedAndReplied() throws {
        let (reply, published) = try client.run("error too bad")
        try #require(published.types == ["execute_input", "error"])
        let traceback: JSON = ["\u{1B}[31mEchoError\u{1B}[0m: too bad"]
        #expect(published[1].content == ["ename": "EchoError", "evalue": "too bad", "traceback": traceback])
        #expect(reply.content["status"] == "error")
        #expect(reply.content["ename"] == "EchoError")
        #expect(reply.content["evalue"] == "too bad")
        #expect(reply.content["traceback"] == traceback)
        #expect(reply.content["execution_count"] == 1)
    }

    @Test func aFailureAbortsTheCellsThatWait() throws {
        let endless = try client.startEndlessCell()
        let waiting = (0..<3).map { client.execute("value \($0)") }
        let completion = client.send("complete_request", ["code": "pri", "cursor_pos": 3])
        client.send("interrupt_request", on: client.control)
        #expect(try client.reply(to: endless).content["status"] == "error")
        for id in waiting {
            #expect(try client.reply(to: id).content["status"] == "aborted")
            #expect(try client.publications(of: id).types == ["status", "status"])
        }
        // Only cells are aborted.
        #expect(try client.reply(to: completion).content["matches"] == ["print"])
        #expect(try client.run("value 1").reply.content["status"] == "ok")
    }

    @Test func aFailureAbortsNothingWhereTheClientSaysSo() throws {
        let failing = client.execute("error x", ["stop_on_error": false])
        let next = client.execute("value 1")
        #expect(try client.reply(to: failing).content["status"] == "error")
        #expect(try client.reply(to: next).content["status"] == "ok")
    }

    @Test func aCellThatIsSentAfterTheFailureIsNotAborted() throws {
        for _ in 0..<50 {
            let failing = client.execute("error x")
            // The reply goes out before the aborted ones: what follows it must run.
            _ = try client.reply(to: failing)
            #expect(try client.reply(to: client.execute("value 1")).content["status"] == "ok")
        }
    }

    @Test func userExpressionsAreEvaluatedAfterTheCell() throws {
        let (reply, _) = try client.run("value 1", ["user_expressions": ["a": "7 + 1", "b": "error"]])
        #expect(
            reply.content["user_expressions"]?["a"]
                == ["status": "ok", "data": ["text/plain": "7 + 1"], "metadata": [:]])
        #expect(reply.content["user_expressions"]?["b"]?["status"] == "error")
        #expect(reply.content["user_expressions"]?["b"]?["evalue"] == "evaluated")
    }

    @Test func helpAndTheNextCellTravelInTheReply() throws {
        let (reply, published) = try client.run("page about\nnext value 2")
        try #require(published.types == ["execute_input"])
        #expect(
            reply.content["payload"] == [
                ["source": "page", "data": ["text/plain": "about"], "start": 0],
                ["source": "set_next_input", "text": "value 2", "replace": false],
            ])
    }

    @Test func picturesAreShownReplacedAndCleared() throws {
        let (_, published) = try client.run("show place first\nupdate place second\nclear wait\nclear\ndisplay png")
        try #require(
            published.types == [
                "execute_input", "display_data", "update_display_data", "clear_output", "clear_output",
            ])
        #expect(
            published[1].content == [
                "data": ["text/plain": "first"], "metadata": [:], "transient": ["display_id": "place"],
            ])
        #expect(
            published[2].content == [
                "data": ["text/plain": "second"], "metadata": [:], "transient": ["display_id": "place"],
            ])
        #expect(published[3].content == ["wait": true])
        #expect(published[4].content == ["wait": false])
    }

    @Test func textAndPicturesArriveInTheOrderInWhichTheyWereMade() throws {
        let code = (0..<100).map { "print \($0)\nshow place \($0)" }.joined(separator: "\n")
        let (_, published) = try client.run(code)
        #expect(published.dropFirst().map(\.type) == (0..<100).flatMap { _ in ["stream", "display_data"] })
        #expect(published.text() == (0..<100).map { "\($0)\n" }.joined())
    }

    @Test func lateOutputCarriesItsOwnCell() throws {
        let id = client.execute("late of the first")
        _ = try client.publications(of: id)
        let endless = try client.startEndlessCell()
        let late = try #require(client.interpreter.late.withLock { $0 })
        late()
        let message = try client.publication { $0.content["text"] == "of the first\n" }
        #expect(message.parent == id)
        client.kernel.interrupt()
        #expect(try client.publications(of: endless).text() == "")
    }

    @Test func aRequestWithoutCodeIsAnsweredWithAnError() throws {
        let reply = try client.reply(to: client.send("execute_request", ["silent": false]))
        #expect(reply.type == "execute_reply")
        #expect(reply.content["status"] == "error")
        #expect(reply.content["evalue"] == "the content of execute_request is malformed: \"code\" is missing")
    }

    @Test func everyCursorIsAnswered() throws {
        // Before the start, behind the end, in the middle of a character of several scalars.
        for cursor in [-5, 0, 1, 2, 3, 99, Int.max, Int.min] {
            let content: JSON = ["code": "p👍🏽", "cursor_pos": .integer(cursor), "detail_level": 0]
            #expect(try client.reply(to: client.send("complete_request", content)).content["status"] == "ok")
            #expect(try client.reply(to: client.send("inspect_request", content)).content["status"] == "ok")
        }
    }

    @Test func aUserExpressionCanBeInterrupted() throws {
        let id = client.execute("value 1", ["user_expressions": ["endless": "sleep-until-interrupted"]])
        _ = try client.publication { $0.parent == id && $0.content["text"] == "sleeping\n" }
        client.send("interrupt_request", on: client.control)
        let reply = try client.reply(to: id)
        #expect(reply.content["status"] == "ok")
        #expect(reply.content["user_expressions"]?["endless"]?["ename"] == "Interrupted")
    }

    @Test func aFloodIsCutAndTheReaderIsToldHowMuchIsMissing() throws {
        let before = outputLimit
        outputLimit = 1_000
        defer { outputLimit = before }
        // 9 bytes a line, of which 111 fit; of the rest the last 32 KB are shown.
        let lines = (0..<20_000).map { "\($0 + 10_000_000)" }
        let (_, published) = try client.run(lines.map { "print \($0)" }.joined(separator: "\n") + "\nvalue 7")
        let tail = TextLimit.endSize / 9
        #expect(published.text().split(separator: "\n").map(String.init) == Array(lines[..<111] + lines.suffix(tail)))
        let said = published.text("stderr")
        #expect(said.hasPrefix("[This cell has printed 1,000 bytes"))
        let left = 20_000 - 111 - tail
        #expect(said.hasSuffix("[\((left * 9).grouped) bytes (\(left.grouped) lines) are left out here.]\n"))
        // All of it before the value.
        #expect(published.last?.type == "execute_result")
        // The next cell has its own limit; and so has what is printed after the output was cleared.
        #expect(try client.run("print x").published.text() == "x\n")
        let fitting = Array(repeating: "print \(String(repeating: "x", count: 99))", count: 10).joined(separator: "\n")
        let cleared = try client.run("\(fitting)\nclear\n\(fitting)").published
        #expect(cleared.text().utf8.count == 2_000)
        #expect(cleared.text("stderr") == "")
    }
}
