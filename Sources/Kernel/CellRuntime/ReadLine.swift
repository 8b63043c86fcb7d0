import Synchronization

private let reader = Mutex<(@Sendable (_ prompt: String, _ isPassword: Bool) throws -> String)?>(nil)

/// Installs where `readLine` gets its lines: the running cell's front end.
package func onReadLine(_ read: (@Sendable (_ prompt: String, _ isPassword: Bool) throws -> String)?) {
    reader.withLock { $0 = read }
}

/// Asks the user for a line, in the notebook. Stands in the place of Swift's own, which reads the standard input.
///
/// - Returns: `nil` where the front end cannot ask, or the cell was interrupted meanwhile.
public func readLine(strippingNewline: Bool = true) -> String? {
    try? askUser("", isPassword: false, strippingNewline: strippingNewline)
}

/// Asks the user for a line, with a prompt.
///
/// - Returns: `nil` where the front end cannot ask, or the cell was interrupted meanwhile.
public func readLine(prompt: String) -> String? {
    try? askUser(prompt, isPassword: false, strippingNewline: true)
}

/// Asks the user for a line that is not shown.
///
/// - Returns: `nil` where the front end cannot ask, or the cell was interrupted meanwhile.
public func readPassword(prompt: String = "Password: ") -> String? {
    try? askUser(prompt, isPassword: true, strippingNewline: true)
}

private func askUser(_ prompt: String, isPassword: Bool, strippingNewline: Bool) throws -> String? {
    guard let read = reader.withLock({ $0 }) else { return Swift.readLine(strippingNewline: strippingNewline) }
    let line = try read(prompt, isPassword)
    return strippingNewline ? line : line + "\n"
}
