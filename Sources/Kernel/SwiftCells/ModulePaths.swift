import Display
import Glibc

/// Where the compiler finds the modules that this program is made of, so that cells can import them.
enum ModulePaths {
    /// The build's folder of `.swiftmodule` files, beside the executable.
    static let modules = folder + "/Modules"

    /// What is preloaded into tools of the toolchain.
    static let prestart = folder + "/libCPrestart.so"

    /// The executable's folder.
    private static let folder: String = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }()

    /// The C libraries behind the modules that cells may import. The compiler insists that they can be imported, and
    /// needs nothing of them, because they are in no interface: it gets empty ones and reads no header.
    static let cModules = ["CCairo", "CCUDA", "CKernels", "COpenBLAS", "CPNG", "CTurboJPEG", "CZlib"]

    /// Writes the empty modules to `folder`, for the compiler's search path.
    ///
    /// - Throws: `FileError` where it cannot be written.
    static func writeCModules(to folder: String) throws {
        try writeFile(Array(cModules.map { "module \($0) {}\n" }.joined().utf8), to: folder + "/module.modulemap")
    }
}
