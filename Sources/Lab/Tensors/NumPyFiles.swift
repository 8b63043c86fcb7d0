internal import CZlib
public import Display

/// Tensors as NumPy's `save` writes them: `.npy`.
///
/// Six bytes `\x93NUMPY`, a version, the header's length, the header as a Python dictionary (element type, order and
/// shape), then the elements.
extension Tensor {
    /// Reads a `.npy` file. Whole numbers of other sizes than ours become `int32`, half floats `float32`.
    public init(npy path: String) throws { try self.init(npyBytes: readFile(path), name: path) }

    /// Reads the bytes of a `.npy` file. `name` stands for the file in messages.
    public init(npyBytes bytes: [UInt8], name: String = "the bytes") throws(FileError) {
        guard bytes.count >= 12, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
            throw FileError(name, "is no .npy file")
        }
        let isLong = bytes[6] >= 2
        let start = isLong ? 12 : 10
        let length = number(bytes, 8, isLong ? 4 : 2)
        guard length <= bytes.count - start else {
            throw FileError(name, "is cut short: its header has \(length) bytes, the file \(bytes.count)")
        }
        let header = String(decoding: bytes[start..<start + length], as: UTF8.self)
        guard let type = value(of: "descr", in: header)?.filter({ $0 != "'" && $0 != "\"" }), type.count == 3,
            let order = value(of: "fortran_order", in: header), let tuple = value(of: "shape", in: header)
        else { throw FileError(name, "has a header that is not understood") }
        let texts = tuple.filter { $0 != "(" && $0 != ")" && $0 != " " }.split(separator: ",")
        let sizes = texts.compactMap { Int($0) }
        guard let count = Shape.elementCount(sizes), count <= bytes.count else {
            throw FileError(name, "gives an impossible shape \(tuple)")
        }
        guard sizes.count == texts.count else { throw FileError(name, "has a header that is not understood") }
        guard let width = Int(String(type.last!)), width > 0 else {
            throw FileError(name, "has elements of the type \(type), which is not supported")
        }
        guard bytes.count - start - length == count * width else {
            throw FileError(
                name, "is damaged: \(type) \(sizes) takes \(count * width) bytes, not \(bytes.count - start - length)")
        }
        let isFortran = order == "True"
        let shape = Shape(isFortran ? sizes.reversed() : sizes)
        guard let elements = Tensor(numPy: bytes, from: start + length, type: type, shape: shape) else {
            throw FileError(name, "has elements of the type \(type), which is not supported")
        }
        self = isFortran ? elements.transposed() : elements
    }

    /// `nil` for a type that is not supported.
    private init?(numPy bytes: [UInt8], from start: Int, type: String, shape: Shape) {
        let isSwapped = type.first == ">"
        func each<Scalar: FixedWidthInteger, Result>(_ type: Scalar.Type, _ convert: (Scalar) -> Result) -> [Result] {
            bytes.withUnsafeBytes { source in
                (0..<shape.elementCount).map { index in
                    let bits = source.loadUnaligned(
                        fromByteOffset: start + index * MemoryLayout<Scalar>.size, as: Scalar.self)
                    return convert(isSwapped ? bits.byteSwapped : bits)
                }
            }
        }
        switch type.dropFirst() {
        case "f4": self.init(each(UInt32.self) { Float(bitPattern: $0) }, shape: shape)
        case "f8": self.init(each(UInt64.self) { Double(bitPattern: $0) }, shape: shape)
        case "f2": self.init(each(UInt16.self) { Float(halfPrecision($0)) }, shape: shape)
        case "i4": self.init(each(Int32.self) { $0 }, shape: shape)
        case "i8": self.init(each(Int64.self) { Int32(clamping: $0) }, shape: shape)
        case "i2": self.init(each(Int16.self) { Int32($0) }, shape: shape)
        case "i1": self.init(each(Int8.self) { Int32($0) }, shape: shape)
        case "u2": self.init(each(UInt16.self) { Int32($0) }, shape: shape)
        case "u4": self.init(each(UInt32.self) { Int32(clamping: $0) }, shape: shape)
        case "u8": self.init(each(UInt64.self) { Int32(clamping: $0) }, shape: shape)
        case "u1": self.init(bytes: each(UInt8.self) { $0 }, shape: shape)
        case "b1": self.init(each(UInt8.self) { $0 != 0 }, shape: shape)
        default: return nil
        }
    }

    /// The bytes of a `.npy` file. `bfloat16`, which NumPy does not know, is written as `float32`.
    public var npyBytes: [UInt8] {
        let tensor = dtype == .bfloat16 ? converted(to: .float32) : self
        let type =
            switch tensor.dtype {
            case .float32, .bfloat16: "<f4"
            case .float64: "<f8"
            case .int32: "<i4"
            case .uint8: "|u1"
            case .bool: "|b1"
            }
        let sizes = shape.map { "\($0)," }.joined(separator: " ")
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }"
        // The elements begin at a multiple of 64, and the header ends with a new line.
        header += String(repeating: " ", count: (64 - (11 + header.utf8.count) % 64) % 64) + "\n"
        var result: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
        result += fields([(header.utf8.count, 2)]) + Array(header.utf8)
        let contents = tensor.readable
        result += UnsafeRawBufferPointer(start: contents.address, count: elementCount * tensor.dtype.byteCount)
        return result
    }

    /// Writes a `.npy` file.
    public func writeNPY(to path: String) throws { try writeFile(npyBytes, to: path) }
}

