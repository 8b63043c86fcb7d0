public import Display

/// Where the output of one cell goes. Carries the cell's parent header, so that nothing lands under another cell.
/// Calls from one thread arrive in the order in which they were made.
public protocol CellOutput: Sendable {
    func stream(_ stream: OutputStream, _ text: String)
    /// Printed text as it comes, in UTF-8: a piece may end within a character, which the next one completes.
    func stream(_ stream: OutputStream, bytes: UnsafeRawBufferPointer)
    /// Shows a bundle; under an id, where it is to be replaced later.
    func display(_ bundle: MimeBundle, id: DisplayID?)
    /// Replaces what is shown under the id.
    func update(_ bundle: MimeBundle, id: DisplayID)
    /// Removes what the cell has shown: at once, or (`wait`) when it shows something new.
    func clear(wait: Bool)
    /// Asks the user for a line and waits for it. Throws `InputUnavailable` where the front end cannot ask, and
    /// `Interrupted` when the cell is interrupted meanwhile.
    func readLine(prompt: String, isPassword: Bool) throws -> String
    /// Shows help in a pane of its own (`?name`), after the cell.
    func page(_ bundle: MimeBundle)
    /// Puts `code` into a new cell below this one, or (`replace`) into this one, after the cell.
    func setNextInput(_ code: String, replace: Bool)
}

extension CellOutput {
    public func stream(_ stream: OutputStream, bytes: UnsafeRawBufferPointer) {
        self.stream(stream, String(decoding: bytes, as: UTF8.self))
    }
    public func page(_ bundle: MimeBundle) { display(bundle, id: nil) }
    public func setNextInput(_ code: String, replace: Bool) { stream(.stdout, code + "\n") }
}

/// The two streams that a cell prints to.
public enum OutputStream: String, Sendable {
    case stdout, stderr
}

/// Thrown where a cell asks for input and nobody can be asked.
public struct InputUnavailable: Error, CustomStringConvertible {
    public init() {}
    public var description: String { "this front end cannot ask for input" }
}
