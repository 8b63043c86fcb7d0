internal import Display
internal import JupyterWire
internal import Logging

/// Serves the requests of one type. What it throws becomes the reply.
typealias Handler = @Sendable (Request) throws -> Void

/// A message from a client, and the ways to answer it.
struct Request: Sendable {
    let message: Message
    let channel: Channel
    let publisher: Publisher
    let session: Session
    let logger: Logger

    var type: String { message.type }

    func content<Content: IncomingContent>(_: Content.Type = Content.self) throws -> Content {
        try message.content()
    }

    /// The one answer, to the client that asked.
    func reply(_ content: some OutgoingContent, metadata: JSON = [:]) {
        reply(Swift.type(of: content).messageType, content.serialized(), metadata: metadata)
    }

    /// Answers that the request failed.
    func reply(_ failure: ErrorReply) { reply(replyType, JSONText.encode(failure), metadata: [:]) }

    /// To all clients.
    func publish(_ content: some OutgoingContent) { publisher.publish(content, parent: message.headerBytes) }

    private var replyType: String {
        type.hasSuffix("_request") ? type.dropLast("request".count) + "reply" : type + "_reply"
    }

    /// Whether an answer is expected: comm messages have none.
    var expectsReply: Bool { type.hasSuffix("_request") }

    private func reply(_ type: String, _ content: [UInt8], metadata: JSON) {
        channel.send(
            session.message(
                type, identities: message.identities, parent: message.headerBytes,
                metadata: JSONText.encode(metadata), content: content))
    }

    /// Calls `handler` between `busy` and `idle`. What it throws is the reply.
    func serve(_ handler: (Request) throws -> Void) {
        publisher.status(.busy, parent: message.headerBytes)
        do {
            try handler(self)
        } catch {
            if expectsReply {
                reply(ErrorReply(name: "\(Swift.type(of: error))", value: "\(error)"))
            } else {
                logger.warning("\(channel.name): a message was ignored, because \(error)")
            }
        }
        publisher.status(.idle, parent: message.headerBytes)
    }
}
