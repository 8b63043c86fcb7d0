internal import JupyterWire
import Synchronization

/// A line of requests that are served one after the other on a thread of their own: the main shell, or a subshell.
final class Shell: Sendable {
    private enum Job: Sendable {
        case serve(Request, Handler)
        case work(@Sendable () -> Void)
        case stop
    }

    private let jobs = Mailbox<Job>()
    private let thread: KernelThread

    init(_ name: String) {
        let jobs = jobs
        thread = KernelThread(name) {
            while true {
                switch jobs.takeFirst() {
                case .serve(let request, let handler): request.serve(handler)
                case .work(let work): work()
                case .stop: return
                }
            }
        }
    }

    func post(_ request: Request, _ handler: @escaping Handler) { jobs.post(.serve(request, handler)) }

    /// Does some work in its turn, waits for its end, and throws what it throws.
    func perform(_ work: @escaping @Sendable () throws -> Void) throws {
        let done = Bell()
        let result = Mutex<Result<Void, any Error>>(.success(()))
        jobs.post(
            .work {
                let ended = Result { try work() }
                result.withLock { $0 = ended }
                done.ring()
            })
        done.wait()
        try result.withLock { $0 }.get()
    }

    /// Takes the cells out that wait for their turn.
    func takeWaitingCells() -> [Request] {
        jobs.take { job in
            if case .serve(let request, _) = job { request.type == ExecuteRequest.messageType } else { false }
        }.compactMap { job in
            if case .serve(let request, _) = job { request } else { nil }
        }
    }

    /// Ends the thread after what waits. False if that takes longer than `milliseconds`.
    @discardableResult
    func stop(milliseconds: Int32) -> Bool {
        jobs.post(.stop)
        return thread.join(milliseconds: milliseconds)
    }
}
