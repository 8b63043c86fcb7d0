import Display
import JupyterWire
import Testing

@testable import JupyterKernel

/// What a kernel must outlive: anybody can connect to its ports.
@Suite struct AttackTests {
    let client: TestClient
    init() throws { client = try TestClient() }

    /// The frames of a good message that no one has sent yet.
    private func frames(_ type: String = "execute_request", _ content: JSON = ["code": "print attacked"]) -> [[UInt8]] {
        client.session.frames(of: client.session.message(type, identities: [], content: JSONText.encode(content)))
    }

    /// Waits until the kernel has read what was sent to it, then says whether it is well.
    private func isWell() throws -> Bool {
        for socket in [client.shell, client.control] {
            let id = client.send("kernel_info_request", on: socket)
            guard try client.reply(to: id, on: socket).content["status"] == "ok" else { return false }
        }
        return try client.run("value 1").reply.content["status"] == "ok"
    }

    @Test func aWrongSignatureIsLoggedAndNotAnswered() throws {
        let stranger = Session(key: "another key")
        let message = stranger.message(
            "execute_request", identities: [], content: JSONText.encode(["code": "print x"] as JSON))
        client.shell.send(stranger.frames(of: message))
        #expect(try isWell())
        #expect(
            client.log.lines == [
                "shell: a message was ignored, because the signature is not that of this connection's key"
            ])
    }

    @Test func aReplayedMessageIsRefused() throws {
        let frames = frames()
        client.shell.send(frames)
        #expect(try isWell())
        client.shell.send(frames)
        client.control.send(frames)
        #expect(try isWell())
        let count = try client.reply(to: client.execute("value 1")).content["execution_count"]
        // The message, two cells of `isWell`, and this one: the copies ran nowhere.
        #expect(count == 4)
        #expect(
            client.log.lines.sorted()
                == ["control", "shell"].map { channel in
                    "\(channel): a message was ignored, because a message with this signature was received before"
                })
    }

    @Test func anUnknownTypeIsLoggedAndNotAnswered() throws {
        let id = client.send("launch_request")
        client.send("execute_request", ["code": "print x"], on: client.control)
        client.send("kernel_info_request", on: client.stdin)
        #expect(try isWell())
        #expect(
            client.log.lines.sorted() == [
                "control: \"execute_request\" was ignored, because its type is unknown",
                "shell: \"launch_request\" was ignored, because its type is unknown",
                "stdin: a message was ignored, because kernel_info_request is no message for this channel",
            ])
        // Not even busy and idle: what is published next is another request's.
        #expect(try client.publication { _ in true }.parent != id)
    }

    @Test func aMessageOfManyFramesIsRefused() throws {
        client.shell.send([[UInt8]](repeating: [1], count: 5000))
        #expect(try isWell())
        #expect(
            client.log.lines == [
                "shell: a message was ignored, because the message has more than 1,000 frames or 512 MB"
            ])
    }

    @Test func aMessageWithTooManyBuffersIsNotTakenForOneWithFewer() throws {
        client.interpreter.frontend.withLock { $0 = client.kernel.frontend }
        let opening = client.execute("open widget")
        guard
            case .string(let id)? = try client.publications(of: opening).first(where: { $0.type == "comm_open" })?
                .content["comm_id"]
        else { throw TestClient.Silence() }
        let buffers = [[UInt8]](repeating: [1], count: 1_000)
        client.send("comm_msg", ["comm_id": .string(id), "data": ["n": 1]], buffers: buffers)
        #expect(try isWell())
        #expect(client.log.lines.count == 1)
    }

    @Test func contentOfTheWrongShapeIsAnsweredWithAnError() throws {
        let contents: [JSON] = [
            [:], [], nil, "x", 7, ["code": 7], ["code": nil], ["code": ["nested": "x"]],
            ["code": "x", "user_expressions": [1]], ["code": "x", "silent": "no"],
        ]
        for content in contents {
            let reply = try client.reply(to: client.send("execute_request", content))
            #expect(reply.content["status"] == "error", "\(content)")
            #expect(reply.content["ename"] == "WireError")
        }
        #expect(try isWell())
    }

    /// 10,000 messages that are wrong in every way that comes to mind, on each of the five sockets, while a cell runs.
    @Test func tenThousandWrongMessagesChangeNothing() throws {
        let cell = try client.startEndlessCell()
        var random = Numbers(seed: 7)
        let sockets = [client.shell, client.control, client.stdin]
        let extras = try [(ZeroMQSocket.Kind.dealer, ConnectionFile.Channel.heartbeat), (.xsub, .iopub)].map {
            kind, channel in
            let socket = client.socket(kind)
            // The heart sends everything back, and nobody reads it here.
            socket.setSendTimeout(milliseconds: 0)
            try socket.connect(client.connection.endpoint(of: channel))
            return socket
        }
        defer { for socket in extras { socket.close(abandoned: true) } }
        for number in 0..<50_000 {
            var wrong = frames(
                ["execute_request", "comm_msg", "interrupt_request", "input_reply", "shutdown_request"]
                    .randomElement(using: &random)!)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: wrong[1] = (0..<64).map { _ in UInt8.random(in: 48...57, using: &random) }
            case 1: wrong.removeLast(Int.random(in: 1...wrong.count, using: &random))
            case 2:
                let part = Int.random(in: 2...5, using: &random)
                wrong[part] = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
            case 3: wrong.removeAll { $0 == Array("<IDS|MSG>".utf8) }
            case 4: wrong[1] = []
            case 5: wrong.insert([UInt8](repeating: 0xFF, count: 1000), at: 1)
            default: wrong = (0..<3).map { _ in [UInt8.random(in: 0...255, using: &random)] }
            }
            (sockets + extras)[number % 5].send(wrong)
        }
        // Signed rightly, but no use to anybody.
        for text in ["{", "[1]", "{\"msg_id\": {}}", "{\"msg_id\":\"\u{FFFF}\"}", "null"] {
            let parts = [Array(text.utf8), emptyObject, emptyObject, emptyObject]
            let signature = Signer(key: client.connection.key).signature(of: parts)
            client.shell.send([Array("<IDS|MSG>".utf8), signature] + parts)
        }
        let question = client.send("kernel_info_request", on: client.control)
        #expect(try client.reply(to: question, on: client.control).content["status"] == "ok")
        client.send("interrupt_request", on: client.control)
        #expect(try client.reply(to: cell).content["ename"] == "Interrupted")
        // The endless cell was the first, the one of `isWell` is the second: no other ran.
        #expect(try isWell())
        #expect(try client.run("value 1").reply.content["execution_count"] == 3)
    }

    /// The same numbers in every run: Knuth's linear congruential generator (MMIX).
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64
        init(seed: UInt64) { state = seed }
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 33)
        }
    }
}
