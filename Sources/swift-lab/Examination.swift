import Datasets
import Display
import FoundationEssentials
import Glibc
import JupyterKernel
import SwiftCells
import Tensors

/// What `doctor` looks at. Nothing here changes anything.
enum Examination {
    /// The compiler that cells are compiled with, and its tools.
    static func toolchain() -> [Finding] {
        let toolchain: Toolchain
        do {
            toolchain = try Toolchain()
        } catch {
            return [Finding(subject: "Swift toolchain", isGood: false, detail: "\(error)")]
        }
        let version = lines(popen("'\(toolchain.frontend)' -version 2> /dev/null", "r"), close: pclose).first?
            .split(separator: " ").drop { $0 != "version" }.dropFirst().first
        let parts = [
            ("symboliser", toolchain.symbolizer, "errors do not name their lines"),
            ("sourcekitd", "\(toolchain.root)/lib/libsourcekitdInProc.so", "Tab completes nothing"),
        ]
        return [
            Finding(
                subject: "Swift toolchain", isGood: version != nil,
                detail: version.map { "\($0) in \(toolchain.root)" }
                    ?? "\(toolchain.frontend) does not run: install the toolchain again")
        ]
            + parts.map { subject, file, loss in
                let isThere = Place.isFile(URL(filePath: file))
                return Finding(
                    subject: subject, isGood: isThere,
                    detail: isThere ? file : "\(file) is missing, so \(loss): install the toolchain again",
                    isNeeded: false)
            }
    }

    /// Whether there is room for runs, their snapshots and what the compiler keeps.
    static func space() -> Finding {
        let home = ProcessInfo.processInfo.environment["HOME"] ?? "/"
        var information = statvfs()
        let isKnown = statvfs(home, &information) == 0
        let megabytes = isKnown ? Int(information.f_bavail) * Int(information.f_frsize) / 1_000_000 : 0
        return Finding(
            subject: "free space", isGood: megabytes >= 500,
            detail: "\(megabytes.grouped) MB in \(home)"
                + (megabytes >= 500 ? "" : ": snapshots need more; remove runs that are not needed, or make room"),
            isNeeded: false)
    }

    /// Compiles, links, loads and runs a cell, as the kernel does.
    static func cell() -> Finding {
        struct Discarded: CellOutput {
            func stream(_ stream: OutputStream, _ text: String) {}
            func display(_ bundle: MimeBundle, id: DisplayID?) {}
            func update(_ bundle: MimeBundle, id: DisplayID) {}
            func clear(wait: Bool) {}
            func readLine(prompt: String, isPassword: Bool) throws -> String { throw InputUnavailable() }
        }
        do {
            let interpreter = try SwiftInterpreter(standardError: STDERR_FILENO) { _ in }
            defer { interpreter.shutdown() }
            let clock = ContinuousClock()
            let start = clock.now
            let outcome = interpreter.execute(Cell(code: "import Lab\n6 * 7", executionCount: 1), output: Discarded())
            let milliseconds = Int((clock.now - start) / .milliseconds(1))
            switch outcome {
            case .success(let value) where value?.text == "42":
                return Finding(
                    subject: "a cell", isGood: true, detail: "compiled, linked, loaded and run in \(milliseconds) ms")
            case .success(let value):
                return Finding(
                    subject: "a cell", isGood: false,
                    detail: "6 * 7 came out as \(value?.text ?? "nothing"): run make clean lab")
            case .failure(let failure):
                return Finding(
                    subject: "a cell", isGood: false,
                    detail: "does not run (\(failure.name): \(failure.message)): run make clean lab")
            }
        } catch {
            return Finding(subject: "a cell", isGood: false, detail: "\(error)")
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
            ("SQLite", "libsqlite3"), ("zlib", "libz.so"),
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

    /// The data sets of the labs, read as the labs read them: a file that is there may be damaged.
    static func data() -> [Finding] {
        func finding(
            _ subject: String, isNeeded: Bool, remedy: String = "", _ read: () throws -> Dataset
        ) -> Finding {
            do {
                let images = try read()
                return Finding(
                    subject: subject, isGood: true, detail: "\(images.count.grouped) images (\(images.source))")
            } catch {
                return Finding(subject: subject, isGood: false, detail: "\(error)\(remedy)", isNeeded: isNeeded)
            }
        }
        let small = URL(filePath: DataFolder.path).appending(path: "mnist_5k.csv.gz")
        var findings = [
            finding(
                "MNIST", isNeeded: true,
                remedy: Place.isFile(small) ? "; remove the file and run make lab, which puts it there again" : ""
            ) { try Dataset.mnistSmall() }
        ]
        // Only where the files are: otherwise `Dataset.mnist()` would try to download them.
        let folder = URL(filePath: DataFolder.path)
        let isWhole = [folder.appending(path: "mnist"), folder].contains { place in
            ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"].allSatisfy { part in
                ["", ".gz"].contains { Place.isFile(place.appending(path: "\(part)-ubyte\($0)")) }
            }
        }
        if isWhole { findings.append(finding("MNIST, all of it", isNeeded: false) { try Dataset.mnist() }) }
        findings.append(finding("Fashion-MNIST", isNeeded: false) { try Dataset.fashionMNIST() })
        return findings
    }

    /// Letters for plots, processor and memory.
    static func machine() -> [Finding] {
        let font = URL(filePath: "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf")
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let memory = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE))) / 0x1p30
        return [
            Finding(
                subject: "font", isGood: Place.isFile(font),
                detail: Place.isFile(font)
                    ? font.path
                    : "\(font.path) is missing, so plots have other letters: apt-get install fonts-liberation",
                isNeeded: false),
            Finding(subject: "processor", isGood: true, detail: "\(cores) cores, vectors of level \(vectorLevel())"),
            Finding(
                subject: "memory", isGood: memory > 2,
                detail: "\(Int(memory.rounded())) GB" + (memory > 2 ? "" : ": the labs want at least 2 GB"),
                isNeeded: false),
        ]
    }

    /// NVIDIA's libraries, where the machine has its driver. The labs do without.
    static func gpu() -> [Finding] {
        GPUFinding.all().map {
            Finding(subject: $0.subject, isGood: $0.isGood, detail: $0.detail, isNeeded: false)
        }
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
