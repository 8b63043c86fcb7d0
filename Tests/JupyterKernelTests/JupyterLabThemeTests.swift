import Foundation
import Testing

@testable import JupyterKernel

@Suite struct JupyterLabThemeTests {
    /// As JupyterLab 4 writes it.
    private let written = """
        {
            // Theme
            // @jupyterlab/apputils-extension:themes
            // "theme": "JupyterLab Light"
            // *************************************

            // Adaptive Theme
            "adaptive-theme": false,

            // Selected Theme
            "theme": "JupyterLab Dark"
        }
        """

    @Test(arguments: [
        ("{\"theme\":\"JupyterLab Dark High Contrast\"}", true), ("{\"theme\": \"JupyterLab Light\"}", false),
        // Then the page is as the browser's system is.
        ("{\"theme\": \"JupyterLab Dark\", \"adaptive-theme\": true}", false), ("", false), ("{}", false),
        ("\"theme\"", false),
    ])
    func theThemesNameSaysWhetherItIsDark(settings: String, isDark: Bool) {
        #expect(JupyterLabTheme.isDark(settings: settings) == isDark)
    }

    @Test func commentsAreNoSettings() {
        #expect(JupyterLabTheme.isDark(settings: written))
        #expect(!JupyterLabTheme.isDark(settings: written.replacing("Dark", with: "Light")))
    }

    @Test func itIsLookedForWhereJupyterKeepsIt() throws {
        let home = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: home) }
        func isDark(_ variables: [String: String]) -> Bool { JupyterLabTheme.isDark { variables[$0] } }
        #expect(!isDark(["HOME": home.path]))
        for (folder, variables) in [
            (".jupyter/lab/user-settings", ["HOME": home.path]),
            ("c/lab/user-settings", ["JUPYTER_CONFIG_DIR": home.path + "/c"]),
            ("s", ["JUPYTERLAB_SETTINGS_DIR": home.path + "/s", "JUPYTER_CONFIG_DIR": home.path]),
        ] {
            let path = home.appending(path: folder).appending(path: "@jupyterlab/apputils-extension")
            try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
            try Data(written.utf8).write(to: path.appending(path: "themes.jupyterlab-settings"))
            #expect(isDark(variables), "\(folder)")
        }
    }
}
