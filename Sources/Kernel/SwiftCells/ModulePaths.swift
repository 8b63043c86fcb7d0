import Glibc

/// Where the compiler finds the modules that this program is made of, so that cells can import them.
enum ModulePaths {
    /// The build's folder of `.swiftmodule` files, beside the executable.
    static let modules: String = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/Modules"
    }()

    /// Compiler options for all cells.
    static let options: [String] = []
}
