import Display
import Glibc
import JupyterWire
import Synchronization
import Testing

@testable import JupyterKernel

@Suite struct PublisherTests {
    let client: TestClient
    init() throws { client = try TestClient() }

    @Test func aFewLinesAreSentAtOnceAndManyAreGathered() throws {
        let lines = (0..<10_000).map { "print \($0)" }.joined(separator: "\n")
        let (_, published) = try client.run(lines)
        #expect(published.text() == (0..<10_000).map { "\($0)\n" }.joined())
        // At least one message in 5 ms or 128 KB; one for each line would be 10,000.
        #expect(published.count < 500)
    }

    @Test func theTwoStreamsKeepTheirOrder() throws {
        let (_, published) = try client.run("print a\nwarn b\nprint c\nprint d\nwarn e")
        let parts = published.dropFirst().map { "\($0.content["name"]!): \($0.content["text"]!)" }
        let joined = parts.joined()
        let order = ["a", "b", "c", "d", "e"].map { letter in
            joined.range(of: "\(letter)\\n")?.lowerBound ?? joined.endIndex
        }
        #expect(order == order.sorted() && Set(order).count == 5)
    }

    /// Memory stays bounded because whoever prints has to wait; and a client that reads nothing stops nobody for long.
    @Test func aClientThatDoesNotReadIsToldWhatItMissed() throws {
        let context = ZeroMQContext()
        let socket = ZeroMQSocket(.xpub, in: context)
        let endpoint = "ipc:///tmp/publisher-\(getpid())"
        try socket.bind(endpoint)
        let publisher = Publisher(socket: socket, session: Session(key: "k"), patience: 100)
        func subscriber(receiving limit: Int32) throws -> (ZeroMQSocket, Session) {
            let (socket, session) = (ZeroMQSocket(.sub, in: context), Session(key: "k"))
            socket.limitReceiving(messages: limit)
            try socket.connect(endpoint)
            socket.subscribe(to: [])
            return (socket, session)
        }
        let (reader, readersSession) = try subscriber(receiving: 0)
        let (deaf, deafSession) = try subscriber(receiving: 10)
        func next(_ socket: ZeroMQSocket, _ session: Session) throws -> TestClient.Received {
            try client.next(on: socket, session: session)
        }
        for (socket, session) in [(reader, readersSession), (deaf, deafSession)] {
            #expect(try next(socket, session).type == "iopub_welcome")
        }

        // More than libzmq holds for one client: 1,000 messages, and what the socket's buffers take.
        let bundle = MimeBundle(text: String(repeating: "x", count: 5_000))
        for _ in 0..<3_000 { publisher.publish(DisplayData(bundle, id: nil), parent: emptyObject) }
        publisher.publish(ClearOutput(wait: false), parent: emptyObject)
        var types: [String] = []
        while types.last != "clear_output" { types.append(try next(reader, readersSession).type) }
        #expect(types.count { $0 == "display_data" } == 3_000)

        // What it could hold comes first. Once that is read there is room again, and the end of the output tells.
        var held = 0
        while (try? client.next(on: deaf, session: deafSession, milliseconds: 300)) != nil { held += 1 }
        #expect(held < 3_000)
        publisher.publish(Status(.idle), parent: emptyObject)
        let notice = try next(deaf, deafSession)
        #expect(notice.content["name"] == "stderr")
        guard case .string(let text)? = notice.content["text"] else { throw TestClient.Silence() }
        #expect(text.hasPrefix("[A client stopped reading: up to "))
        #expect(try next(deaf, deafSession).content == ["execution_state": "idle"])

        publisher.stop()
        for socket in [reader, deaf] { socket.close(abandoned: true) }
        context.terminate()
    }

    /// Publishes bytes as they are printed, and returns the text that arrived before the next `idle`.
    private func published(_ pieces: [[UInt8]]) throws -> [String] {
        for piece in pieces {
            piece.withUnsafeBytes { client.kernel.publisher.text($0, on: .stdout, parent: emptyObject) }
            // Each piece is sent before the next one comes: text is held for 5 ms at most.
            usleep(8_000)
        }
        client.kernel.publisher.status(.idle, parent: emptyObject)
        var texts: [String] = []
        while true {
            let message = try client.publication { $0.parent == nil }
            if message.content["execution_state"] == "idle" { return texts }
            if case .string(let text)? = message.content["text"] { texts.append(text) }
        }
    }

    @Test func charactersAreNeverTornApart() throws {
        let all = "aé€🙂👍🏽"
        let texts = try published(all.utf8.map { [$0] })
        #expect(texts.joined() == all)
        #expect(texts.allSatisfy { !$0.contains("\u{FFFD}") })
    }

    @Test func bytesThatAreNoTextAreShownAsSuch() throws {
        #expect(try published([[0x61, 0xFF, 0x62, 0x80, 0x63]]).joined() == "a\u{FFFD}b\u{FFFD}c")
        // The beginning of a character that never goes on.
        #expect(try published([[0x61, 0xF0, 0x9F]]).joined() == "a\u{FFFD}")
    }

    @Test(
        arguments: [
            ([], 0), ([0x61], 1), ([0x61, 0xC3], 1), ([0xC3, 0xA9], 2), ([0xE2, 0x82], 0),
            ([0x61, 0xF0, 0x9F, 0x99], 1),
            ([0xF0, 0x9F, 0x99, 0x82], 4), ([0x80, 0x80, 0x80, 0x80], 4), ([0xFF], 1),
        ] as [([UInt8], Int)])
    func theLastWholeCharacterIsFound(bytes: [UInt8], end: Int) {
        #expect(completeEnd(of: bytes) == end)
    }
}
