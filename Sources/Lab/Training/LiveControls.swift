import Display
internal import Widgets

extension TrainingControls {
    /// Controls that stand above the picture of the run while it goes on: the learning rate, pause, a snapshot, stop.
    ///
    ///     let run = try train(LeNet(), on: data, settings, controls: .live)
    ///
    /// Where there are no widgets (a console, a notebook run without a browser) nothing stands there, and the run is one like
    /// any other.
    public static var live: TrainingControls { TrainingControls(areShown: true) }
}

/// The widgets of a run.
struct LiveControls {
    private let frontend: any Frontend
    private let id = DisplayID()
    private let widgets: [Widget]
    private let controls: TrainingControls

    /// Shows them; `nil` where the front end knows no widgets.
    init?(_ controls: TrainingControls, on frontend: any Frontend) {
        guard
            // Powers of ten: from a hundredth to a hundred times, and once at first.
            let rate = Widget(
                "FloatLogSlider",
                ["description": "rate ×", "value": 1, "min": -2, "max": 2, "step": 0.05, "readout_format": ".2f"],
                on: frontend),
            let pause = Widget("ToggleButton", ["description": "pause", "icon": "pause"], on: frontend),
            let snapshot = Widget("Button", ["description": "snapshot", "icon": "save"], on: frontend),
            let stop = Widget("Button", ["description": "stop", "icon": "stop"], on: frontend),
            let row = Widget(
                "HBox", ["children": .array([rate, pause, snapshot, stop].map(\.reference))], on: frontend)
        else { return nil }
        rate.onChange { changes in
            switch changes["value"] {
            case .number(let factor): controls.rateFactor = factor
            case .integer(let factor): controls.rateFactor = Double(factor)
            default: break
            }
        }
        pause.onChange { [weak pause] changes in
            guard case .bool(let isPaused)? = changes["value"] else { return }
            controls.isPaused = isPaused
            pause?.set(
                isPaused ? ["description": "go on", "icon": "play"] : ["description": "pause", "icon": "pause"])
        }
        snapshot.onChange { if $0.isEmpty { controls.takeSnapshot() } }
        stop.onChange { if $0.isEmpty { controls.stop() } }
        row.onChange { _ in }  // so that it answers a page that asks for its state
        (self.frontend, self.controls) = (frontend, controls)
        widgets = [row, rate, pause, snapshot, stop]
        frontend.display(row.mimeBundle, id: id)
    }

    /// Puts a line in their place: a notebook that is opened again has no widgets.
    func close() {
        let rate = controls.rateFactor.map { "the learning rate was turned to \($0.significant(3)) times" }
        frontend.update(MimeBundle(sentence: rate ?? "the learning rate was not turned by hand"), id: id)
        for widget in widgets { widget.close() }
    }
}
