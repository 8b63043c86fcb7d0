internal import Display
internal import JupyterWire
import Synchronization

/// Asks the client that runs a cell for a line, on the stdin channel.
final class StandardInput: Sendable {
    private let channel: Channel
    private let session: Session
    /// One question at a time: front ends show one field.
    private let turn = Mutex<Void>(())
    private let question = Mutex<Question?>(nil)
    private let event = Bell()

    private struct Question {
        /// The `msg_id` of the request.
        var id: String
        var answer: Answer?
    }

    private enum Answer {
        case line(String)
        case interrupted
    }

    init(channel: Channel, session: Session) {
        self.channel = channel
        self.session = session
    }

    /// Waits for the answer to `prompt` of the client that sent `request`.
    func readLine(prompt: String, isPassword: Bool, for request: Message) throws -> String {
        try turn.withLock { _ in
            try Interruption.check()
            let content = InputRequest(prompt: prompt, isPassword: isPassword).serialized()
            let message = session.message(
                InputRequest.messageType, identities: request.identities, parent: request.headerBytes, content: content)
            question.withLock { $0 = Question(id: message.header.messageID) }
            channel.send(message)
            while true {
                // Looks up now and then: a fault on another thread ends the cell, too.
                if !event.wait(milliseconds: 100), Interruption.isRequested { interrupt() }
                let answer = question.withLock { question in
                    event.silence()
                    defer { if question?.answer != nil { question = nil } }
                    return question?.answer
                }
                switch answer {
                case .line(let line): return line
                case .interrupted: throw Interrupted()
                case nil: continue
                }
            }
        }
    }

    /// Takes a client's answer. Called on the stdin channel's thread.
    func receive(_ message: Message) throws {
        guard message.type == InputReply.messageType else { throw UnexpectedMessage(type: message.type) }
        let line = try message.content(as: InputReply.self).value
        question.withLock { question in
            // Some clients send no parent header; one that names another question comes too late.
            guard question != nil, message.parent == nil || message.parent?.messageID == question?.id else { return }
            question?.answer = .line(line)
            event.ring()
        }
    }

    /// Gives up the question that waits for its answer.
    func interrupt() {
        question.withLock { question in
            guard question != nil else { return }
            question?.answer = .interrupted
            event.ring()
        }
    }
}

struct UnexpectedMessage: Error, CustomStringConvertible {
    let type: String
    var description: String { "\(type) is no message for this channel" }
}
