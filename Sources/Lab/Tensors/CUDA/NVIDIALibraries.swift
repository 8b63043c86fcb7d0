internal import CCUDA

#if canImport(Glibc)
    internal import Glibc
#endif

/// One of NVIDIA's libraries, which are looked for when the program runs.
enum NVIDIALibrary: String, CaseIterable, Sendable {
    case driver = "NVIDIA driver"
    case compiler = "NVRTC"
    case cublasLt = "cuBLASLt"
    case cublas = "cuBLAS"
    case cudnn = "cuDNN"
    case monitor = "NVML"

    /// The names of its file for one major version of CUDA. Without a number it is found only where developers work.
    func fileNames(major: Int) -> [String] {
        switch self {
        case .driver: ["libcuda.so.1"]
        case .compiler: ["libnvrtc.so.\(major)"]
        case .cublasLt: ["libcublasLt.so.\(major)"]
        case .cublas: ["libcublas.so.\(major)"]
        case .cudnn: ["libcudnn.so.9"]
        case .monitor: ["libnvidia-ml.so.1"]
        }
    }

    var number: LabLibrary {
        switch self {
        case .driver: LAB_DRIVER
        case .compiler: LAB_NVRTC
        case .cublasLt: LAB_CUBLASLT
        case .cublas: LAB_CUBLAS
        case .cudnn: LAB_CUDNN
        case .monitor: LAB_NVML
        }
    }

    /// Whether tensors could be computed on a GPU without it.
    var isOptional: Bool { self == .cudnn || self == .monitor || self == .cublasLt }

    /// What is lost without it, and how to come by it.
    func remedy(major: Int) -> String {
        let suffix = major >= 13 ? "" : "-cu\(major)"
        return switch self {
        case .driver: "install NVIDIA's driver if this machine has one of its GPUs"
        case .compiler: "kernels cannot be compiled: pip install nvidia-cuda-nvrtc\(suffix)"
        case .cublasLt: "nothing asks for it but cuBLAS, with which it comes: pip install nvidia-cublas\(suffix)"
        case .cublas: "matrices cannot be multiplied: pip install nvidia-cublas\(suffix)"
        case .cudnn: "not needed: pip install nvidia-cudnn-cu\(major) for its convolutions"
        case .monitor: "utilisation and temperature stay unknown; it comes with NVIDIA's driver"
        }
    }
}

/// What was found of NVIDIA's libraries, and where.
///
/// Looked for on the library path, in the usual folders, and among the packages of Python environments
/// (`nvidia/*/lib`), in versions 13 and 12 of CUDA, as far as the driver knows them. The folder in `SWIFT_LAB_CUDA`, if
/// that is set, is the only one looked at.
struct NVIDIALibraries: Sendable {
    /// A library's file, or what the loader said.
    struct Finding: Sendable {
        var library: NVIDIALibrary
        /// `nil` where it was not found.
        var path: String?
        /// What is wrong, and how to mend it; `nil` where nothing is.
        var problem: String?
    }

    var findings: [Finding] = []
    /// The newest version of CUDA that the driver knows, as 1000 · major + 10 · minor; `nil` without one.
    var driverVersion: Int?
    /// The version of CUDA that the libraries above the driver have.
    var major = 13

    func finding(_ library: NVIDIALibrary) -> Finding? { findings.first { $0.library == library } }
    /// What is missing of what computing on a GPU needs.
    var missing: [Finding] { findings.filter { $0.problem != nil && !$0.library.isOptional } }

    /// Those of this process, opened at the first use.
    static let shared = NVIDIALibraries(folders: searchedFolders())

