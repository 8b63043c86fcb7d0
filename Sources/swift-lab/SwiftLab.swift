import ArgumentParser
import Datasets
import Display
import Glibc

/// The command line: each subcommand is a file beside this one.
@main struct SwiftLab: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swift-lab", abstract: "Swift in Jupyter notebooks, for a deep-learning workshop.",
        subcommands: [KernelCommand.self, Install.self, Doctor.self, Bench.self, CodeServiceCommand.self])

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch  where error is Refusal || error is FileError || error is DatasetError {
            let sentence = Array("\(error)\n".utf8)
            _ = write(STDERR_FILENO, sentence, sentence.count)
            Glibc.exit(2)
        } catch {
            exit(withError: error)
        }
    }
}

/// Something outside the program is not as it has to be. The command ends with this sentence and exit code 2.
struct Refusal: Error, CustomStringConvertible {
    /// One sentence that names the thing and the way out.
    let description: String

    init(_ description: String) { self.description = description }
}
