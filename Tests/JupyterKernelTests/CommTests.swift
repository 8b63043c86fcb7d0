import Display
import Testing

@testable import JupyterKernel

@Suite struct CommTests {
    let client: TestClient

    init() throws {
        client = try TestClient()
        client.interpreter.frontend.withLock { $0 = client.kernel.frontend }
    }

    /// Runs a cell that opens a comm, and returns the comm's id.
    private func open(_ target: String = "widget") throws -> String {
        let (_, published) = try client.run("open \(target)")
        try #require(published.types == ["execute_input", "comm_open"])
        #expect(published[1].content["target_name"] == .string(target))
        #expect(published[1].content["data"] == ["n": 1])
        #expect(published[1].metadata == ["version": "1"])
        guard case .string(let id)? = published[1].content["comm_id"] else { throw TestClient.Silence() }
        return id
    }

    private func openComms(_ target: JSON? = nil) throws -> JSON? {
        let content: JSON = target.map { ["target_name": $0] } ?? [:]
        return try client.reply(to: client.send("comm_info_request", content)).content["comms"]
    }

    @Test func aCellOpensACommAndBuffersTravelBothWays() throws {
        let id = try open()
        let (_, published) = try client.run("tell hello")
        try #require(published.types == ["execute_input", "comm_msg"])
        #expect(published[1].content == ["comm_id": .string(id), "data": ["text": "hello"]])
        #expect(published[1].buffers == [[1, 2, 3], []])

        let buffers: [[UInt8]] = [[0xFF, 0], [], [UInt8](repeating: 7, count: 100_000)]
        let message = client.send("comm_msg", ["comm_id": .string(id), "data": ["value": 0.5]], buffers: buffers)
        let answer = try client.publications(of: message)
        try #require(answer.types == ["status", "display_data", "comm_msg", "status"])
        #expect(answer[1].content["data"]?["text/plain"] == "displayed")
        #expect(answer[2].content["data"] == ["value": 0.5])
        #expect(answer[2].buffers == buffers)
    }

    @Test func aClientOpensAComm() throws {
        _ = try open()
        let opening: JSON = ["comm_id": "mine", "target_name": "echo", "data": ["hello": 1]]
        let published = try client.publications(of: client.send("comm_open", opening))
        try #require(published.types == ["status", "comm_msg", "status"])
        #expect(published[1].content == ["comm_id": "mine", "data": ["hello": 1]])
        #expect(try openComms("echo") == ["mine": ["target_name": "echo"]])
    }

    @Test func aTargetThatNobodyAcceptsIsClosedAtOnce() throws {
        let opening: JSON = ["comm_id": "lost", "target_name": "nothing", "data": [:]]
        let published = try client.publications(of: client.send("comm_open", opening))
        try #require(published.types == ["status", "comm_close", "status"])
        #expect(published[1].content["comm_id"] == "lost")
        #expect(try openComms() == [:])
    }

    @Test func openCommsAreListedUntilTheyAreClosed() throws {
        let (first, second) = (try open("a"), try open("b"))
        #expect(try openComms() == .object([first: ["target_name": "a"], second: ["target_name": "b"]]))
        #expect(try openComms("b") == .object([second: ["target_name": "b"]]))
        let closing = client.send("comm_close", ["comm_id": .string(first), "data": [:]])
        #expect(try client.publications(of: closing).types == ["status", "display_data", "status"])
        #expect(try openComms() == .object([second: ["target_name": "b"]]))
    }

    @Test func aCommAnswersInASubshellWhileACellRuns() throws {
        let id = try open()
        let creation = client.send("create_subshell_request", on: client.control)
        guard case .string(let subshell)? = try client.reply(to: creation, on: client.control).content["subshell_id"]
        else {
            throw TestClient.Silence()
        }
        let cell = try client.startEndlessCell()
        let message = client.send("comm_msg", ["comm_id": .string(id), "data": ["live": true]], subshell: subshell)
        // Under its own parent, not under the cell's.
        #expect(try client.publications(of: message).types == ["status", "display_data", "comm_msg", "status"])
        client.kernel.interrupt()
        #expect(try client.reply(to: cell).content["ename"] == "Interrupted")
    }

    @Test func aMessageForNobodyIsIgnored() throws {
        for content: JSON in [["comm_id": "stale", "data": [:]], ["comm_id": 7], [:]] {
            #expect(try client.publications(of: client.send("comm_msg", content)).types == ["status", "status"])
            #expect(try client.publications(of: client.send("comm_close", content)).types == ["status", "status"])
        }
    }

    @Test func aSilentCellKeepsItsCommsInStep() throws {
        _ = try open()
        #expect(try client.run("tell silently\nprint nothing", ["silent": true]).published.types == ["comm_msg"])
    }

    @Test func theOutputsPlaceIsTheRequestThatRuns() throws {
        let id = client.execute("output-id")
        #expect(try client.publications(of: id)[2].content["data"]?["text/plain"] == .string(id))
    }
}