/// Several named tensors as NumPy's `savez` writes them: `.npz`, a zip file of `.npy` files.
///
///     let file = try NumPyArchive(path: "weights.npz")
///     file["conv1"]
public struct NumPyArchive: Sendable {
    /// In the order of the file.
    public var tensors: [(name: String, value: Tensor)]

    public init(_ tensors: [(name: String, value: Tensor)]) { self.tensors = tensors }

    /// `nil` where there is none of that name.
    public subscript(name: String) -> Tensor? { tensors.first { $0.name == name }?.value }

    /// Reads a file.
    public init(path: String) throws { try self.init(bytes: readFile(path), name: path) }

    /// Reads a file's bytes. `name` stands for the file in messages.
    public init(bytes: [UInt8], name: String = "the bytes") throws(FileError) {
        let damaged = FileError(name, "is damaged or no .npz file")
        // The directory is found from the end, where a comment of up to 64 KB may follow.
        let ends = stride(from: bytes.count - 22, through: max(0, bytes.count - 65_557), by: -1)
        guard bytes.count >= 22, let end = ends.first(where: { number(bytes, $0, 4) == 0x0605_4B50 }) else {
            throw damaged
        }
        var entry = number(bytes, end + 16, 4)
        tensors = []
        for _ in 0..<number(bytes, end + 10, 2) {
            guard entry + 46 <= bytes.count, number(bytes, entry, 4) == 0x0201_4B50 else { throw damaged }
            let method = number(bytes, entry + 10, 2)
            let (packed, size) = (number(bytes, entry + 20, 4), number(bytes, entry + 24, 4))
            let (nameLength, local) = (number(bytes, entry + 28, 2), number(bytes, entry + 42, 4))
            guard entry + 46 + nameLength <= bytes.count, local + 30 <= bytes.count,
                number(bytes, local, 4) == 0x0403_4B50
            else { throw damaged }
            let member = String(decoding: bytes[entry + 46..<entry + 46 + nameLength], as: UTF8.self)
            let start = local + 30 + number(bytes, local + 26, 2) + number(bytes, local + 28, 2)
            // Deflate cannot pack more than 1,032 to 1, so a larger size is a lie and nothing is allocated for it.
            guard start + packed <= bytes.count, size <= 1032 * packed + 64, method == 8 || size == packed else {
                throw damaged
            }
            let part = Array(bytes[start..<start + packed])
            guard method == 0 || method == 8 else {
                throw FileError(name, "has \(member) packed in a way that is not supported (\(method))")
            }
            guard let unpacked = method == 0 ? part : inflated(part, size) else { throw damaged }
            let key = member.hasSuffix(".npy") ? String(member.dropLast(4)) : member
            tensors.append((key, try Tensor(npyBytes: unpacked, name: "\(name), \(member)")))
            entry += 46 + nameLength + number(bytes, entry + 30, 2) + number(bytes, entry + 32, 2)
        }
    }

    /// The file's bytes, not packed.
    public var bytes: [UInt8] {
        var (files, directory): ([UInt8], [UInt8]) = ([], [])
        for (name, value) in tensors {
            let contents = value.npyBytes
            let member = Array("\(name).npy".utf8)
            let sum = contents.withUnsafeBufferPointer { Int(crc32(0, $0.baseAddress, UInt32($0.count))) }
            // Version 2.0, names in UTF-8, stored, the first day that zip files know.
            let common = fields([
                (20, 2), (0x800, 2), (0, 4), (0x21, 2), (sum, 4), (contents.count, 4), (contents.count, 4),
                (member.count, 2), (0, 2),
            ])
            directory += fields([(0x0201_4B50, 4), (20, 2)]) + common
            directory += fields([(0, 4), (0, 4), (0, 2), (files.count, 4)]) + member
            files += fields([(0x0403_4B50, 4)]) + common
            files += member + contents
        }
        let end = fields([
            (0x0605_4B50, 4), (0, 4), (tensors.count, 2), (tensors.count, 2), (directory.count, 4), (files.count, 4),
            (0, 2),
        ])
        return files + directory + end
    }

    /// Writes the file.
    public func write(to path: String) throws { try writeFile(bytes, to: path) }
}

/// `count` bytes as a number, the lowest first.
private func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> Int {
    (0..<count).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
}

/// Numbers one after the other in so many bytes each, the lowest first.
private func fields(_ fields: [(value: Int, count: Int)]) -> [UInt8] {
    fields.flatMap { field in (0..<field.count).map { UInt8(truncatingIfNeeded: field.value >> (8 * $0)) } }
}

/// The text behind a key of a Python dictionary, up to the comma that ends it.
private func value(of key: String, in header: String) -> String? {
    guard let place = header.firstRange(of: "'\(key)':") else { return nil }
    var depth = 0
    let text = header[place.upperBound...].prefix { character in
        if character == "(" { depth += 1 }
        if character == ")" { depth -= 1 }
        return !(character == "," && depth == 0) && character != "}"
    }
    return text.filter { $0 != " " }
}

/// `nil` where the bytes are not a deflate stream of that many.
private func inflated(_ bytes: [UInt8], _ size: Int) -> [UInt8]? {
    var stream = z_stream()
    guard inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
        return nil
    }
    defer { inflateEnd(&stream) }
    var source = bytes
    var result = [UInt8](repeating: 0, count: max(size, 1))
    let status = source.withUnsafeMutableBufferPointer { input in
        result.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            return inflate(&stream, Z_FINISH)
        }
    }
    guard status == Z_STREAM_END, Int(stream.total_out) == size else { return nil }
    return Array(result.prefix(size))
}
