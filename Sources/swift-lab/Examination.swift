internal import FoundationEssentials
import Glibc

/// What `doctor` looks at. Nothing here changes anything.
enum Examination {
    /// The compiler that cells are compiled with, and its tools.
    static func toolchain() -> [Finding] {
        guard let compiler = Place.program("swiftc")?.resolvingSymlinksInPath() else {
            return [
                Finding(
                    subject: "Swift toolchain", isGood: false,
                    detail: "no swiftc on the PATH: install Swift 6.3 and put its usr/bin on the PATH")
            ]
        }
        let root = compiler.deletingLastPathComponent().deletingLastPathComponent()
        let version = versionLine(ofToolchain: root)?.split(separator: " ").drop { $0 != "version" }.dropFirst().first
        let isRight = version?.hasPrefix("6.3") ?? false
        let parts: [(subject: String, path: String, isNeeded: Bool, without: String)] = [
            ("compiler", "bin/swift-frontend", true, "no cell can be compiled"),
            ("linker", "bin/ld.lld", true, "no cell can be linked"),
            ("SwiftParser", "lib/swift/host/libSwiftParser.so", true, "no cell can be read"),
            ("symboliser", "bin/llvm-symbolizer", false, "errors do not name their lines"),
            ("sourcekitd", "lib/libsourcekitdInProc.so", false, "Tab completes nothing"),
        ]
        return [
            Finding(
                subject: "Swift toolchain", isGood: isRight,
                detail: "\(version ?? "unknown version") in \(root.path)"
                    + (isRight ? "" : ": Swift Lab needs 6.3; put its usr/bin first on the PATH and build again"))
        ]
            + parts.map { part in
                let file = root.appending(path: part.path)
                let isThere = Place.isFile(file)
                return Finding(
                    subject: part.subject, isGood: isThere,
                    detail: isThere
                        ? file.path : "\(file.path) is missing, so \(part.without): install the whole toolchain again",
                    isNeeded: part.isNeeded)
            }
    }

    /// The C libraries that this process has loaded. (Without one of them it would not have started.)
    static func libraries() -> [Finding] {
        let loaded = Set(
            lines(fopen("/proc/self/maps", "r"), close: fclose).compactMap { line in
                line.firstIndex(of: "/").map { String(line[$0...]) }
            })
        return [
            ("ZeroMQ", "libzmq"), ("OpenBLAS", "libopenblas"), ("Cairo", "libcairo"), ("OpenSSL", "libcrypto"),
            ("zlib", "libz.so"),
        ].map { subject, library in
            // libopenblas.so.0 is a link to libopenblasp-r0.3.21.so.
            let file = loaded.first { $0.contains("/\(library)") }
            return Finding(subject: subject, isGood: file != nil, detail: file ?? "not loaded: run make lab again")
        }
    }

    /// Where JupyterLab is, and whether it knows the kernel.
    static func jupyter() -> [Finding] {
        let environment = Place.project?.appending(path: ".venv")
        let server =
            environment.map { $0.appending(path: "bin/jupyter-lab") }.flatMap { Place.isFile($0) ? $0 : nil }
            ?? Place.program("jupyter-lab")
        let specifications = [environment?.appending(path: "share/jupyter"), Place.userJupyter].compactMap { $0 }
            .map { $0.appending(path: "kernels/swift-lab") }
        let registered = specifications.filter { Place.isFile($0.appending(path: "kernel.json")) }
        let current = registered.filter {
            (try? KernelSpecification(for: Place.executable).isInstalled(in: $0)) ?? false
        }
        return [
            Finding(
                subject: "JupyterLab", isGood: server != nil, detail: server?.path ?? "not found: run make lab"),
            Finding(
                subject: "kernel registered", isGood: !current.isEmpty,
                detail: !current.isEmpty
                    ? current.map(\.path).joined(separator: ", ")
                    : registered.isEmpty
                        ? "nowhere: run swift-lab install"
                        : "in \(registered[0].path), but for another copy of Swift Lab: run swift-lab install"),
        ]
    }

    /// The data sets of the labs.
    static func data() -> [Finding] {
        let folder =
            Place.environment("SWIFT_LAB_DATA").map { URL(filePath: $0) }
            ?? Place.userData.appending(path: "swift-lab/data")
        let parts = [
            "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
        ]
        func hasAllParts(_ folder: URL) -> Bool {
            parts.allSatisfy { part in ["", ".gz"].contains { Place.isFile(folder.appending(path: part + $0)) } }
        }
        let few = folder.appending(path: "mnist_5k.csv.gz")
        let fashion = URL(filePath: "/usr/share/datasets/fashion-mnist")
        let mnist: String? =
            hasAllParts(folder)
            ? "70,000 digits in \(folder.path)" : Place.isFile(few) ? "5,000 digits in \(few.path)" : nil
        return [
            Finding(
                subject: "MNIST", isGood: mnist != nil,
                detail: mnist ?? "not in \(folder.path): run make lab"),
            Finding(
                subject: "Fashion-MNIST", isGood: hasAllParts(fashion),
                detail: hasAllParts(fashion)
                    ? "70,000 images in \(fashion.path)"
                    : "not in \(fashion.path): apt-get install dataset-fashion-mnist", isNeeded: false),
        ]
    }

    /// Letters for plots, processor and memory.
    static func machine() -> [Finding] {
        let font = URL(filePath: "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let memory = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE))) / 0x1p30
        return [
            Finding(
                subject: "font", isGood: Place.isFile(font),
                detail: Place.isFile(font)
                    ? font.path
                    : "\(font.path) is missing, so plots have other letters: apt-get install fonts-dejavu-core",
                isNeeded: false),
            Finding(subject: "processor", isGood: true, detail: "\(cores) cores, vectors of level \(vectorLevel())"),
            Finding(
                subject: "memory", isGood: memory > 2,
                detail: "\(Int(memory.rounded())) GB" + (memory > 2 ? "" : ": the labs want at least 2 GB"),
                isNeeded: false),
        ]
    }

    /// The x86-64 level whose vector instructions the processor has, after the System V ABI's micro-architecture levels.
    private static func vectorLevel() -> String {
        let flags = Set(
            (lines(fopen("/proc/cpuinfo", "r"), close: fclose).first { $0.hasPrefix("flags") } ?? "").split(
                separator: " "))
        if flags.isSuperset(of: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]) {
            return "x86-64-v4 (AVX-512)"
        }
        if flags.isSuperset(of: ["avx2", "bmi1", "bmi2", "fma", "movbe"]) { return "x86-64-v3 (AVX2)" }
        return "baseline"
    }

    /// "Swift version 6.3.1 (swift-6.3.1-RELEASE)", or `nil` where its compiler does not run.
    private static func versionLine(ofToolchain root: URL) -> String? {
        lines(popen("'\(root.path)/bin/swift-frontend' -version 2> /dev/null", "r"), close: pclose).first
    }

    /// Every line of an open file, which is closed then. (Files in /proc have no size to read them by.)
    private static func lines(_ file: UnsafeMutablePointer<FILE>?, close: (UnsafeMutablePointer<FILE>) -> Int32)
        -> [String]
    {
        guard let file else { return [] }
        defer { _ = close(file) }
        var result: [String] = []
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, file) > 0, let line {
            result.append(String(cString: line).replacing("\n", with: ""))
        }
        return result
    }
}
