import Testing

@testable import JupyterWire

@Suite struct SignerTests {
    /// Test case 2 of RFC 4231: key "Jefe", data "what do ya want for nothing?".
    @Test func theSignatureIsThatOfTheStandard() {
        let signer = Signer(key: "Jefe")
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        let whole = signer.signature(of: [Array("what do ya want for nothing?".utf8)])
        #expect(String(decoding: whole, as: UTF8.self) == expected)
        let parts = ["what do ya", " want ", "", "for nothing?"].map { Array($0.utf8) }
        #expect(String(decoding: signer.signature(of: parts), as: UTF8.self) == expected)
    }

    @Test func aSignatureFitsItsFramesOnly() {
        let signer = Signer(key: "k")
        let frames = [[UInt8]]([[1], [2], [3], [4]])
        let signature = signer.signature(of: frames)
        #expect(signer.accepts(signature, of: frames))
        #expect(!signer.accepts(signature, of: [[1], [2], [3], [5]]))
        #expect(!signer.accepts(Array(signature.dropLast()), of: frames))
        #expect(!signer.accepts([], of: frames))
        #expect(!Signer(key: "l").accepts(signature, of: frames))
    }

    @Test func withoutAKeyNothingIsSigned() {
        #expect(Signer(key: "").signature(of: [[1]]) == [])
        #expect(Signer(key: "").accepts(Array("anything".utf8), of: [[1]]))
    }
}
