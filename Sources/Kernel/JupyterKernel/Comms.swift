internal import Display
internal import JupyterWire
import Synchronization

/// The comms that are open.
final class Comms: Sendable {
    private let targets = Mutex<[String: String]>([:])

    /// The target's name by comm id, of all comms or of those with one target.
    func targets(named name: String?) -> [String: String] {
        targets.withLock { $0.filter { name == nil || $0.value == name } }
    }
}
