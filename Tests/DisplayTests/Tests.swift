import Glibc
import Synchronization
import Testing

@testable import Display

/// Keeps what is displayed.
final class RecordingFrontend: Frontend {
    struct Event: Sendable {
        var bundle: MimeBundle
        var isUpdate: Bool
    }
    let events = Mutex<[Event]>([])
    let updatesInPlace: Bool

    init(updatesInPlace: Bool = true) { self.updatesInPlace = updatesInPlace }

    func display(_ bundle: MimeBundle, id: DisplayID?) {
        events.withLock { $0.append(Event(bundle: bundle, isUpdate: false)) }
    }
    func update(_ bundle: MimeBundle, id: DisplayID) {
        events.withLock { $0.append(Event(bundle: bundle, isUpdate: true)) }
    }
    func clearOutput(wait: Bool) {}
}

@Suite struct NumbersTests {
    @Test(arguments: [(0, "0"), (999, "999"), (3_112, "3,112"), (431_080, "431,080"), (-1_234_567, "-1,234,567")])
    func thousandsAreSetApart(number: Int, text: String) { #expect(number.grouped == text) }

    @Test(arguments: [
        (0.9704, 3, "0.970"), (0.0004, 3, "0.000"), (-0.0004, 3, "0.000"), (-1.25, 1, "-1.3"), (12.0, 0, "12"),
        (0.05, 2, "0.05"),
    ])
    func decimalsAreFixed(number: Double, decimals: Int, text: String) { #expect(number.fixed(decimals) == text) }

    @Test(arguments: [
        (0.01, 3, "0.01"), (1_234_567, 3, "1234567"), (0.00003, 3, "3e-5"), (2.5e12, 3, "2.5e12"), (0.0, 3, "0"),
        (-0.12345, 2, "-0.12"), (Double.nan, 2, "nan"), (9.9999e-8, 3, "1e-7"), (0.0099996, 3, "0.01"),
        (99.99, 3, "100"),
    ])
    func significantDigitsReadNaturally(number: Double, digits: Int, text: String) {
        #expect(number.significant(digits) == text)
    }

    @Test(arguments: [(0.84, "0.8 s"), (12.2, "12 s"), (59.6, "1 min"), (185, "3 min 5 s"), (7_800, "2 h 10 min")])
    func durationsAreSpoken(seconds: Double, text: String) { #expect(Duration.seconds(seconds).spoken == text) }
}

@Suite struct TableTests {
    @Test func columnsAlignInPlainText() {
        let table = Table(
            ["layer", "parameters"], rows: [["conv1", "520"], ["hidden", "400,500"]], numeric: [1],
            footer: ["all", "401,020"])
        #expect(
            table.mimeBundle.text == """
                layer   parameters
                ──────  ──────────
                conv1          520
                hidden     400,500
                ──────  ──────────
                all        401,020
                """)
    }

    @Test func aRowMayBeLongerThanTheHeaders() {
        #expect(Table(["a"], rows: [["1", "note"]]).text == "a\n─  ────\n1  note")
    }

    @Test func whatLooksLikeATagIsEscapedInHTML() {
        let bundle = Table(["name"], rows: [["<script>"]]).mimeBundle
        guard case .text(let html)? = bundle.contents["text/html"] else {
            Issue.record("a table has an HTML form")
            return
        }
        #expect(html.contains("&lt;script&gt;"))
        #expect(!html.contains("<script>"))
    }
}

@Suite struct ProgressBarTests {
    private func recording(updatesInPlace: Bool, _ work: (any Frontend) -> Void) -> [RecordingFrontend.Event] {
        let recorder = RecordingFrontend(updatesInPlace: updatesInPlace)
        work(recorder)
        return recorder.events.withLock { $0 }
    }

    @Test func aThousandUpdatesAtOnceDrawOnlyTheFirstAndTheLastLine() {
        let events = recording(updatesInPlace: true) { frontend in
            let bar = ProgressBar("epoch 1 of 10", total: 1_000, unit: "images", on: frontend)
            for done in 1...1_000 { bar.update(done) }
            bar.finish("done in 1 s")
            bar.update(5)
        }
        #expect(events.first?.isUpdate == false)
        #expect(events.first?.bundle.text == "epoch 1 of 10 ░░░░░░░░░░░░░░░░░░░░ 0 %")
        #expect(events.last?.bundle.text == "done in 1 s")
        // A thousand updates take far less than the tenth of a second between two drawings; 20 allows for a busy machine.
        #expect(events.count < 20)
    }

    @Test func aConsoleGetsOneLineForShortWork() {
        let events = recording(updatesInPlace: false) { frontend in
            let bar = ProgressBar("reading", total: 10, unit: "steps", on: frontend)
            for done in 1...10 { bar.update(done) }
            bar.finish("10 files read")
        }
        #expect(events.map(\.bundle.text) == ["10 files read"])
    }

    @Test func speedAndTimeLeftAreShownOnceThereIsSomethingToGoBy() throws {
        let events = recording(updatesInPlace: true) { frontend in
            let bar = ProgressBar("epoch 1 of 2", total: 100, unit: "images", on: frontend)
            let clock = ContinuousClock()
            let start = clock.now
            // Two drawings of a tenth of a second each.
            while clock.now - start < .milliseconds(250) { bar.update(50, title: "epoch 2 of 2") }
        }
        let last = try #require(events.last).bundle.text
        #expect(last.hasPrefix("epoch 2 of 2 ██████████░░░░░░░░░░ 50 %"))
        #expect(last.contains(" images/s · 0."))
        #expect(last.hasSuffix(" s left"))
    }

    @Test func whatWasDoneBeforeDoesNotCountForTheSpeed() throws {
        let events = recording(updatesInPlace: true) { frontend in
            let bar = ProgressBar("epoch 2 of 2", total: 100_000, unit: "images", completed: 50_000, on: frontend)
            let clock = ContinuousClock()
            let start = clock.now
            while clock.now - start < .milliseconds(250) { bar.update(50_100) }
        }
        let last = try #require(events.last).bundle.text
        // 100 images in a tenth of a second and more.
        let speed = try #require(last.firstMatch(of: /([0-9,]+) images\/s/)).1
        #expect(Int(speed.filter { $0 != "," })! <= 1_000)
    }
}

@Suite(.serialized) struct InterruptionTests {
    @Test func workCooperatesUntilItEndsOrItsThreadIsAbandoned() {
        #expect(!Interruption.isCooperating)
        Interruption.cooperate {
            #expect(Interruption.isCooperating)
            Interruption.cooperate {}
            #expect(Interruption.isCooperating)
        }
        #expect(!Interruption.isCooperating)
        Interruption.cooperate {
            // What the host does before the next cell where this work was abandoned.
            Interruption.reset()
            #expect(!Interruption.isCooperating)
        }
        Interruption.reset()
    }
}

@Suite struct SparklineTests {
    @Test func itFallsAsItsValuesDo() {
        #expect(Sparkline([8, 7, 6, 5, 4, 3, 2, 1]).text == "█▇▆▅▄▃▂▁")
        #expect(Sparkline([]).text == "" && Sparkline([1, 1]).text == "▁▁")
        #expect(Sparkline((0..<1_000).map(Double.init)).text.count == 8)
        #expect(Sparkline((0..<20).map(Double.init), letters: 20).text.count == 20)
    }

    @Test func inATableItIsAnImageThatPagesDoNotLeaveOut() {
        let curve = Sparkline([3, 1, .nan, 2])
        #expect(curve.html.hasPrefix("<img src=\"data:image/svg+xml,%3Csvg"))
        // The first value at the top, the second at the bottom of 18 pixels with 2.5 on either side.
        #expect(curve.html.contains("points='3.0,2.5%2036.0,15.5%2069.0,9.0'"))
        #expect(curve.html.contains("alt=\"█▁▅\""))
        #expect(Sparkline([]).html == "" && Sparkline([.nan], .bars).html == "")
        #expect(Sparkline([1, 0, 2], .bars).html.components(of: "rect") == 2, "nothing is drawn for 0")
        var table = Table(["curve", "name"], rows: [[curve.text, "<a>"]])
        table.drawings = [0: [curve.html]]
        guard case .text(let html)? = table.mimeBundle.contents["text/html"] else {
            Issue.record("there is no HTML")
            return
        }
        #expect(html.contains(">\(curve.html)</td>") && html.contains(">&lt;a&gt;</td>"))
        #expect(table.text.hasSuffix("█▁▅    <a>"))
    }
}

extension String {
    fileprivate func components(of word: String) -> Int { split(separator: word).count - 1 }
}

@Suite struct HomeTests {
    @Test func aTildeIsTheUsersHome() throws {
        let home = String(cString: getenv("HOME"))
        #expect(homeExpanded("~/a.png") == home + "/a.png" && homeExpanded("~") == home)
        #expect(homeExpanded("a/~/b") == "a/~/b" && homeExpanded("~other/b") == "~other/b")
    }

    @Test func whatShowsItselfIsItsTextInsideOfSomethingElse() {
        let table = Table(["a"], rows: [["1"]])
        #expect("\([table])" == "[a\n─\n1]" && MimeBundle(describing: (table, 2)).text == "(a\n─\n1, 2)")
    }
}
