import Display
import Testing

@testable import JupyterKernel

@Suite struct TextLimitTests {
    private func with(limit: Int, _ body: () throws -> Void) rethrows {
        let before = outputLimit
        outputLimit = limit
        defer { outputLimit = before }
        try body()
    }

    /// What is shown of text that is printed in pieces, and what is said and shown at the end.
    private func shown(_ pieces: [String], limit: Int) -> (beginning: String, wasCut: Bool, end: [String]) {
        var (beginning, wasCut, end) = ("", false, [String]())
        with(limit: limit) {
            var text = TextLimit()
            for piece in pieces {
                let bytes = Array(piece.utf8)
                bytes.withUnsafeBytes { all in
                    let (count, isLast) = text.admit(all, on: .stdout)
                    beginning += String(decoding: all[..<count], as: UTF8.self)
                    wasCut = wasCut || isLast
                }
            }
            end = text.end().map { String(decoding: $0.text, as: UTF8.self) }
        }
        return (beginning, wasCut, end)
    }

    @Test func whatFitsIsShownWhole() {
        let (beginning, wasCut, end) = shown(["12345\n", "6789\n"], limit: 11)
        #expect(beginning == "12345\n6789\n")
        #expect(!wasCut && end.isEmpty)
    }

    @Test func whatComesBeyondIsCutAtALinesEndAndItsEndIsShown() {
        let (beginning, wasCut, end) = shown(["one\ntwo\nthree\n", "four\n"], limit: 10)
        #expect(beginning == "one\ntwo\n")
        #expect(wasCut)
        // Short enough to be shown: nothing is left out after all, and nothing is said.
        #expect(end == ["three\nfour\n"])
    }

    @Test func aCharacterIsNotCut() {
        #expect(shown(["ab🙂🙂"], limit: 8).beginning == "ab🙂")
    }

    @Test func bytesAndLinesThatAreLeftOutAreCounted() {
        // 100,000 lines of 10 bytes: 1,000 are shown at the beginning, and of the rest the last 32 KB.
        let lines = (0..<100_000).map { String($0 + 100_000_000) + "\n" }
        let (beginning, _, end) = shown(lines, limit: 10_000)
        #expect(beginning == lines[..<1_000].joined())
        let tail = TextLimit.endSize / 10
        #expect(end.count == 2)
        #expect(end.last == lines.suffix(tail).joined())
        let left = 100_000 - 1_000 - tail
        #expect(end.first == "[\((left * 10).grouped) bytes (\(left.grouped) lines) are left out here.]\n")
    }

    @Test func aLimitOfNothingStillShowsTheEnd() {
        let (beginning, wasCut, end) = shown(["a\n"], limit: 0)
        #expect(beginning.isEmpty && wasCut && end == ["a\n"])
    }
}
