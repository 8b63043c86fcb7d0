internal import Display
import Glibc

/// The theme that JupyterLab's user has chosen, as JupyterLab keeps it: in a file of the machine that it and its kernels run on.
enum JupyterLabTheme {
    /// Whether its pages are dark: a theme with that word in its name. Of a page that follows the browser's system nothing is
    /// known; it counts as light.
    ///
    /// It is looked up for every picture, since the theme may have changed since the one before: a few dozen microseconds.
    static func isDark(_ variable: (String) -> String? = { getenv($0).map { String(cString: $0) } }) -> Bool {
        for folder in settingsFolders(variable) {
            let path = "\(folder)/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
            if let bytes = try? readFile(path) { return isDark(settings: String(decoding: bytes, as: UTF8.self)) }
        }
        return false
    }

    /// Where it may lie, by the variables that Jupyter itself looks at.
    private static func settingsFolders(_ variable: (String) -> String?) -> [String] {
        if let folder = variable("JUPYTERLAB_SETTINGS_DIR") { return [folder] }
        let home = variable("HOME") ?? ""
        let configurations =
            variable("JUPYTER_CONFIG_DIR").map { [$0] }
            ?? ["\(home)/.jupyter", "\(variable("XDG_CONFIG_HOME") ?? "\(home)/.config")/jupyter"]
        return configurations.map { "\($0)/lab/user-settings" }
    }

    /// The file is JSON with comments, a line for each setting.
    static func isDark(settings: String) -> Bool {
        var theme = ""
        for line in settings.split(whereSeparator: { $0 == "\n" || $0 == "," || $0 == "{" || $0 == "}" }) {
            let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
            // A comment begins before the first quotation mark.
            guard parts.count > 2, !parts[0].contains("//") else { continue }
            if parts[1] == "adaptive-theme", parts[2].contains("true") { return false }
            if parts[1] == "theme", parts.count > 3 { theme = String(parts[3]) }
        }
        return theme.lowercased().contains("dark")
    }
}
