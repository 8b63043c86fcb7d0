import Display
import Testing

@testable import JupyterKernel

@Suite struct SubshellTests {
    let client: TestClient
    init() throws { client = try TestClient() }

    private func create() throws -> String {
        let reply = try client.reply(to: client.send("create_subshell_request", on: client.control), on: client.control)
        #expect(reply.content["status"] == "ok")
        guard case .string(let id)? = reply.content["subshell_id"] else { throw TestClient.Silence() }
        return id
    }

    private func list() throws -> JSON? {
        try client.reply(to: client.send("list_subshell_request", on: client.control), on: client.control)
            .content["subshell_id"]
    }

    @Test func subshellsAreMadeListedAndDeleted() throws {
        #expect(try list() == [])
        let ids = [try create(), try create()].sorted()
        #expect(try list() == .array(ids.map { .string($0) }))
        let deletion = client.send("delete_subshell_request", ["subshell_id": .string(ids[0])], on: client.control)
        #expect(try client.reply(to: deletion, on: client.control).content == ["status": "ok"])
        #expect(try list() == [.string(ids[1])])
    }

    @Test func aSubshellAnswersWhileACellRuns() throws {
        let subshell = try create()
        let cell = try client.startEndlessCell()
        let completion = client.send("complete_request", ["code": "pri", "cursor_pos": 3], subshell: subshell)
        #expect(try client.reply(to: completion).content["matches"] == ["print"])
        #expect(try client.publications(of: completion).types == ["status", "status"])
        client.kernel.interrupt()
        _ = try client.reply(to: cell)
    }

    @Test func aCellInASubshellWaitsForTheOneInTheMainShell() throws {
        let subshell = try create()
        let first = try client.startEndlessCell()
        let second = client.execute("value 2", subshell: subshell)
        client.kernel.interrupt()
        #expect(try client.reply(to: first).content["status"] == "error")
        // A failure aborts what waits in its own shell, not in others.
        #expect(try client.reply(to: second).content["status"] == "ok")
        #expect(try client.publications(of: second).types == ["status", "execute_input", "execute_result", "status"])
    }

    @Test func anUnknownSubshellIsAnError() throws {
        let reply = try client.reply(to: client.execute("value 1", subshell: "nowhere"))
        #expect(reply.content["status"] == "error")
        #expect(reply.content["evalue"] == "there is no subshell nowhere")
        let deletion = client.send("delete_subshell_request", ["subshell_id": "nowhere"], on: client.control)
        #expect(try client.reply(to: deletion, on: client.control).content["status"] == "error")
    }

    @Test func theKernelEndsWithSubshells() throws {
        _ = try create()
        #expect(client.end())
    }
}