    /// Opens what is found. `nil` among the folders stands for the library path.
    init(folders: [String?]) {
        let driver = Self.open(.driver, majors: [0], folders)
        findings.append(driver.finding)
        var isUsable = driver.finding.path != nil
        if isUsable {
            let result = lab_cuInit(0)
            var version: Int32 = 0
            if lab_cuDriverGetVersion(&version) == LAB_SUCCESS { driverVersion = Int(version) }
            if result != LAB_SUCCESS {
                isUsable = false
                findings[0].problem =
                    result == LAB_NO_DEVICE
                    ? "finds no GPU that it can use" : "does not start: \(CUDAError.description(of: result))"
            }
        }
        // A library may be older than the driver, not newer.
        let majors = [13, 12].filter { $0 <= (driverVersion ?? 13000) / 1000 }
        guard !majors.isEmpty else {
            findings[0].problem =
                "is too old (CUDA \((driverVersion ?? 0) / 1000)): version 12 is the first that works here"
            return
        }
        let compiler = Self.open(.compiler, majors: majors, folders)
        major = compiler.major
        findings.append(compiler.finding)
        for library in [NVIDIALibrary.cublasLt, .cublas, .cudnn] {
            // The compiler and the products of matrices may come from different packages, but not of different
            // versions.
            let only = compiler.finding.path == nil ? majors : [compiler.major]
            findings.append(Self.open(library, majors: only, folders).finding)
        }
        findings.append(Self.open(.monitor, majors: [0], folders).finding)
    }

    /// Forgets them: for tests that open others.
    static func close() {
        for library in NVIDIALibrary.allCases { lab_use_library(library.number, nil) }
    }

    private static func open(
        _ library: NVIDIALibrary, majors: [Int], _ folders: [String?]
    ) -> (finding: Finding, major: Int) {
        var complaint: String?
        for major in majors {
            for name in library.fileNames(major: major) {
                for folder in folders {
                    let path = folder.map { "\($0)/\(name)" } ?? name
                    if folder != nil, access(path, F_OK) != 0 { continue }
                    if let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) {
                        lab_use_library(library.number, handle)
                        return (Finding(library: library, path: Self.path(of: handle) ?? path), major)
                    }
                    // That a name is not on the library path is no news; that a file which is there does not load is.
                    let reason = dlerror().map { String(cString: $0) } ?? "it does not load"
                    if folder != nil || !reason.contains("No such file") { complaint = complaint ?? reason }
                }
            }
        }
        lab_use_library(library.number, nil)
        let major = majors.first ?? 13
        let name = library.fileNames(major: major)[0]
        let problem = complaint.map { "does not load (\($0))" } ?? "is missing (\(name))"
        return (
            Finding(library: library, problem: "\(problem): \(library.remedy(major: major))"), major
        )
    }

    private static func path(of handle: UnsafeMutableRawPointer) -> String? {
        lab_library_path(handle).map { String(cString: $0) }
    }

    // MARK: - Where to look

    static func searchedFolders(environment: (String) -> String? = NVIDIALibraries.variable) -> [String?] {
        if let only = environment("SWIFT_LAB_CUDA") { return [only] }
        var folders: [String?] = [nil]
        for root in [environment("CUDA_HOME"), environment("CUDA_PATH")].compactMap({ $0 }) {
            folders.append("\(root)/lib64")
        }
        var environments = [environment("VIRTUAL_ENV"), environment("CONDA_PREFIX")].compactMap { $0 }
        // That of the Python which a shell would start: where it has PyTorch, it has NVIDIA's libraries too.
        for folder in (environment("PATH") ?? "").split(separator: ":") where folder.hasSuffix("/bin") {
            if access("\(folder)/python3", X_OK) == 0 { environments.append(String(folder.dropLast("/bin".count))) }
        }
        // The .venv of the project that this program was built in.
        if var place = executable() {
            for _ in 0..<4 {
                guard let slash = place.lastIndex(of: "/"), slash != place.startIndex else { break }
                place = String(place[..<slash])
                environments.append("\(place)/.venv")
            }
        }
        if let home = environment("HOME") { environments.append("\(home)/.local") }
        environments += ["/usr/local", "/usr"]
        for root in environments {
            for packages in ["lib/python3*/site-packages", "lib/python3*/dist-packages", "lib/python3/dist-packages"] {
                folders += matches("\(root)/\(packages)/nvidia/*/lib").map { $0 }
            }
        }
        folders += ["/usr/local/cuda/lib64", "/opt/cuda/lib64"]
        folders += matches("/usr/local/cuda-1[23]*/lib64").reversed().map { $0 }
        folders += ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/nvidia/lib64"]
        // Windows' own driver, seen from its Linux.
        folders.append("/usr/lib/wsl/lib")
        return folders
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func executable() -> String? {
        guard let path = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    private static func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
}
