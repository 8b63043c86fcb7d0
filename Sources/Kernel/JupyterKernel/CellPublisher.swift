internal import Display
internal import JupyterWire
import Synchronization

/// The output of one cell (or of a comm message's handler), on its way to iopub under that request's header.
final class CellPublisher: CellOutput {
    private let parent: Message?
    private let publisher: Publisher
    private let capture: OutputCapture?
    private let input: StandardInput?
    private let isSilent: Bool
    private let payloads = Mutex<[ExecuteReply.Payload]>([])

    /// `parent`: the request, `nil` for what belongs to none. `input`: `nil` where the client cannot be asked.
    init(
        parent: Message?, publisher: Publisher, capture: OutputCapture?, input: StandardInput? = nil,
        isSilent: Bool = false
    ) {
        self.parent = parent
        self.publisher = publisher
        self.capture = capture
        self.input = input
        self.isSilent = isSilent
    }

    private var parentBytes: [UInt8] { parent?.headerBytes ?? emptyObject }

    func stream(_ stream: OutputStream, _ text: String) {
        if !isSilent { publisher.text(text, on: stream, parent: parentBytes) }
    }

    func display(_ bundle: MimeBundle, id: DisplayID?) { publish(DisplayData(bundle, id: id)) }

    func update(_ bundle: MimeBundle, id: DisplayID) { publish(UpdateDisplayData(bundle, id: id)) }

    func clear(wait: Bool) { publish(ClearOutput(wait: wait)) }

    func page(_ bundle: MimeBundle) { payloads.withLock { $0.append(.page(bundle)) } }

    func setNextInput(_ code: String, replace: Bool) {
        payloads.withLock { $0.append(.setNextInput(code, replace: replace)) }
    }

    func readLine(prompt: String, isPassword: Bool) throws -> String {
        guard let input, let parent else { throw InputUnavailable() }
        capture?.drain()
        return try input.readLine(prompt: prompt, isPassword: isPassword, for: parent)
    }

    /// What the cell asked the front end to do after it.
    func takePayloads() -> [ExecuteReply.Payload] {
        payloads.withLock { payloads in
            defer { payloads = [] }
            return payloads
        }
    }

    /// The request's id.
    var id: String? { parent?.header.messageID }

    /// Publishes after everything that was printed before.
    func publish(_ content: some OutgoingContent) {
        capture?.drain()
        if !isSilent { publisher.publish(content, parent: parentBytes) }
    }

    /// Publishes a comm's message. The objects at its ends must stay in step, also when the cell is silent.
    func publish(_ content: some OutgoingContent, _ payload: CommPayload) {
        capture?.drain()
        publisher.publish(content, parent: parentBytes, metadata: payload.metadata, buffers: payload.buffers)
    }
}
