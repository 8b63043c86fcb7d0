internal import Glibc
import Pictures

/// Where data sets lie that are not part of a program.
public enum DataFolder {
    /// `$SWIFT_LAB_DATA`, or else the folder `swift-lab/data` where the user's programs keep their data
    /// (`$XDG_DATA_HOME`, normally `~/.local/share`).
    public static var path: String {
        if let folder = variable("SWIFT_LAB_DATA") { return folder }
        let home = variable("HOME") ?? "/root"
        return (variable("XDG_DATA_HOME") ?? home + "/.local/share") + "/swift-lab/data"
    }

    static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }
}
