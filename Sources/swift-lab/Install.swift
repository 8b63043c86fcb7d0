import ArgumentParser
import FoundationEssentials

/// `swift-lab install`: makes the kernel known to Jupyter.
struct Install: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Registers the kernel with Jupyter.",
        discussion: "What is registered is this very program, wherever it lies. Installing again replaces.")

    @Flag(help: "For this user, in Jupyter's own data folder (the default).")
    var user = false

    @Option(help: ArgumentHelp("For one environment: in share/jupyter/kernels of this folder.", valueName: "folder"))
    var prefix: String?

    @Option(help: "The name that Jupyter knows the kernel by.")
    var name = "swift-lab"

    @Flag(help: "Says nothing when all is well.")
    var quiet = false

    func validate() throws {
        if user && prefix != nil { throw ValidationError("--user and --prefix exclude each other.") }
        // What Jupyter itself accepts.
        guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) })
        else {
            throw ValidationError("A kernel's name has ASCII letters, digits, '-', '_' and '.' only, not “\(name)”.")
        }
    }

    func run() throws {
        let jupyter = prefix.map { URL(filePath: $0).appending(path: "share/jupyter") } ?? Place.userJupyter
        let folder = jupyter.appending(path: "kernels/\(name)").standardizedFileURL
        let specification = try KernelSpecification(for: Place.executable)
        let former = KernelSpecification.program(registeredIn: folder)
        if try specification.write(to: folder) {
            if !quiet { print("The kernel is registered in \(folder.path).") }
            // Also when quiet: notebooks of another copy would run with this one's library, and nobody would know why.
            if let former, former.path != Place.executable.path, Place.isFile(former) {
                print(
                    """
                    \(name) in JupyterLab is now the copy of Swift Lab in \(Self.copy(of: Place.executable)); before, \
                    it was the one in \(Self.copy(of: former)).
                    To go back: \(former.path) install\(options)
                    """)
            }
        } else if !quiet {
            print("The kernel was registered in \(folder.path) already.")
        }
    }

    /// The project that a program was built in, or the program itself.
    private static func copy(of program: URL) -> String { (Place.project(of: program) ?? program).path }

    /// What has to be said to register another program in the same place.
    private var options: String {
        (prefix.map { " --prefix \($0)" } ?? "") + (name == "swift-lab" ? "" : " --name \(name)")
    }
}
