import Display
import JupyterWire
import Testing

@testable import JupyterKernel

@Suite struct ChannelTests {
    let client: TestClient
    init() throws { client = try TestClient() }

    @Test func theKernelIntroducesItselfOnBothChannels() throws {
        for socket in [client.shell, client.control] {
            let reply = try client.reply(to: client.send("kernel_info_request", on: socket), on: socket)
            #expect(reply.content["protocol_version"] == "5.5")
            #expect(reply.content["implementation"] == "echo")
            #expect(reply.content["language_info"]?["file_extension"] == ".echo")
            #expect(reply.content["supported_features"] == ["kernel subshells"])
        }
    }

    @Test func controlIsAnsweredWhileACellRuns() throws {
        let cell = try client.startEndlessCell()
        let question = client.send("kernel_info_request", on: client.control)
        #expect(try client.reply(to: question, on: client.control).content["status"] == "ok")
        #expect(try client.publications(of: question).types == ["status", "status"])
        let interrupt = client.send("interrupt_request", on: client.control)
        #expect(try client.reply(to: interrupt, on: client.control).content == ["status": "ok"])
        #expect(try client.reply(to: cell).content["ename"] == "Interrupted")
    }

    @Test func anInterruptFromOutsideStopsTheCell() throws {
        let cell = try client.startEndlessCell()
        client.kernel.interrupt()
        #expect(try client.reply(to: cell).content["evalue"] == "interrupted")
    }

    @Test func anInterruptWhileNothingRunsDoesNotReachTheNextCell() throws {
        client.kernel.interrupt()
        #expect(try client.run("flood 10").reply.content["status"] == "ok")
    }

    @Test func shutdownIsAnsweredThenTheKernelEnds() throws {
        for restarts in [true, false] {
            let client = try TestClient()
            let id = client.send("shutdown_request", ["restart": .bool(restarts)], on: client.control)
            let reply: JSON = ["status": "ok", "restart": .bool(restarts)]
            #expect(try client.reply(to: id, on: client.control).content == reply)
            // And all the others hear of it.
            let published = try client.publications(of: id)
            #expect(published.types == ["status", "shutdown_reply", "status"])
            #expect(published[1].content == reply)
            #expect(client.hasEnded())
        }
    }

    @Test func shutdownStopsARunningCell() throws {
        _ = try client.startEndlessCell()
        client.send("shutdown_request", ["restart": false], on: client.control)
        #expect(client.hasEnded())
    }

    @Test func aDebuggerIsRefusedInTheWordsOfItsOwnProtocol() throws {
        let id = client.send(
            "debug_request", ["type": "request", "seq": 7, "command": "debugInfo"], on: client.control)
        let reply = try client.reply(to: id, on: client.control)
        #expect(reply.type == "debug_reply")
        #expect(
            reply.content == [
                "type": "response", "request_seq": 7, "success": false, "command": "debugInfo",
                "message": "this kernel has no debugger",
            ])
    }

    @Test func theHeartbeatEchoesWhileACellRuns() throws {
        let cell = try client.startEndlessCell()
        let heart = client.socket(.req)
        defer { heart.close(abandoned: true) }
        try heart.connect(client.connection.endpoint(of: .heartbeat))
        for beat in [[], [0], Array("ping".utf8)] as [[UInt8]] {
            heart.send([beat])
            #expect(heart.wait(milliseconds: TestClient.patience))
            #expect(heart.receive() == [beat])
        }
        client.kernel.interrupt()
        _ = try client.reply(to: cell)
    }

    @Test func everySubscriptionIsWelcomed() throws {
        for topic in ["", "stream", "status"] {
            let socket = client.socket(.sub)
            defer { socket.close(abandoned: true) }
            try socket.connect(client.connection.endpoint(of: .iopub))
            socket.subscribe(to: Array(topic.utf8))
            let welcome = try client.next(on: socket)
            #expect(welcome.type == "iopub_welcome")
            #expect(welcome.content == ["subscription": .string(topic)])
            #expect(welcome.parent == nil)
        }
    }

    @Test func aTopicIsFollowedAlone() throws {
        let socket = client.socket(.sub)
        defer { socket.close(abandoned: true) }
        try socket.connect(client.connection.endpoint(of: .iopub))
        socket.subscribe(to: Array("execute_result".utf8))
        // Another client's session: the first one has seen these signatures already.
        let session = Session(key: client.connection.key)
        #expect(try client.next(on: socket, session: session).type == "iopub_welcome")
        _ = try client.run("print x\nvalue 1")
        #expect(try client.next(on: socket, session: session).type == "execute_result")
    }

    @Test func anAddressThatCannotBeHadIsNamed() throws {
        // An address for documentation: no machine has it.
        let taken = ConnectionFile(transport: "tcp", address: "192.0.2.1", ports: [.shell: 1], key: "")
        let error = #expect(throws: ZeroMQError.self) {
            try Kernel(
                connection: taken, interpreter: client.interpreter, implementation: .init(name: "e", version: "1"),
                logger: .init(label: "test"))
        }
        #expect(error?.description == "cannot listen on tcp://192.0.2.1:1: Cannot assign requested address")
    }

    @Test func anOldClientLearnsThePorts() throws {
        let reply = try client.reply(to: client.send("connect_request"))
        #expect(reply.content["shell_port"] == .integer(client.connection.ports[.shell]!))
        #expect(reply.content["hb_port"] == .integer(client.connection.ports[.heartbeat]!))
    }
}
