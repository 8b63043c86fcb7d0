// swift-tools-version: 6.2
import Foundation
import PackageDescription

// The toolchain ships SwiftParser compiled. Using it saves the minutes that building swift-syntax takes.
let toolchain: String = {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    for folder in path.split(separator: ":") {
        let compiler = URL(fileURLWithPath: "\(folder)/swiftc").resolvingSymlinksInPath()
        let host = compiler.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("lib/swift/host")
        if FileManager.default.fileExists(atPath: host.appendingPathComponent("libSwiftParser.so").path) {
            return host.path
        }
    }
    fatalError("Swift Lab needs a Swift 6.3 toolchain on the PATH, one that has lib/swift/host/libSwiftParser.so.")
}()

let parser: [SwiftSetting] = [.unsafeFlags(["-I", toolchain])]
let linkParser: [LinkerSetting] = [
    .unsafeFlags(["-L", toolchain, "-Xlinker", "-rpath", "-Xlinker", toolchain]),
    .linkedLibrary("SwiftSyntax"), .linkedLibrary("SwiftParser"),
    .linkedLibrary("SwiftParserDiagnostics"), .linkedLibrary("SwiftDiagnostics"),
    .linkedLibrary("SwiftOperators"), .linkedLibrary("SwiftBasicFormat"),
]

/// A C library that Debian provides: its module map lies in Sources/System/<name>.
func system(_ name: String, _ pkgConfig: String?, _ debian: String) -> Target {
    .systemLibrary(name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig, providers: [.apt([debian])])
}

func kernel(
    _ name: String, _ dependencies: [Target.Dependency], swiftSettings: [SwiftSetting] = [],
    linkerSettings: [LinkerSetting] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/Kernel/\(name)", swiftSettings: swiftSettings,
        linkerSettings: linkerSettings)
}

func lab(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Lab/\(name)", resources: resources)
}

func tests(
    _ module: String, _ more: [Target.Dependency] = [], resources: [Resource] = [], swiftSettings: [SwiftSetting] = []
) -> Target {
    .testTarget(
        name: "\(module)Tests", dependencies: [.target(name: module)] + more, path: "Tests/\(module)Tests",
        resources: resources, swiftSettings: swiftSettings)
}

let package = Package(
    name: "swift-lab",
    products: [
        .executable(name: "swift-lab", targets: ["swift-lab"]),
        // Preloaded into tools of the toolchain.
        .library(name: "CPrestart", type: .dynamic, targets: ["CPrestart"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // The command
        .executableTarget(
            name: "swift-lab",
            dependencies: [
                "JupyterKernel", "JupyterWire", "SwiftCells", "Display", "Lab", "Datasets", "Tensors",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: parser,
            // Cells bind to the symbols of this process.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--export-dynamic"])]),

        // Kernel: knows no tensor
        kernel("JupyterWire", ["Display", "COpenSSL"]),
        kernel(
            "JupyterKernel",
            ["JupyterWire", "Display", "CZeroMQ", "CSQLite", "CLinux", .product(name: "Logging", package: "swift-log")]),
        kernel("CellRuntime", ["Display"]),
        kernel("CellGate", []),
        kernel(
            "SwiftCells", ["CellRuntime", "CellGate", "Display", "JupyterKernel", "CCells", "CLinux", "CSourceKit"],
            swiftSettings: parser,
            linkerSettings: linkParser),

        // Lab: knows no Jupyter
        lab("Display", []),
        lab("Tensors", ["Display", "CKernels", "CCUDA", "COpenBLAS", "CZlib"]),
        lab("NeuralNetworks", ["Tensors", "Display"]),
        lab("Pictures", ["Tensors", "Display", "CCairo", "CPNG", "CTurboJPEG"]),
        lab("Datasets", ["Tensors", "Pictures", "Display", "CKernels", "CZlib"]),
        lab("Widgets", ["Display"]),
        lab("Training", ["NeuralNetworks", "Datasets", "Pictures", "Widgets", "Tensors", "Display"]),
        lab("Lab", ["Training", "Datasets", "Pictures", "NeuralNetworks", "Tensors", "Display"]),

        // System: C libraries, and the C that Swift cannot replace
        // No pkg-config: libzmq's passes on Kerberos' -isystem, which the package manager warns about.
        system("CZeroMQ", nil, "libzmq3-dev"),
        system("COpenBLAS", "openblas", "libopenblas-dev"),
        system("CCairo", "cairo", "libcairo2-dev"),
        system("CPNG", "libpng", "libpng-dev"),
        system("CTurboJPEG", "libturbojpeg", "libturbojpeg0-dev"),
        system("COpenSSL", "libcrypto", "libssl-dev"),
        system("CSQLite", "sqlite3", "libsqlite3-dev"),
        system("CZlib", "zlib", "zlib1g-dev"),
        .systemLibrary(name: "CLinux", path: "Sources/System/CLinux"),
        .systemLibrary(name: "CSourceKit", path: "Sources/System/CSourceKit"),
        .target(name: "CKernels", path: "Sources/System/CKernels"),
        // The kernels are no sources of the build: Kernels.c holds their text.
        .target(name: "CCUDA", path: "Sources/System/CCUDA", exclude: ["Kernels"]),
        .target(name: "CCells", path: "Sources/System/CCells"),
        .target(name: "CPrestart", path: "Sources/System/CPrestart"),

        // Tests
        tests("JupyterWire"),
        .target(
            name: "EchoInterpreter", dependencies: ["JupyterKernel", "Display"], path: "Tests/EchoInterpreter"),
        .executableTarget(
            name: "echo-kernel",
            dependencies: [
                "EchoInterpreter", "JupyterKernel", "JupyterWire", "Display",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/EchoKernel"),
        tests("JupyterKernel", ["JupyterWire", "EchoInterpreter", "CZeroMQ"]),
        tests("SwiftCells", ["JupyterKernel"], swiftSettings: parser),
        tests("Display"),
        tests("Tensors", ["NeuralNetworks"]),
        .testTarget(name: "CUDATests", dependencies: ["Tensors", "CCUDA"], path: "Tests/CUDATests"),
        tests("NeuralNetworks", ["Tensors"]),
        tests("Pictures", ["Tensors", "CTurboJPEG", "CZlib"]),
        tests("Datasets", ["Tensors", "CKernels"]),
        tests("Training", ["NeuralNetworks", "Datasets", "Tensors"]),
    ],
    swiftLanguageModes: [.v6]
)
