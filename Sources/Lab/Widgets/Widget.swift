import Display
import Synchronization

/// Something in the notebook that can be turned or pressed: a model of ipywidgets (protocol 2.1), whose front end is
/// JupyterLab's and whose back end this is.
///
///     let stop = Widget("Button", ["description": "stop"], on: frontend)
///     stop?.onChange { _ in … }
///     display(stop.mimeBundle)
///
/// What a model has besides the state that is given has ipywidgets' defaults.
package final class Widget: Sendable {
    private let comm: any Comm
    private let state: Mutex<[String: JSON]>
    private let name: String

    /// `nil` where the front end knows no widgets.
    ///
    /// - Parameter name: as ipywidgets has it, without "Model" and "View".
    package init?(_ name: String, _ own: [String: JSON], on frontend: any Frontend) {
        let module: JSON = "@jupyter-widgets/controls"
        let version: JSON = "2.0.0"
        let given: [String: JSON] = [
            "_model_module": module, "_model_module_version": version, "_model_name": .string(name + "Model"),
            "_view_module": module, "_view_module_version": version, "_view_name": .string(name + "View"),
        ]
        let whole = own.merging(given) { mine, _ in mine }
        let payload = CommPayload(data: Self.message(whole, nil), metadata: ["version": "2.1.0"])
        guard let comm = frontend.openComm(target: "jupyter.widget", payload) else { return nil }
        (self.comm, self.name) = (comm, name)
        state = Mutex(whole)
    }

    /// - Parameter method: none where the comm is opened with it.
    private static func message(_ state: [String: JSON], _ method: String?) -> JSON {
        var members: [String: JSON] = ["state": .object(state), "buffer_paths": []]
        if let method { members["method"] = .string(method) }
        return .object(members)
    }

    /// How another widget refers to it, among its children.
    package var reference: JSON { .string("IPY_MODEL_\(comm.id)") }

    /// Called with the state that the user has changed; with an empty one when a button was pressed.
    package func onChange(_ handler: @escaping @Sendable ([String: JSON]) -> Void) {
        comm.onMessage { [weak self] payload in
            guard let self else { return }
            switch payload.data["method"] {
            case "update":
                guard case .object(let changes)? = payload.data["state"] else { return }
                state.withLock { $0.merge(changes) { $1 } }
                // The page that changed it waits for this, and others follow.
                comm.send(CommPayload(data: Self.message(changes, "echo_update")))
                handler(changes)
            case "request_state":
                comm.send(CommPayload(data: Self.message(state.withLock(\.self), "update")))
            case "custom": handler([:])
            default: break
            }
        }
    }

    /// Changes what the pages show of it.
    package func set(_ changes: [String: JSON]) {
        state.withLock { $0.merge(changes) { $1 } }
        comm.send(CommPayload(data: Self.message(changes, "update")))
    }

    /// The widget as an output of a cell.
    package var mimeBundle: MimeBundle {
        MimeBundle(contents: [
            "text/plain": .text(name),
            "application/vnd.jupyter.widget-view+json": .json([
                "model_id": .string(comm.id), "version_major": 2, "version_minor": 0,
            ]),
        ])
    }

    package func close() { comm.close() }
}
