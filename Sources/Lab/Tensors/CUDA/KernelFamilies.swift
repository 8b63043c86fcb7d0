internal import CCUDA

/// The sources of the kernels, a family for each kind of operation, as they lie in Sources/System/CCUDA/Kernels.
enum KernelFamilies {
    private static let sources: [(name: String, text: String)] = (0..<lab_kernel_count()).map {
        (String(cString: lab_kernel_name($0)), String(cString: lab_kernel_source($0)))
    }

    /// All of them: `elementwise`, `reductions`, …
    static var names: [String] { sources.map(\.name).filter { $0 != "layouts" && $0 != "common" } }

    /// What the compiler gets for a family: the layouts and what all families share, then its own text. Messages name
    /// the file and the line in it.
    static func source(of family: String) -> String? {
        guard names.contains(family) else { return nil }
        return sources.filter { ["layouts", "common", family].contains($0.name) }
            .map { "#line 1 \"\($0.name)\($0.name == "layouts" ? ".h" : ".cu")\"\n\($0.text)" }.joined()
    }
}
