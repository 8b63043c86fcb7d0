internal import COpenSSL

/// Signs messages with HMAC-SHA256, the only scheme that clients use.
///
/// The signature covers exactly four frames: header, parent header, metadata and content. Buffers are not signed.
public struct Signer: Sendable {
    private let key: [UInt8]

    /// An empty key means that nothing is signed and everything is accepted.
    public init(key: String) {
        self.key = Array(key.utf8)
    }

    public var isEnabled: Bool { !key.isEmpty }

    /// The signature in lower-case hexadecimal digits; empty without a key.
    public func signature(of frames: [UInt8]...) -> [UInt8] { signature(of: frames) }

    public func signature(of frames: [[UInt8]]) -> [UInt8] {
        guard isEnabled else { return [] }
        let algorithm = EVP_MAC_fetch(nil, "HMAC", nil)
        defer { EVP_MAC_free(algorithm) }
        let context = EVP_MAC_CTX_new(algorithm)
        defer { EVP_MAC_CTX_free(context) }
        var digest = [UInt8](repeating: 0, count: 32)
        var length = 0
        var name = Array("SHA256".utf8CString)
        let signed = name.withUnsafeMutableBufferPointer { name in
            let parameters = [
                OSSL_PARAM_construct_utf8_string("digest", name.baseAddress, 0), OSSL_PARAM_construct_end(),
            ]
            return EVP_MAC_init(context, key, key.count, parameters) == 1
                && frames.allSatisfy { EVP_MAC_update(context, $0, $0.count) == 1 }
                && EVP_MAC_final(context, &digest, &length, digest.count) == 1
        }
        guard signed, length == 32 else { fatalError("libcrypto cannot compute HMAC-SHA256") }
        return digest.flatMap { [Self.digits[Int($0 >> 4)], Self.digits[Int($0 & 15)]] }
    }

    /// Whether `signature` is that of `frames`. Takes the same time for every wrong one of the right length.
    public func accepts(_ signature: [UInt8], of frames: [[UInt8]]) -> Bool {
        let expected = self.signature(of: frames)
        return !isEnabled
            || (expected.count == signature.count && CRYPTO_memcmp(expected, signature, expected.count) == 0)
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
