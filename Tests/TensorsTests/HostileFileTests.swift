import CKernels
import Display
import Testing

@testable import Tensors

/// Valid files with some bytes changed, thousands of times each kind: what comes back is a tensor or an error, never a
/// crash, and never more memory than the file has bytes to fill.
@Suite struct HostileFileTests {
    private static let tensors: [(name: String, value: Tensor)] = [
        ("weight", Tensor.normal([3, 4], seed: 1)), ("labels", Tensor([1, 2, 3] as [Int32])),
        ("mask", Tensor([true, false])), ("half", Tensor.normal([5], seed: 2).converted(to: .bfloat16)),
        ("double", Tensor([1.5, 2.5] as [Double])), ("nothing", Tensor.zeros([0, 3])), ("scalar", Tensor(2)),
    ]

    /// A few random changes: a bit, a byte, a cut, an insertion, a repetition, another number in the header, large bytes.
    private func damaged(_ bytes: [UInt8], _ generator: inout RandomGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...generator.below(3) {
            guard !bytes.isEmpty else { break }
            let place = generator.below(bytes.count)
            switch generator.below(8) {
            case 0: bytes[place] ^= 1 << UInt8(generator.below(8))
            case 1: bytes[place] = UInt8(generator.below(256))
            case 2: bytes.removeSubrange(place..<min(place + 1 + generator.below(16), bytes.count))
            case 3: bytes.insert(UInt8(generator.below(256)), at: place)
            case 4: bytes.insert(contentsOf: Array(bytes[place..<min(place + 20, bytes.count)]), at: place)
            case 5: bytes.removeLast(generator.below(bytes.count))
            case 6:
                let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
                guard !digits.isEmpty else { continue }
                let digit = digits[generator.below(digits.count)]
                let number = generator.next() >> UInt64(generator.below(64))
                bytes.replaceSubrange(digit...digit, with: Array("\(number)".utf8))
            default:
                for i in place..<min(place + 1 << generator.below(4), bytes.count) { bytes[i] = 255 }
            }
        }
        return bytes
    }

    private func attack(_ file: [UInt8], seed: Int, _ read: ([UInt8]) throws -> [Tensor]) {
        var generator = RandomGenerator(seed: seed)
        let before = kernels_bytes_in_use()
        var (refused, most) = (0, 0.0)
        for _ in 0..<5000 {
            let bytes = damaged(file, &generator)
            do {
                let found = try read(bytes)
                let size = found.reduce(0) { $0 + $1.elementCount * $1.dtype.byteCount }
                most = max(most, Double(size) / Double(max(bytes.count, 1)))
            } catch is FileError {
                refused += 1
            } catch {
                Issue.record("\(error) is no FileError")
            }
        }
        #expect(refused > 500 && refused < 5000, "\(refused) refused")
        // A byte of the file (int8) becomes an int32 at most.
        #expect(most <= 4, "\(most) bytes for each of the file")
        #expect(kernels_bytes_in_use() <= before + 4096)
    }

    @Test func damagedSafetensorsAreRefusedOrRead() {
        let file = Safetensors(Self.tensors, metadata: ["epoch": "3"])
        attack(file.bytes, seed: 1) { try Safetensors(bytes: $0).tensors.map(\.value) }
    }

    @Test func damagedNumPyFilesAreRefusedOrRead() {
        for (index, tensor) in Self.tensors.prefix(3).enumerated() {
            attack(tensor.value.npyBytes, seed: 2 + index) { [try Tensor(npyBytes: $0)] }
        }
    }

    @Test func damagedArchivesAreRefusedOrRead() {
        attack(NumPyArchive(Self.tensors).bytes, seed: 5) { try NumPyArchive(bytes: $0).tensors.map(\.value) }
    }

    /// Turned round for Fortran's order, this shape has more elements than can be counted before it comes to the 0.
    @Test func emptyArraysOfAnySizeAreHarmless() throws {
        func file(_ shape: String) -> [UInt8] {
            let header = "{'descr': '<f4', 'fortran_order': True, 'shape': \(shape), }"
            return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
        }
        #expect(throws: FileError.self) { try Tensor(npyBytes: file("(0, 4611686018427387904, 4611686018427387904)")) }
        #expect(try Tensor(npyBytes: file("(0, 5)")).shape == [0, 5])
    }

    @Test func twoTensorsInTheSameBytesAreRefused() {
        let entry = #"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#
        let header = Array("{\"a\":\(entry),\"b\":\(entry)}".utf8)
        let bytes = [UInt8(header.count)] + [UInt8](repeating: 0, count: 7) + header + [UInt8](repeating: 0, count: 8)
        let error = #expect(throws: FileError.self) { try Safetensors(bytes: bytes) }
        #expect(error?.description.contains("a and b lie in the same bytes") == true)
    }
}
