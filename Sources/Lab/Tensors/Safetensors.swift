public import Display
internal import FoundationEssentials

/// Files of named tensors in the safetensors format, which Python's `safetensors` reads and writes too.
///
/// Eight bytes with the header's length, the header as JSON (element type, shape and position of each tensor, and a map
/// of strings called `__metadata__`), then the elements, little-endian in row-major order.
public struct Safetensors: Sendable {
    /// In the order of their names' positions in the file.
    public var tensors: [(name: String, value: Tensor)]
    public var metadata: [String: String]

    public init(_ tensors: [(name: String, value: Tensor)], metadata: [String: String] = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// `nil` where there is none of that name.
    public subscript(name: String) -> Tensor? { tensors.first { $0.name == name }?.value }

    /// What the format calls our types. 64-bit and 16-bit whole numbers and half floats of others are converted.
    private static let names: [DType: String] = [
        .float32: "F32", .float64: "F64", .int32: "I32", .uint8: "U8", .bool: "BOOL", .bfloat16: "BF16",
    ]

    // MARK: - Writing

    /// The file's bytes.
    public var bytes: [UInt8] {
        var result: [UInt8] = []
        inPieces { result += $0 }
        return result
    }

    /// Hands over the file's bytes from its beginning to its end, the elements from where they lie: joined in memory first,
    /// those of a snapshot of LeNet would touch 3.4 MB of fresh pages, which takes 2 ms.
    package func inPieces<Failure: Error>(_ take: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        var entries: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            entries.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for (name, value) in tensors {
            let end = offset + value.elementCount * value.dtype.byteCount
            let sizes = value.shape.sizes.map(String.init).joined(separator: ",")
            entries.append(
                "\(quoted(name)):{\"dtype\":\"\(Self.names[value.dtype]!)\",\"shape\":[\(sizes)],\"data_offsets\":[\(offset),\(end)]}"
            )
            offset = end
        }
        var header = Array("{\(entries.joined(separator: ","))}".utf8)
        // The elements begin at a multiple of 8.
        header += [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
        let head = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 + header.count, alignment: 8)
        defer { head.deallocate() }
        head.storeBytes(of: UInt64(header.count).littleEndian, as: UInt64.self)
        head[8...].copyBytes(from: header)
        try take(UnsafeRawBufferPointer(head))
        for (_, value) in tensors {
            let contents = value.readable
            try take(
                UnsafeRawBufferPointer(start: contents.address, count: value.elementCount * value.dtype.byteCount))
        }
    }

    /// Writes the file: first beside it, then in its place, so that no half-written one is left.
    public func write(to path: String) throws(FileError) {
        let file = try NewFile(path)
        try inPieces(file.write)
        try file.reachDisk()
        try file.takePlace()
        file.recordPlace()
    }

    private func quoted(_ string: String) -> String {
        let bytes = (try? JSONEncoder().encode(string)) ?? Data("\"\"".utf8)
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: - Reading

    /// Reads a file.
    public init(path: String) throws(FileError) {
        let data: Data
        guard fileExists(path) else { throw FileError(path, "cannot be read: there is no such file") }
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: homeExpanded(path)), options: .mappedIfSafe)
        } catch {
            throw FileError(path, "cannot be read: \(error)")
        }
        try self.init(data, name: path)
    }

    /// Reads a file's bytes. `name` stands for the file in messages.
    public init(bytes: [UInt8], name: String = "the bytes") throws(FileError) {
        try self.init(Data(bytes), name: name)
    }

    private init(_ data: Data, name: String) throws(FileError) {
        func broken(_ what: String) -> FileError { FileError(name, what) }
        guard data.count >= 8 else { throw broken("is cut short (\(data.count) bytes)") }
        let length = data.prefix(8).enumerated().reduce(UInt64(0)) {
            $0 | UInt64($1.element) << (8 * UInt64($1.offset))
        }
        // The limit of the reference implementation.
        guard length <= 100_000_000 else {
            throw broken("is no safetensors file: its header would have \(length) bytes")
        }
        guard length <= UInt64(data.count - 8) else {
            throw broken("is cut short: its header has \(length) bytes, the file \(data.count)")
        }
        let start = 8 + Int(length)
        let header: [String: Entry]
        do {
            header = try JSONDecoder().decode(
                [String: Entry].self, from: data[data.startIndex + 8..<data.startIndex + start])
        } catch {
            throw broken("has a header that is not understood")
        }
        var found: [(bytes: Range<Int>, name: String, dtype: String, sizes: [Int])] = []
        metadata = [:]
        for (key, entry) in header {
            switch entry {
            case .metadata(let strings): metadata = strings
            case .tensor(let dtype, let sizes, let offsets):
                // Everything is checked before anything is allocated.
                guard let count = Shape.elementCount(sizes), count <= data.count else {
                    throw broken("gives \(key) an impossible shape \(sizes)")
                }
                guard let width = Self.widths[dtype] else {
                    throw broken("has \(key) in the type \(dtype), which is not supported")
                }
                guard offsets.count == 2, offsets[0] >= 0, offsets[1] >= offsets[0], offsets[1] <= data.count - start
                else {
                    throw broken(
                        "is cut short or damaged: \(key) lies at \(offsets), the elements take \(data.count - start) bytes"
                    )
                }
                guard offsets[1] - offsets[0] == count * width else {
                    throw broken(
                        "gives \(key) \(offsets[1] - offsets[0]) bytes, but \(dtype) \(sizes) takes \(count * width)")
                }
                found.append((offsets[0]..<offsets[1], key, dtype, sizes))
            }
        }
        found.sort {
            ($0.bytes.lowerBound, $0.bytes.upperBound, $0.name) < ($1.bytes.lowerBound, $1.bytes.upperBound, $1.name)
        }
        // A small file must not fill the memory with copies of one part.
        for (first, second) in zip(found, found.dropFirst()) where first.bytes.upperBound > second.bytes.lowerBound {
            throw broken("is damaged: \(first.name) and \(second.name) lie in the same bytes")
        }
        tensors = found.map { entry in
            let part = data[(data.startIndex + start + entry.bytes.lowerBound)...].prefix(entry.bytes.count)
            return (entry.name, Self.tensor(part, entry.dtype, Shape(entry.sizes)))
        }
    }

    private static let widths = [
        "F32": 4, "F64": 8, "I32": 4, "U8": 1, "BOOL": 1, "BF16": 2, "F16": 2, "I64": 8, "I16": 2, "I8": 1,
    ]

    private static func tensor(_ part: Data, _ dtype: String, _ shape: Shape) -> Tensor {
        if let own = names.first(where: { $0.value == dtype })?.key {
            let result = Tensor(uninitialized: shape, own)
            part.withUnsafeBytes { source in
                if let base = source.baseAddress {
                    result.buffer.address.copyMemory(from: base, byteCount: source.count)
                }
            }
            return result
        }
        func converted<Number>(_ type: Number.Type, _ value: (Number) -> Double) -> [Double] {
            part.withUnsafeBytes { source in
                (0..<shape.elementCount).map {
                    value(source.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: type))
                }
            }
        }
        switch dtype {
        case "I64": return Tensor(converted(Int64.self) { Double($0) }, shape: shape).converted(to: .int32)
        case "I16": return Tensor(converted(Int16.self) { Double($0) }, shape: shape).converted(to: .int32)
        case "I8": return Tensor(converted(Int8.self) { Double($0) }, shape: shape).converted(to: .int32)
        default: return Tensor(converted(UInt16.self, halfPrecision), shape: shape).converted(to: .float32)
        }
    }

    private enum Entry: Decodable {
        case metadata([String: String])
        case tensor(dtype: String, shape: [Int], offsets: [Int])

        private enum Keys: String, CodingKey {
            case dtype, shape
            case offsets = "data_offsets"
        }

        init(from decoder: any Decoder) throws {
            if decoder.codingPath.last?.stringValue == "__metadata__" {
                self = .metadata(try decoder.singleValueContainer().decode([String: String].self))
            } else {
                let container = try decoder.container(keyedBy: Keys.self)
                self = .tensor(
                    dtype: try container.decode(String.self, forKey: .dtype),
                    shape: try container.decode([Int].self, forKey: .shape),
                    offsets: try container.decode([Int].self, forKey: .offsets))
            }
        }
    }
}
