import CCUDA
import Glibc
import Testing

@testable import Tensors

/// The simulated driver of Tests/SimulatedGPU, opened by the library's own loader.
enum SimulatedGPU {
    static let project = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
        separator: "/")

    /// Where its libraries lie, built now if they are not.
    static let folder: String = {
        let folder = "\(project)/.build/simulated-gpu/plain"
        guard system("'\(project)/Tests/SimulatedGPU/build' '\(folder)'") == 0 else {
            fatalError("Tests/SimulatedGPU/build fails")
        }
        return folder
    }()

    /// Opens it with settings as `SIMULATED_GPU_…` names them, lower case, and gives the device to `body`.
    static func withDevice(
        _ settings: [String: String] = [:], cache: String? = nil, _ body: (CUDADevice) throws -> Void
    ) throws {
        try withLibraries(settings) { libraries in
            #expect(libraries.missing.isEmpty, "\(libraries.missing)")
            try body(try CUDADevice(0, cache: cache ?? "\(project)/.build/simulated-gpu/cache"))
        }
    }

    /// The libraries are the process's, so one test after the other uses them: the suites are serialized.
    static func withLibraries(
        _ settings: [String: String] = [:], folder: String? = nil, _ body: (NVIDIALibraries) throws -> Void
    ) throws {
        for (name, value) in settings { setenv("SIMULATED_GPU_\(name.uppercased())", value, 1) }
        defer {
            for name in settings.keys { unsetenv("SIMULATED_GPU_\(name.uppercased())") }
            NVIDIALibraries.close()
        }
        reset()
        try body(NVIDIALibraries(folders: [folder ?? self.folder]))
    }

    // Opened once and only read.
    nonisolated(unsafe) private static let driver = dlopen("\(folder)/libcuda.so.1", RTLD_NOW | RTLD_LOCAL)!

    private static func function<Function>(_ name: String, _: Function.Type = Function.self) -> Function {
        unsafeBitCast(dlsym(driver, name)!, to: Function.self)
    }
    static func reset() { function("simulated_reset", (@convention(c) () -> Void).self)() }
    /// How often the driver was asked for memory since the reset.
    static var allocations: Int { function("simulated_allocations", (@convention(c) () -> Int).self)() }
}

/// A folder of its own for a test, removed afterwards.
func withTemporaryFolder(_ body: (String) throws -> Void) rethrows {
    var template = Array("/tmp/swift-lab-cuda-XXXXXX".utf8CString)
    let folder = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    defer { _ = system("rm -r '\(folder)'") }
    try body(folder)
}
