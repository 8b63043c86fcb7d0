internal import CCUDA
internal import Display

#if canImport(Glibc)
    internal import Glibc
#endif

/// Compiles kernels for the card in hand, and keeps what came out on disk.
///
/// A file is keyed by the source, the options, the architecture and the compiler's version, all of which stand in its
/// name or behind the hash there. It is written elsewhere and then renamed, so that two processes never read half of
/// one; what does not hold its own length is compiled again.
struct KernelCompiler {
    /// What is compiled for: `sm_90`, or `compute_90` for what the driver compiles further.
    let architecture: String
    let folder: String
    /// NVRTC's.
    let version: String
    static let options = ["--std=c++17"]

    init(architecture: String, folder: String = KernelCompiler.cacheFolder) throws {
        var (major, minor): (Int32, Int32) = (0, 0)
        let result = lab_nvrtcVersion(&major, &minor)
        guard result == 0 else {
            throw CUDAError("compiling kernels", reason: CUDAError.description(of: result))
        }
        var count: Int32 = 0
        _ = lab_nvrtcGetNumSupportedArchs(&count)
        var supported = [Int32](repeating: 0, count: Int(count))
        _ = lab_nvrtcGetSupportedArchs(&supported)
        let target = Self.target(of: architecture, supported: supported.map(Int.init))
        guard let target else {
            throw CUDAError(
                "compiling kernels",
                reason: "NVRTC \(major).\(minor) knows nothing as old as \(architecture), only \(supported)")
        }
        self.architecture = target
        self.folder = folder
        version = "\(major).\(minor)"
    }

    /// What to compile for where the card is newer than the compiler: an older number of the same generation runs on it;
    /// of another generation only what its driver compiles further does. `nil` where all are newer than the card.
    static func target(of architecture: String, supported: [Int]) -> String? {
        guard let number = Int(architecture.dropFirst("sm_".count)) else { return nil }
        let older = supported.filter { $0 <= number }
        if let newest = older.filter({ $0 / 10 == number / 10 }).max() { return "sm_\(newest)" }
        return older.max().map { "compute_\($0)" }
    }

    /// `~/.cache/swift-lab/kernels`, or as XDG_CACHE_HOME says.
    static var cacheFolder: String {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        let cache = variable("XDG_CACHE_HOME") ?? "\(variable("HOME") ?? "/tmp")/.cache"
        return "\(cache)/swift-lab/kernels"
    }

    /// The binary of a family, from disk or compiled now.
    func binary(of family: String) throws -> [UInt8] {
        guard let source = KernelFamilies.source(of: family) else {
            throw CUDAError("compiling kernels", reason: "there is no family \(family)")
        }
        return try binary(of: family, source: source)
    }

    func binary(of family: String, source: String) throws -> [UInt8] {
        let path = path(of: family, source: source)
        if let kept = read(path) { return kept }
        let fresh = try compile(source, name: family)
        // Without a cache everything works, only more slowly: a full disk is no reason to stop.
        try? write(fresh, to: path)
        return fresh
    }

    func path(of family: String, source: String) -> String {
        let key = (Self.options + [architecture, version, source]).joined(separator: "\0")
        return "\(folder)/\(family)-\(architecture)-\(version)-\(Self.hash(key)).cubin"
    }

    /// 128 bits, two FNV-1a hashes from different beginnings.
    private static func hash(_ text: String) -> String {
        func hash(_ start: FNV1a) -> String {
            var hash = start
            hash.mix(text)
            let digits = String(hash.value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return hash(FNV1a()) + hash(FNV1a(from: 0x9E37_79B9_7F4A_7C15))
    }

    private func compile(_ source: String, name: String) throws -> [UInt8] {
        var program: LabProgram?
        func check(_ result: Int32) throws {
            if result != 0 { throw CUDAError("compiling the kernels of \(name)", reason: "NVRTC gave \(result)") }
        }
        try check(lab_nvrtcCreateProgram(&program, source, "\(name).cu", 0, nil, nil))
        defer { _ = lab_nvrtcDestroyProgram(&program) }
        let options = Self.options + ["--gpu-architecture=\(architecture)"]
        let copies = options.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        let result = copies.map { UnsafePointer($0) }.withUnsafeBufferPointer {
            lab_nvrtcCompileProgram(program, Int32(options.count), $0.baseAddress)
        }
        if result != 0 {
            var size = 0
            _ = lab_nvrtcGetProgramLogSize(program, &size)
            var log = [CChar](repeating: 0, count: max(size, 1))
            _ = lab_nvrtcGetProgramLog(program, &log)
            let text = log.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            throw CUDAError("compiling the kernels of \(name) for \(architecture)", reason: text)
        }
        let isBinary = architecture.hasPrefix("sm_")
        var size = 0
        try check(isBinary ? lab_nvrtcGetCUBINSize(program, &size) : lab_nvrtcGetPTXSize(program, &size))
        guard size > 0 else {
            throw CUDAError("compiling the kernels of \(name)", reason: "NVRTC does not know \(architecture)")
        }
        var image = [CChar](repeating: 0, count: size)
        try check(isBinary ? lab_nvrtcGetCUBIN(program, &image) : lab_nvrtcGetPTX(program, &image))
        return image.map { UInt8(bitPattern: $0) }
    }

    // MARK: - The cache: 8 bytes of length, then the binary

    private func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var length: UInt64 = 0
        guard fread(&length, 8, 1, file) == 1, length > 0, length < 1 << 30 else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(length) + 1)
        // One more than there may be: a file that goes on is not ours.
        guard fread(&bytes, 1, bytes.count, file) == Int(length) else { return nil }
        bytes.removeLast()
        return bytes
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        var made = ""
        for part in folder.split(separator: "/", omittingEmptySubsequences: false) {
            made += made.isEmpty && part.isEmpty ? "/" : made == "/" ? String(part) : "/\(part)"
            mkdir(made, 0o755)
        }
        let place = "\(path).\(getpid()).\(UInt64.random(in: 0 ... .max))"
        guard let file = fopen(place, "wb") else {
            throw CUDAError("keeping kernels", reason: "\(folder) cannot be written")
        }
        var length = UInt64(bytes.count)
        let isWhole = fwrite(&length, 8, 1, file) == 1 && fwrite(bytes, 1, bytes.count, file) == bytes.count
        guard fclose(file) == 0, isWhole, rename(place, path) == 0 else {
            unlink(place)
            throw CUDAError("keeping kernels", reason: "\(folder) cannot be written")
        }
    }
}
