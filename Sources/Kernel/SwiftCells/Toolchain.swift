internal import CCells
import Glibc

/// The Swift toolchain that compiles the cells: the one whose runtime this process has loaded, so that cells and
/// process agree on every symbol.
public struct Toolchain: Sendable {
    /// `…/usr`
    public let root: String

    public var frontend: String { root + "/bin/swift-frontend" }
    public var linker: String { root + "/bin/ld.lld" }
    /// Debian's is there too, but need not know the same debug information.
    public var symbolizer: String { root + "/bin/llvm-symbolizer" }
    /// The runtime's shared libraries.
    public var libraries: String { root + "/lib/swift/linux" }
    /// Registers a shared object's metadata with the runtime when it is loaded.
    public var registrar: String {
        #if arch(x86_64)
            libraries + "/x86_64/swiftrt.o"
        #else
            libraries + "/aarch64/swiftrt.o"
        #endif
    }

    /// Finds the toolchain by the path of the loaded `libswiftCore.so`.
    ///
    /// - Throws: `ToolchainMissing`, which names the file that was looked for.
    public init() throws {
        var base: UInt = 0
        guard let symbol = dlsym(nil, "swift_retain"), let file = ccells_file_of(UInt(bitPattern: symbol), &base),
            let real = realpath(file, nil)
        else { throw ToolchainMissing(file: "libswiftCore.so") }
        defer { free(real) }
        // …/usr/lib/swift/linux/libswiftCore.so
        try self.init(root: String(cString: real).split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 })
    }

    public init(root: String) throws {
        self.root = root
        for file in [frontend, linker, registrar] where access(file, R_OK) != 0 { throw ToolchainMissing(file: file) }
    }
}

/// Thrown where a part of the Swift toolchain is not in its place.
public struct ToolchainMissing: Error, CustomStringConvertible {
    public let file: String
    public var description: String {
        "Swift cells need a Swift 6.3 toolchain, and its file \(file) is missing: install the toolchain again, or put its usr/bin first in PATH and build again."
    }
}
