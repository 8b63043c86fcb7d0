internal import Display
internal import JupyterWire
import Synchronization

/// The output of one cell (or of a comm message's handler), on its way to iopub under that request's header.
final class CellPublisher: CellOutput {
    private let parent: Message?
    private let publisher: Publisher
    private let interpreter: any Interpreter
    private let capture: OutputCapture?
    private let input: StandardInput?
    private let isSilent: Bool
    /// Whether the cell stands in JupyterLab.
    let isOfJupyterLab: Bool
    private let payloads = Mutex<[ExecuteReply.Payload]>([])
    private let limit: Mutex<TextLimit>
    private let displays: Mutex<DisplayLimit>

    /// `parent`: the request, `nil` for what belongs to none. `input`: `nil` where the client cannot be asked.
    init(
        parent: Message?, publisher: Publisher, interpreter: any Interpreter, capture: OutputCapture?,
        input: StandardInput? = nil, isSilent: Bool = false
    ) {
        self.parent = parent?.withoutContent
        self.publisher = publisher
        self.interpreter = interpreter
        self.capture = capture
        self.input = input
        self.isSilent = isSilent
        isOfJupyterLab = parent?.isOfJupyterLab ?? false
        // A page of JupyterLab takes a minute and more for 10 MB of text.
        let standard = isOfJupyterLab ? 1_000_000 : outputLimit
        limit = Mutex(TextLimit(standard: standard))
        displays = Mutex(DisplayLimit(standard: standard))
    }

    private var parentBytes: [UInt8] { parent?.headerBytes ?? emptyObject }

    func stream(_ stream: OutputStream, _ text: String) {
        var text = text
        text.withUTF8 { self.stream(stream, bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Publishes printed text, as far as the cell may show it.
    func stream(_ stream: OutputStream, bytes: UnsafeRawBufferPointer) {
        guard !isSilent else { return }
        interpreter.shielded {
            let (count, notice) = limit.withLock { limit in
                let (count, isLast) = limit.admit(bytes, on: stream)
                return (count, isLast ? limit.notice : nil)
            }
            if count > 0 {
                publisher.text(UnsafeRawBufferPointer(rebasing: bytes[..<count]), on: stream, parent: parentBytes)
            }
            if let notice { send(Array(notice.utf8), on: .stderr) }
        }
    }

    private func send(_ text: [UInt8], on stream: OutputStream) {
        text.withUnsafeBytes { publisher.text($0, on: stream, parent: parentBytes) }
    }

    /// Publishes the end of what was printed and displayed, where the middle was left out.
    func end() {
        capture?.drain()
        for (stream, text) in limit.withLock({ $0.end() }) { send(text, on: stream) }
        guard let (notice, last) = displays.withLock({ $0.end() }) else { return }
        if let notice, !isSilent { send(Array(notice.utf8), on: .stderr) }
        publish(DisplayData(last.bundle, id: last.id))
    }

    func display(_ bundle: MimeBundle, id: DisplayID?) {
        let (isShown, notice) = displays.withLock { displays in
            let isShown = displays.admit(bundle, id: id)
            return (isShown, displays.omitted == 1 ? displays.notice : nil)
        }
        if isShown { return publish(DisplayData(bundle, id: id)) }
        if let notice, !isSilent { interpreter.shielded { send(Array(notice.utf8), on: .stderr) } }
    }

    func update(_ bundle: MimeBundle, id: DisplayID) { publish(UpdateDisplayData(bundle, id: id)) }

    func clear(wait: Bool) {
        publish(ClearOutput(wait: wait))
        limit.withLock { $0 = TextLimit(standard: $0.standard) }
        displays.withLock { $0 = DisplayLimit(standard: $0.standard) }
    }

    func page(_ bundle: MimeBundle) { payloads.withLock { $0.append(.page(bundle)) } }

    func setNextInput(_ code: String, replace: Bool) {
        payloads.withLock { $0.append(.setNextInput(code, replace: replace)) }
    }

    func readLine(prompt: String, isPassword: Bool) throws -> String {
        guard let input, let parent else { throw InputUnavailable() }
        return try interpreter.shielded {
            capture?.drain()
            return try input.readLine(prompt: prompt, isPassword: isPassword, for: parent)
        }
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
        interpreter.shielded {
            capture?.drain()
            if !isSilent { publisher.publish(content, parent: parentBytes) }
        }
    }

    /// Publishes a comm's message. The objects at its ends must stay in step, also when the cell is silent.
    func publish(_ content: some OutgoingContent, _ payload: CommPayload) {
        interpreter.shielded {
            capture?.drain()
            publisher.publish(content, parent: parentBytes, metadata: payload.metadata, buffers: payload.buffers)
        }
    }
}

extension Message {
    /// Whether JupyterLab sent it, which tells the cell's id.
    fileprivate var isOfJupyterLab: Bool {
        String(decoding: metadataBytes, as: UTF8.self).contains("\"cellId\"")
    }

    /// What a late output still needs of its request: whose it was.
    fileprivate var withoutContent: Message {
        var message = self
        message.contentBytes = []
        message.buffers = []
        return message
    }
}
