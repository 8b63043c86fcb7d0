import Display
import Synchronization
import Tensors
import Testing

@testable import Training

/// A page with widgets, on which a test turns and presses them.
private final class WidgetFrontend: Frontend {
    final class Line: Comm {
        let id: String
        let opening: CommPayload
        let sent = Mutex<[JSON]>([])
        private let handler = Mutex<(@Sendable (CommPayload) -> Void)?>(nil)
        private let isClosed = Mutex(false)

        init(_ id: String, _ opening: CommPayload) { (self.id, self.opening) = (id, opening) }
        var isOpen: Bool { !isClosed.withLock(\.self) }
        func send(_ payload: CommPayload) { sent.withLock { $0.append(payload.data) } }
        func close(_ payload: CommPayload) { isClosed.withLock { $0 = true } }
        func onMessage(_ handler: @escaping @Sendable (CommPayload) -> Void) { self.handler.withLock { $0 = handler } }
        func onClose(_ handler: @escaping @Sendable (CommPayload) -> Void) {}
        func receive(_ data: JSON) { handler.withLock(\.self)?(CommPayload(data: data)) }
        var description: JSON? { opening.data["state"]?["description"] }
    }

    let lines = Mutex<[Line]>([])
    let shown = Mutex<[MimeBundle]>([])
    /// Called for each picture of the run.
    let onPicture: @Sendable (WidgetFrontend) -> Void

    init(onPicture: @escaping @Sendable (WidgetFrontend) -> Void) { self.onPicture = onPicture }

    var updatesInPlace: Bool { true }
    func display(_ bundle: MimeBundle, id: DisplayID?) { show(bundle) }
    func update(_ bundle: MimeBundle, id: DisplayID) { show(bundle) }
    func clearOutput(wait: Bool) {}
    func openComm(target: String, id: String?, _ payload: CommPayload) -> (any Comm)? {
        lines.withLock { lines in
            lines.append(Line(id ?? "w\(lines.count)", payload))
            return lines.last
        }
    }

    private func show(_ bundle: MimeBundle) {
        shown.withLock { $0.append(bundle) }
        if bundle.contents["image/png"] != nil { onPicture(self) }
    }

    func line(_ description: JSON) -> Line { lines.withLock { $0.first { $0.description == description }! } }
}

@Suite struct LiveControlsTests {
    private var settings: Hyperparameters {
        Hyperparameters(epochs: 100_000, batchSize: 16, learningRate: .fixed(0.05))
    }

    @Test func widgetsTurnTheRateAndEndTheRun() throws {
        try inFolder { home in
            let page = WidgetFrontend { page in
                page.line("rate ×").receive(["method": "update", "state": ["value": 0.5]])
                page.line("snapshot").receive(["method": "custom", "content": ["event": "click"]])
                page.line("stop").receive(["method": "custom", "content": ["event": "click"]])
            }
            let controls = TrainingControls.live
            let run = try train(
                SmallNet(), on: try bars(), settings, from: nil, controls: controls, host(page, home: home))
            #expect(run.wasInterrupted && controls.rateFactor == 0.5)
            let lines = page.lines.withLock(\.self)
            #expect(lines.allSatisfy { $0.opening.metadata["version"] == "2.1.0" && !$0.isOpen })
            // What the page has changed is confirmed to it, once.
            let echo: JSON = ["method": "echo_update", "state": ["value": 0.5], "buffer_paths": []]
            #expect(page.line("rate ×").sent.withLock { $0.first } == echo)
            let texts = page.shown.withLock { $0.map(\.text) }
            #expect(texts.contains("the learning rate was turned to 0.5 times"))
            let row = try #require(lines.last)
            #expect(
                row.opening.data["state"]?["children"] == [
                    "IPY_MODEL_w0", "IPY_MODEL_w1", "IPY_MODEL_w2", "IPY_MODEL_w3",
                ])
        }
    }

    @Test func aPausedRunWaitsAndCanBeStopped() throws {
        let page = WidgetFrontend { page in
            page.line("pause").receive(["method": "update", "state": ["value": true]])
            // A page that is loaded again asks for everything.
            page.line("pause").receive(["method": "request_state"])
            page.line("stop").receive(["method": "custom", "content": ["event": "click"]])
        }
        let controls = TrainingControls.live
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, controls: controls, host(page))
        #expect(run.wasInterrupted && controls.isPaused)
        #expect(page.line("pause").sent.withLock { $0.last }?["state"]?["value"] == true)
    }

    @Test func withoutWidgetsTheRunIsAsAnyOther() throws {
        let settings = Hyperparameters(epochs: 2, batchSize: 16, learningRate: .fixed(0.05))
        let data = try bars()
        let run = try train(SmallNet(), on: data, settings, from: nil, controls: .live, host(RecordingFrontend()))
        #expect(weights(run) == weights(try train(SmallNet(), on: data, settings, from: nil, host())))
    }
}
