internal import Display
internal import JupyterWire

extension Kernel {
    /// What is answered on shell, in the order in which it comes.
    func shellHandlers(_ shells: Shells) -> [String: Handler] {
        [
            ExecuteRequest.messageType: { request in try self.execute(request, in: shells) },
            InspectRequest.messageType: { request in
                let content: InspectRequest = try request.content()
                request.reply(
                    InspectReply(self.interpreter.inspect(content.code, cursor: content.cursor, detail: content.detail))
                )
            },
            CompleteRequest.messageType: { request in
                let content: CompleteRequest = try request.content()
                request.reply(CompleteReply(self.interpreter.complete(content.code, cursor: content.cursor)))
            },
            IsCompleteRequest.messageType: { request in
                let content: IsCompleteRequest = try request.content()
                request.reply(IsCompleteReply(self.interpreter.completeness(of: content.code)))
            },
            HistoryRequest.messageType: { request in request.reply(try self.history.answer(request.content())) },
            KernelInfoRequest.messageType: { request in request.reply(self.kernelInfo) },
            ConnectRequest.messageType: { request in request.reply(ConnectReply(self.connection)) },
            CommInfoRequest.messageType: { request in
                let content: CommInfoRequest = try request.content()
                request.reply(CommInfoReply(targets: self.comms.targets(named: content.target)))
            },
            CommOpen.messageType: comm, CommMessage.messageType: comm, CommClose.messageType: comm,
            // Deprecated here since 5.4, but older clients send it.
            ShutdownRequest.messageType: shutdown,
        ]
    }

    /// What is answered on control, at once, whatever runs.
    func controlHandlers(_ shells: Shells) -> [String: Handler] {
        [
            KernelInfoRequest.messageType: { request in request.reply(self.kernelInfo) },
            InterruptRequest.messageType: { request in
                self.interrupt()
                request.reply(InterruptReply())
            },
            ShutdownRequest.messageType: shutdown,
            CreateSubshellRequest.messageType: { request in
                request.reply(CreateSubshellReply(subshellID: shells.create()))
            },
            DeleteSubshellRequest.messageType: { request in
                try shells.delete(request.content(DeleteSubshellRequest.self).subshellID)
                request.reply(DeleteSubshellReply())
            },
            ListSubshellRequest.messageType: { request in request.reply(ListSubshellReply(subshellIDs: shells.ids)) },
            // It is not announced, but who asks all the same would wait for ever.
            DebugRequest.messageType: { request in
                request.reply(DebugReply(refusing: try request.content(), because: "this kernel has no debugger"))
            },
        ]
    }

    /// Runs a cell. Cells that come to a subshell take their turn in the main shell.
    private func execute(_ request: Request, in shells: Shells) throws {
        let shell = try shells.shell(request.message.header.subshellID)
        let waiting = { @Sendable in
            // What the client sent before it could know of the failure may still lie in the socket.
            request.channel.settle()
            return shell.takeWaitingCells()
        }
        if shell === shells.main { return try cells.run(request, waiting: waiting) }
        try shells.main.perform { try self.cells.run(request, waiting: waiting) }
    }

    private func comm(_ request: Request) throws {
        let callback = try comms.callback(for: request) { self.current.publisherOfCaller }
        if let callback { cells.perform(callback, for: request) }
    }

    private func shutdown(_ request: Request) throws {
        let content: ShutdownRequest = try request.content()
        let reply = ShutdownReply(restarts: content.restarts)
        request.reply(reply)
        // The other clients are to know that this is no crash.
        request.publish(reply)
        shutdown()
    }

    private var kernelInfo: KernelInfoReply {
        let language = interpreter.language
        return KernelInfoReply(
            implementation: implementation.name, implementationVersion: implementation.version,
            languageInfo: .init(
                name: language.name, version: language.version, mimetype: language.mimeType,
                fileExtension: language.fileExtension, pygmentsLexer: language.pygmentsLexer,
                codemirrorMode: language.codeMirrorMode),
            banner: interpreter.banner,
            helpLinks: implementation.helpLinks.map { .init(text: $0.text, url: $0.url) },
            supportedFeatures: ["kernel subshells"])
    }
}

extension CompleteReply {
    fileprivate init(_ completions: Completions) {
        let range = completions.range
        self.init(
            matches: completions.matches.map { match in
                Match(
                    text: match.text, type: match.kind ?? "", signature: match.signature, start: range.lowerBound,
                    end: range.upperBound)
            }, cursorStart: range.lowerBound, cursorEnd: range.upperBound)
    }
}

extension IsCompleteReply {
    fileprivate init(_ completeness: Completeness) {
        switch completeness {
        case .complete: self.init(status: .complete)
        case .incomplete(let indent): self.init(status: .incomplete, indent: indent)
        case .invalid: self.init(status: .invalid)
        case .unknown: self.init(status: .unknown)
        }
    }
}
