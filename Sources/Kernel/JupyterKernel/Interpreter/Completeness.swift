/// Whether code is whole, so that a console runs it on Enter.
public enum Completeness: Sendable, Equatable {
    case complete
    /// With the indentation that the next line should start with.
    case incomplete(indent: String)
    case invalid
    case unknown
}
