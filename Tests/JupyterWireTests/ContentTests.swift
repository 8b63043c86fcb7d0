import Display
import Foundation
import Testing

@testable import JupyterWire

@Suite struct ContentTests {
    private func decode<Content: Decodable>(_: Content.Type, _ json: String) throws -> Content {
        try JSONText.decode(Content.self, from: Array(json.utf8), part: "content")
    }

    private func json(_ content: some OutgoingContent) throws -> JSON {
        try JSONText.decode(JSON.self, from: content.serialized(), part: "content")
    }

    @Test func whatAnExecuteRequestLeavesOutHasTheProtocolsDefaults() throws {
        let request = try decode(ExecuteRequest.self, #"{"code": "x"}"#)
        #expect(!request.isSilent && request.storesHistory && request.stopsOnError && !request.allowsInput)
        #expect(request.userExpressions.isEmpty)
    }

    @Test func aSilentCellIsNeverStored() throws {
        #expect(
            try !decode(ExecuteRequest.self, #"{"code": "x", "silent": true, "store_history": true}"#).storesHistory)
    }

    @Test(arguments: [
        (#"{"hist_access_type": "tail", "n": 3}"#, HistoryRequest.Access.tail(count: 3)),
        (
            #"{"hist_access_type": "range", "session": -1, "start": 2, "stop": null}"#,
            .range(session: -1, start: 2, stop: nil)
        ),
        (#"{"hist_access_type": "range", "start": 2, "stop": 5}"#, .range(session: 0, start: 2, stop: 5)),
        (
            #"{"hist_access_type": "search", "pattern": "a*", "unique": true}"#,
            .search(pattern: "a*", count: nil, unique: true)
        ),
    ])
    func historyIsAskedForInThreeWays(text: String, access: HistoryRequest.Access) throws {
        #expect(try decode(HistoryRequest.self, text).access == access)
    }

    @Test func anUnknownWayToAskForHistoryIsRefused() {
        #expect(throws: WireError.self) { try decode(HistoryRequest.self, #"{"hist_access_type": "all"}"#) }
    }

    @Test func historyEntriesAreTuples() throws {
        let reply = HistoryReply(history: [
            .init(session: 1, line: 2, input: "a"), .init(session: 1, line: 3, input: "b", output: .some("c")),
            .init(session: 1, line: 4, input: "d", output: .some(nil)),
        ])
        #expect(
            try json(reply) == ["status": "ok", "history": [[1, 2, "a"], [1, 3, ["b", "c"]], [1, 4, ["d", nil]]]])
    }

    @Test func cursorsCountUnicodeScalars() throws {
        // One Character, two scalars, four UTF-16 units, eight bytes.
        #expect(try decode(CompleteRequest.self, #"{"code": "👍🏽", "cursor_pos": 2}"#).cursor == 2)
        #expect(try decode(CompleteRequest.self, #"{"code": "👍🏽", "cursor_pos": 3}"#).cursor == 2)
    }

    @Test func completionsCarryTheirKinds() throws {
        let reply = CompleteReply(
            matches: [.init(text: "map", type: "function", signature: "(T) -> U", start: 2, end: 4)], cursorStart: 2,
            cursorEnd: 4)
        #expect(
            try json(reply) == [
                "status": "ok", "matches": ["map"], "cursor_start": 2, "cursor_end": 4,
                "metadata": [
                    "_jupyter_types_experimental": [
                        ["text": "map", "type": "function", "signature": "(T) -> U", "start": 2, "end": 4]
                    ]
                ],
            ])
    }

    @Test func aBundleIsWrittenInAllItsForms() throws {
        let bundle = MimeBundle(
            contents: [
                "text/plain": .text("a \"quoted\"\n</script>\u{1} line"), "image/png": .bytes([1, 2, 3, 4]),
                "application/json": .json(["a": [1, 2.5, nil, true]]),
            ], metadata: ["image/png": ["width": 3]])
        let expected: JSON = [
            "text/plain": "a \"quoted\"\n</script>\u{1} line", "image/png": "AQIDBA==",
            "application/json": ["a": [1, 2.5, nil, true]],
        ]
        #expect(
            try json(DisplayData(bundle, id: DisplayID("x"))) == [
                "data": expected, "metadata": ["image/png": ["width": 3]], "transient": ["display_id": "x"],
            ])
        #expect(
            try json(ExecuteResult(bundle, executionCount: 7)) == [
                "data": expected, "metadata": ["image/png": ["width": 3]], "execution_count": 7,
            ])
        #expect(try json(InspectReply(bundle))["data"] == expected)
    }

    @Test func numbersThatJSONLacksDoNotStopAMessage() throws {
        let bundle = MimeBundle(contents: ["application/json": .json([.number(.nan), .number(.infinity)])])
        #expect(try json(DisplayData(bundle, id: nil))["data"]?["application/json"] == ["NaN", "Infinity"])
    }

    /// The test vectors of RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64IsThatOfTheStandard(text: String, encoded: String) {
        #expect(Array(text.utf8).base64 == encoded)
    }

    /// Foundation's is another implementation.
    @Test(arguments: Array(0...64) + [1_000, 1_001, 1_002])
    func base64OfAnyLengthIsFoundations(length: Int) {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 97 &+ 13) }
        #expect(bytes.base64 == Data(bytes).base64EncodedString())
    }

    /// Every byte that needs an escape, at every place of a block of 16 and around its edges.
    @Test func aStringOfAnyLengthIsReadBackAsItWas() throws {
        let escaped = (0..<0x20).map { Character(Unicode.Scalar($0)) } + ["\"", "\\"]
        for character in escaped + ["é", "🙂", "\u{2028}", "\u{7F}", "/"] {
            for place in 0..<36 {
                var text = Array(repeating: Character("x"), count: 36)
                text[place] = character
                let string = String(text)
                var bytes: [UInt8] = []
                bytes.append(json: string)
                #expect(try JSONText.decode(String.self, from: bytes, part: "text") == string)
            }
        }
        for length in 0..<40 {
            let string = String(repeating: "é\n", count: length)
            #expect(try json(StreamText(name: "stdout", text: string)) == ["name": "stdout", "text": .string(string)])
        }
    }
}
