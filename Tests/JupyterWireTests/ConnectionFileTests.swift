import Foundation
import Testing

@testable import JupyterWire

@Suite struct ConnectionFileTests {
    private func read(_ text: String) throws -> ConnectionFile {
        let file = FileManager.default.temporaryDirectory.appending(path: "connection-\(UUID()).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(text.utf8).write(to: file)
        do {
            return try ConnectionFile(path: file.path)
        } catch {
            // Every message names the file; the tests below need not.
            #expect(error.description.contains(file.path))
            throw ConnectionFileError(description: error.description.replacing(file.path, with: "F"))
        }
    }

    private let ports = #""shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5"#

    @Test func aFileAsJupyterWritesItIsRead() throws {
        let file = try read(
            #"{\#(ports), "ip": "127.0.0.1", "key": "a-b", "transport": "tcp", "signature_scheme": "hmac-sha256", "kernel_name": "x", "jupyter_session": ""}"#
        )
        #expect(file.key == "a-b")
        #expect(file.endpoint(of: .shell) == "tcp://127.0.0.1:1")
        #expect(file.endpoint(of: .heartbeat) == "tcp://127.0.0.1:5")
    }

    @Test func ipcSocketsAreFiles() throws {
        let file = try read(#"{\#(ports), "ip": "/tmp/k", "key": "", "transport": "ipc"}"#)
        #expect(file.endpoint(of: .control) == "ipc:///tmp/k-4")
    }

    private let way = "Let Jupyter start the kernel, or pass the file that `jupyter --runtime-dir` holds."

    @Test func aMissingFileIsNamed() {
        let error = #expect(throws: ConnectionFileError.self) { try ConnectionFile(path: "/nowhere/kernel.json") }
        #expect(error?.description == "Connection file /nowhere/kernel.json does not exist. \(way)")
    }

    @Test func aFolderIsNoFile() {
        let error = #expect(throws: ConnectionFileError.self) { try ConnectionFile(path: "/tmp") }
        #expect(
            error?.description
                == "Connection file /tmp cannot be read. Check that it is a file and that you may read it.")
    }

    @Test(arguments: [
        ("", "is not a JSON object"), ("[1]", "is not a JSON object"), ("{", "is not a JSON object"),
        (#"{"ip": "127.0.0.1"}"#, "has no \"shell_port\""),
        (#"{"shell_port": 1}"#, "has no \"ip\""),
        (#"{"ip": 7}"#, "has a \"ip\" that is no string"),
        (#"{"ip": "x", "curve_secretkey": "short"}"#, "has a \"curve_secretkey\" that is no key of 40 characters"),
        (#"{"ip": "x", "shell_port": 70000}"#, "has a \"shell_port\" that is no port (1 to 65535)"),
        (#"{"ip": "x", "shell_port": "1"}"#, "has a \"shell_port\" that is no port (1 to 65535)"),
    ])
    func whatIsWrongIsSaidInASentence(text: String, what: String) {
        let error = #expect(throws: ConnectionFileError.self) { try read(text) }
        #expect(error?.description == "Connection file F \(what). \(way)")
    }

    @Test func whatIsNotSpokenIsNamed() {
        let transport = #expect(throws: ConnectionFileError.self) { try read(#"{"ip": "x", "transport": "udp"}"#) }
        #expect(transport?.description.contains("asks for the transport \"udp\"") == true)
        let scheme = #expect(throws: ConnectionFileError.self) {
            try read(#"{"ip": "x", "signature_scheme": "hmac-md5"}"#)
        }
        #expect(scheme?.description.contains("asks for the signature scheme \"hmac-md5\"") == true)
    }

    @Test func aFileThatOthersCanReadIsTakenFromThem() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "connection-\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        for (rights, isSafe) in [(0o600, true), (0o400, true), (0o640, false), (0o644, false), (0o602, false)] {
            _ = FileManager.default.createFile(atPath: file, contents: nil)
            try FileManager.default.setAttributes([.posixPermissions: rights], ofItemAtPath: file)
            let warning = ConnectionFile.makePrivate(path: file)
            #expect((warning == nil) == isSafe, "\(String(rights, radix: 8))")
            #expect(warning?.contains(file) != false)
            let after = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(after == (isSafe ? rights : 0o600))
        }
    }
}
