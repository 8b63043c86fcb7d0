import Display
import JupyterWire
import Testing

@testable import JupyterKernel

@Suite struct InputTests {
    let client: TestClient
    init() throws { client = try TestClient() }

    @Test func aCellAsksAndGetsTheLine() throws {
        let id = client.execute("input your name: ", ["allow_stdin": true])
        let question = try client.next(on: client.stdin)
        #expect(question.type == "input_request")
        #expect(question.parent == id)
        #expect(question.content == ["prompt": "your name: ", "password": false])
        client.send("input_reply", ["value": "Ada"], on: client.stdin)
        #expect(try client.publications(of: id).text() == "Ada\n")
    }

    @Test func aPasswordIsAskedForAsOne() throws {
        let id = client.execute("password secret: ", ["allow_stdin": true])
        let question = try client.next(on: client.stdin)
        #expect(question.content == ["prompt": "secret: ", "password": true])
        client.send("input_reply", ["value": "x"], on: client.stdin)
        #expect(try client.reply(to: id).content["status"] == "ok")
    }

    @Test func aClientThatCannotBeAskedIsNot() throws {
        for options in [["allow_stdin": false], [:]] as [[String: JSON]] {
            let (reply, _) = try client.run("input name", options)
            #expect(reply.content["ename"] == "InputUnavailable")
            #expect(reply.content["evalue"] == "this front end cannot ask for input")
        }
    }

    @Test func anInterruptEndsTheQuestion() throws {
        let id = client.execute("input name", ["allow_stdin": true])
        let question = try client.next(on: client.stdin)
        client.send("interrupt_request", on: client.control)
        #expect(try client.reply(to: id).content["ename"] == "Interrupted")
        // An answer that comes too late answers nothing.
        client.send("input_reply", ["value": "late"], on: client.stdin, parent: JSONText.encode(question.header))
        let next = client.execute("input again", ["allow_stdin": true])
        _ = try client.next(on: client.stdin)
        client.send("input_reply", ["value": "right"], on: client.stdin)
        #expect(try client.publications(of: next).text() == "right\n")
    }

    @Test func anAnswerToAnotherQuestionIsNotTaken() throws {
        let id = client.execute("input name", ["allow_stdin": true])
        let question = try client.next(on: client.stdin)
        var other = question.header
        other.messageID = "another"
        client.send("input_reply", ["value": "wrong"], on: client.stdin, parent: JSONText.encode(other))
        client.send("input_reply", ["value": "right"], on: client.stdin, parent: JSONText.encode(question.header))
        #expect(try client.publications(of: id).text() == "right\n")
    }
}
