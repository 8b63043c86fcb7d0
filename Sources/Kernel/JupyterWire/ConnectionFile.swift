internal import FoundationEssentials
import Glibc

/// Where a kernel is to listen and the key that messages are signed with, as the client wrote it to a file.
public struct ConnectionFile: Sendable, Equatable {
    public enum Channel: String, CaseIterable, Sendable {
        case shell = "shell_port"
        case iopub = "iopub_port"
        case stdin = "stdin_port"
        case control = "control_port"
        case heartbeat = "hb_port"
    }

    /// "tcp" or "ipc".
    public var transport: String
    /// The address to listen on; for ipc, the beginning of the sockets' file names.
    public var address: String
    public var ports: [Channel: Int]
    /// Empty where messages are not signed.
    public var key: String
    /// With which connections are encrypted (CurveZMQ, 40 characters in Z85); `nil` where they are not.
    public var curveSecretKey: String?

    public init(
        transport: String, address: String, ports: [Channel: Int], key: String, curveSecretKey: String? = nil
    ) {
        self.curveSecretKey = curveSecretKey
        self.transport = transport
        self.address = address
        self.ports = ports
        self.key = key
    }

    /// Reads the file at `path`. Every error is a sentence that names the file and what to do.
    public init(path: String) throws(ConnectionFileError) {
        let help = "Let Jupyter start the kernel, or pass the file that `jupyter --runtime-dir` holds"
        func failure(_ what: String, _ way: String) -> ConnectionFileError {
            ConnectionFileError(description: "Connection file \(path) \(what). \(way).")
        }
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(filePath: path))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            throw failure("does not exist", help)
        } catch {
            throw failure("cannot be read", "Check that it is a file and that you may read it")
        }
        guard let fields = try? JSONDecoder().decode([String: Field].self, from: bytes) else {
            throw failure("is not a JSON object", help)
        }
        func text(_ name: String, default value: String? = nil) throws(ConnectionFileError) -> String {
            switch fields[name] {
            case .text(let text): return text
            case nil where value != nil: return value!
            case nil: throw failure("has no \"\(name)\"", help)
            default: throw failure("has a \"\(name)\" that is no string", help)
            }
        }
        transport = try text("transport", default: "tcp")
        guard ["tcp", "ipc"].contains(transport) else {
            throw failure(
                "asks for the transport \"\(transport)\"",
                "This kernel speaks tcp and ipc: set c.KernelManager.transport")
        }
        let scheme = try text("signature_scheme", default: "hmac-sha256")
        guard scheme == "hmac-sha256" else {
            throw failure(
                "asks for the signature scheme \"\(scheme)\"",
                "This kernel speaks hmac-sha256: set c.Session.signature_scheme")
        }
        address = try text("ip")
        key = try text("key", default: "")
        let secret = try text("curve_secretkey", default: "")
        guard [0, 40].contains(secret.utf8.count) else {
            throw failure("has a \"curve_secretkey\" that is no key of 40 characters", help)
        }
        curveSecretKey = secret.isEmpty ? nil : secret
        ports = [:]
        for channel in Channel.allCases {
            switch fields[channel.rawValue] {
            case .number(let port) where transport == "ipc" || (1...65535).contains(port): ports[channel] = port
            case nil: throw failure("has no \"\(channel.rawValue)\"", help)
            default: throw failure("has a \"\(channel.rawValue)\" that is no port (1 to 65535)", help)
            }
        }
    }

    /// Takes the file at `path` from everyone but its owner: whoever reads the key in it can run code as its owner.
    ///
    /// - Returns: a sentence for the log, where others could read or change the file.
    public static func makePrivate(path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & 0o077 != 0 else { return nil }
        let danger = "Others could read the key in \(path), and with it run code in this kernel"
        return chmod(path, 0o600) == 0
            ? "\(danger); the file is its owner's alone now. Start a new kernel if anybody may have read it."
            : "\(danger): make it its owner's alone (chmod 600), and start a new kernel."
    }

    /// Where ZeroMQ listens, as it writes it.
    public func endpoint(of channel: Channel) -> String {
        let port = ports[channel] ?? 0
        return transport == "ipc" ? "ipc://\(address)-\(port)" : "tcp://\(address):\(port)"
    }

    private enum Field: Decodable {
        case text(String)
        case number(Int)
        case other

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                self = .text(text)
            } else if let number = try? value.decode(Int.self) {
                self = .number(number)
            } else {
                self = .other
            }
        }
    }
}

/// What is wrong with a connection file, and the way out.
public struct ConnectionFileError: Error, CustomStringConvertible {
    public let description: String
}
