/// A compiler that was started before its cell was there. It has loaded the modules that the cell will import anyway,
/// and waits for the text.
///
/// What it is told to import comes before what the file imports, and before it looks at the file. The last of these
/// modules is `CellGate`, which is empty: where the compiler opens it, it is made to stop (`PrestartedTool`).
struct WaitingCompiler {
    /// What it was told, and can be told no other way any more.
    struct Terms: Equatable {
        var cell: Int
        var isOptimized: Bool
        /// Of packages.
        var options: [String]
    }
    let tool: StartedTool
    let terms: Terms
    /// The modules that it has loaded, besides those of every cell.
    let modules: [String]

    /// The longest text of a cell that it takes, in bytes. The tools of the toolchain map files from 16 KB on, but not where
    /// the size is a multiple of a page.
    static let room = 65535

    /// The options by which the modules are imported.
    static func importing(_ modules: [String]) -> [String] {
        (["CellRuntime"] + modules + ["CellGate"]).flatMap { ["-import-module", $0] }
    }

    /// Whether it can compile this: there must be nothing imported that the cell does not import itself.
    func takes(_ source: CellSource, _ wanted: Terms) -> Bool {
        terms == wanted && !source.ignoresAccess && source.text.utf8.count <= Self.room
            && modules.allSatisfy((source.importedModules + source.newModules).contains)
    }
}
