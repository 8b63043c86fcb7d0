import Display
import Testing

@testable import Tensors

@Suite struct FileTests {
    @Test func safetensorsComeBackAsTheyWere() throws {
        let file = Safetensors(
            [
                ("b.weight", Tensor([1, -2, 3.5, 4], shape: [2, 2])), ("a", Tensor([7, 8, 9] as [Int32])),
                ("scalar", Tensor(2)),
            ],
            metadata: ["epoch": "3", "note": "say \"hi\""])
        let back = try Safetensors(bytes: file.bytes)
        #expect(back.tensors.map(\.name) == ["b.weight", "a", "scalar"])
        #expect(
            back["b.weight"]?.scalars == [1, -2, 3.5, 4] && back["a"]?.int32s == [7, 8, 9]
                && back["scalar"]?.shape == [])
        #expect(back.metadata == file.metadata)
    }

    @Test(arguments: [
        #"{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
        #"{"a":{"dtype":"Q99","shape":[2],"data_offsets":[0,8]}}"#,
        #"{"a":{"shape":[2]}}"#, "[1", "",
    ])
    func hostileHeadersAreRefused(header: String) {
        let length = [UInt8(header.utf8.count)] + [UInt8](repeating: 0, count: 7)
        let bytes = length + Array(header.utf8) + [UInt8](repeating: 0, count: 8)
        #expect(throws: FileError.self) { try Safetensors(bytes: bytes) }
        #expect(throws: FileError.self) {
            try Safetensors(bytes: [255, 255, 255, 255, 255, 255, 255, 255] + bytes)
        }
    }
}
