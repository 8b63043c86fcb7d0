import Synchronization

/// Where a program's pictures and tables go. The Jupyter kernel installs one that sends them to the notebook; without
/// it, `ConsoleFrontend` prints their plain text.
///
/// Methods may be called on any thread. What the calling thread has printed before arrives before what it displays.
public protocol Frontend: Sendable {
    /// Shows a bundle below what is there. With an `id`, `update` can replace it later.
    func display(_ bundle: MimeBundle, id: DisplayID?)
    /// Replaces everything that was displayed under `id`, wherever in the notebook it is.
    func update(_ bundle: MimeBundle, id: DisplayID)
    /// Removes the current cell's output: at once, or (`wait`) when the next output comes, which does not flicker.
    func clearOutput(wait: Bool)
    /// Whether `update` replaces in place. A console cannot.
    var updatesInPlace: Bool { get }

    /// Opens a comm to what the front end makes for `target` ("jupyter.widget"). Without an `id` it gets a new one; `nil`
    /// where there is no front end that knows comms.
    func openComm(target: String, id: String?, _ payload: CommPayload) -> (any Comm)?
    /// Calls `opened` for every comm that the front end opens to `target` from now on.
    func acceptComms(target: String, _ opened: @escaping @Sendable (any Comm, CommPayload) -> Void)
    /// Names the place where what the calling code shows appears now, for objects in the front end that take it over.
    var currentOutputID: String? { get }
    /// Whether the page on which it shows things is dark now, as far as it knows.
    var isDark: Bool { get }
}

/// Names one place in the notebook whose content can be replaced.
public struct DisplayID: Sendable, Hashable {
    public let name: String
    public init(_ name: String) { self.name = name }
    /// An id that no other display has.
    public init() {
        name = String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
    }
}

/// Prints the plain text of what is displayed; updates are not printed, because a console cannot take text back.
public struct ConsoleFrontend: Frontend {
    public init() {}
    public func display(_ bundle: MimeBundle, id: DisplayID?) { print(bundle.text) }
    public func update(_ bundle: MimeBundle, id: DisplayID) {}
    public func clearOutput(wait: Bool) {}
    public var updatesInPlace: Bool { false }
}

private let installedFrontend = Mutex<any Frontend>(ConsoleFrontend())

/// The front end of this process. Installed once at start by the program that has one.
public var frontend: any Frontend {
    get { installedFrontend.withLock { $0 } }
    set { installedFrontend.withLock { $0 = newValue } }
}

/// Shows values one below the other, each in its richest form.
public func display(_ values: Any...) {
    for value in values { frontend.display(MimeBundle(describing: value), id: nil) }
}

/// Shows a value in a place that can be replaced: displaying again under the same id updates it.
public func display(_ value: Any, id: DisplayID) {
    frontend.display(MimeBundle(describing: value), id: id)
}

/// Replaces what was displayed under `id`.
public func updateDisplay(_ value: Any, id: DisplayID) {
    frontend.update(MimeBundle(describing: value), id: id)
}

/// Removes the current cell's output: at once, or (`wait`) when the next output comes.
public func clearOutput(wait: Bool = false) {
    frontend.clearOutput(wait: wait)
}
