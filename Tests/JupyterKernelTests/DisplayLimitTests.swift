import Display
import Testing

@testable import JupyterKernel

@Suite struct DisplayLimitTests {
    private func picture(_ bytes: Int) -> MimeBundle {
        MimeBundle(png: Array(repeating: 0, count: bytes), width: 1, height: 1, text: "")
    }

    @Test func theFirstIsShownHoweverLargeAndOfTheRestTheLast() {
        let before = outputLimit
        outputLimit = 10_000
        defer { outputLimit = before }
        var displays = DisplayLimit()
        let areShown = [1_000_000, 1, 2, 3].map { displays.admit(picture($0), id: nil) }
        #expect(areShown == [true, false, false, false])
        let end = displays.end()
        #expect(end?.notice == "[2 displays are left out here.]\n")
        #expect(end?.last.bundle == picture(3))
        #expect(displays.last == nil)
    }

    @Test func whatFitsIsShown() {
        var displays = DisplayLimit()
        // 10 MB, of which each takes 1,000 and its text.
        for _ in 0..<9_000 { _ = displays.admit(MimeBundle(text: "small"), id: nil) }
        #expect(displays.omitted == 0)
    }
}
