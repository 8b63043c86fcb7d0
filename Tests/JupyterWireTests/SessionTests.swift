import Display
import Testing

@testable import JupyterWire

@Suite struct SessionTests {
    let client = Session(key: "secret", username: "client")
    let kernel = Session(key: "secret")

    private func frames(content: JSON = ["code": "1"], buffers: [[UInt8]] = []) -> [[UInt8]] {
        client.frames(
            of: client.message(
                "execute_request", identities: [[1, 2]], content: JSONText.encode(content), buffers: buffers))
    }

    @Test func aMessageSurvivesTheWire() throws {
        let message = try kernel.message(from: frames(buffers: [[0, 255], []]))
        #expect(message.type == "execute_request")
        #expect(message.identities == [[1, 2]])
        #expect(message.header.username == "client")
        #expect(message.header.version == "5.5")
        #expect(message.buffers == [[0, 255], []])
        #expect(message.parent == nil)
        #expect(try message.content(as: ExecuteRequest.self).code == "1")
    }

    @Test func exactlyFourFramesAreSigned() throws {
        var changed = frames(buffers: [[1]])
        changed[changed.count - 1] = [2]
        #expect(try kernel.message(from: changed).buffers == [[2]])
        for part in 3...6 {
            var changed = frames()
            changed[part].append(UInt8(ascii: " "))
            #expect(throws: WireError.wrongSignature) { try kernel.message(from: changed) }
        }
    }

    @Test func aMessageIsTakenOnce() throws {
        let frames = frames()
        _ = try kernel.message(from: frames)
        #expect(throws: WireError.replayed) { try kernel.message(from: frames) }
        // Also under another identity, and with other buffers: neither is signed.
        #expect(throws: WireError.replayed) { try kernel.message(from: [[9]] + frames.dropFirst() + [[1]]) }
    }

    @Test func withoutAKeyEverythingIsTaken() throws {
        let open = Session(key: "")
        let frames = frames()
        _ = try open.message(from: frames)
        _ = try open.message(from: frames)
    }

    @Test func framesThatAreNoMessageAreRefused() {
        #expect(throws: WireError.noDelimiter) { try kernel.message(from: []) }
        #expect(throws: WireError.noDelimiter) { try kernel.message(from: [[1], [2]]) }
        let whole = frames()
        for count in 0..<5 {
            #expect(throws: WireError.tooFewFrames(count)) { try kernel.message(from: Array(whole.prefix(2 + count))) }
        }
    }

    /// Signs anything as a header.
    private func signed(header: [UInt8], content: [UInt8] = emptyObject) -> [[UInt8]] {
        let parts = [header, emptyObject, emptyObject, content]
        return [Session.delimiter, Signer(key: "secret").signature(of: parts)] + parts
    }

    @Test(arguments: [
        ("", "not JSON in UTF-8"), ("nonsense", "not JSON in UTF-8"), ("[]", "no Dictionary<String, Any>"),
        ("{}", "\"msg_id\" is missing"), (#"{"msg_id": 1, "msg_type": "x"}"#, "no String at msg_id"),
        (#"{"msg_id": null, "msg_type": "x"}"#, "null instead of String at msg_id"),
        ("{\"msg_id\": \"\u{0}", "not JSON in UTF-8"),
    ])
    func aHeaderThatIsNoneIsRefused(text: String, why: String) {
        #expect(throws: WireError.malformed("header", why: why)) {
            try kernel.message(from: signed(header: Array(text.utf8)))
        }
    }

    @Test func invalidUTF8IsRefused() {
        let header: [UInt8] = Array(#"{"msg_type": "x", "msg_id": ""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
        #expect(throws: WireError.malformed("header", why: "not JSON in UTF-8")) {
            try kernel.message(from: signed(header: header))
        }
    }

    @Test func absurdSizesAreRefused() {
        let header = Array(#"{"msg_type": "x", "msg_id": "\#(String(repeating: "a", count: 70_000))"}"#.utf8)
        #expect(throws: WireError.tooLarge("header", limit: "64 KB")) {
            try kernel.message(from: signed(header: header))
        }
    }

    @Test(arguments: ["[", "{\"a\":"])
    func deepNestingIsRefused(opening: String) throws {
        let deep = Array(String(repeating: opening, count: 100_000).utf8)
        let header = Array(#"{"msg_type": "comm_msg", "msg_id": "1"}"#.utf8)
        let message = try kernel.message(
            from: signed(header: header, content: Array(#"{"comm_id": "c", "data": "#.utf8) + deep))
        #expect(throws: WireError.malformed("content of comm_msg", why: "not JSON in UTF-8")) {
            try message.content(as: CommMessage.self)
        }
    }

    @Test func everyMessageHasItsOwnIdAndDate() {
        let messages = (0..<3).map { _ in client.message("x", identities: [], content: emptyObject) }
        #expect(Set(messages.map(\.header.messageID)).count == 3)
        #expect(messages.map(\.header.date) == messages.map(\.header.date).sorted())
        // 1,700,000,000 s after 1970, by `date -u -d @1700000000`.
        #expect(Timestamp.string(seconds: 1_700_000_000, microseconds: 42) == "2023-11-14T22:13:20.000042Z")
    }
}
