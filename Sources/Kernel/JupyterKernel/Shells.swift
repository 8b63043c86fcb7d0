internal import FoundationEssentials
internal import JupyterWire
import Synchronization

/// The main shell and the subshells that clients have made to be answered while a cell runs.
final class Shells: Sendable {
    let main = Shell("main shell")
    private let subshells = Mutex<[String: Shell]>([:])

    /// The shell with an id; the main one for `nil`.
    func shell(_ id: String?) throws -> Shell {
        guard let id else { return main }
        guard let shell = subshells.withLock({ $0[id] }) else { throw NoSubshell(id: id) }
        return shell
    }

    func create() -> String {
        let id = UUID().uuidString.lowercased()
        subshells.withLock { $0[id] = Shell("subshell") }
        return id
    }

    /// Removes a subshell. What waits in it is still served.
    func delete(_ id: String) throws {
        guard let shell = subshells.withLock({ $0.removeValue(forKey: id) }) else { throw NoSubshell(id: id) }
        shell.stop(milliseconds: 0)
    }

    var ids: [String] { subshells.withLock { $0.keys.sorted() } }

    /// Ends all shells; one that is in the middle of a cell gets a second to stop.
    func stop() {
        for shell in subshells.withLock({ Array($0.values) }) { shell.stop(milliseconds: 0) }
        main.stop(milliseconds: 1000)
    }
}

struct NoSubshell: Error, CustomStringConvertible {
    let id: String
    var description: String { "there is no subshell \(id)" }
}
