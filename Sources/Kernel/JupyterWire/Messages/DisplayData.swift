public import Display

/// On iopub: shows a bundle.
public struct DisplayData: OutgoingContent {
    public static let messageType = "display_data"
    public var bundle: MimeBundle
    public var id: DisplayID?

    public init(_ bundle: MimeBundle, id: DisplayID?) {
        self.bundle = bundle
        self.id = id
    }

    public func serialized() -> [UInt8] { bundle.serialized(alongside: transient(id)) }
}

/// On iopub: replaces what is shown under an id, wherever that is.
public struct UpdateDisplayData: OutgoingContent {
    public static let messageType = "update_display_data"
    public var bundle: MimeBundle
    public var id: DisplayID

    public init(_ bundle: MimeBundle, id: DisplayID) {
        self.bundle = bundle
        self.id = id
    }

    public func serialized() -> [UInt8] { bundle.serialized(alongside: transient(id)) }
}

private func transient(_ id: DisplayID?) -> [String: JSON] {
    ["transient": .object(id.map { ["display_id": .string($0.name)] } ?? [:])]
}
