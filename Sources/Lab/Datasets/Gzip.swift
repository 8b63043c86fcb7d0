internal import CZlib
import Pictures

/// What a file holds, unpacked if it is a gzip file, and whether it ended before its end.
struct Unpacked {
    var bytes: [UInt8]
    /// The gzip stream stops in the middle: `bytes` is what came before.
    var isCutShort = false

    init(_ path: String) throws {
        let packed = try readFile(path)
        guard packed.starts(with: [0x1F, 0x8B]) else {
            bytes = packed
            return
        }
        // A gzip file ends with its unpacked size (RFC 1952). It is a hint: a file that is cut short ends with
        // something else. Deflate cannot make less than 1 byte of 1,032.
        let end = packed.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        var capacity = min(max(end, 1_024), packed.count * 1_032)
        var unpacked = [UInt8](repeating: 0, count: capacity)
        var count = 0
        var stream = z_stream()
        guard inflateInit2_(&stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw FileError(path, "no memory to unpack it")
        }
        defer { inflateEnd(&stream) }
        var status = Z_OK
        var input = 0
        packed.withUnsafeBufferPointer { packed in
            while status == Z_OK || status == Z_BUF_ERROR {
                if count == capacity {
                    capacity *= 2
                    unpacked.append(contentsOf: repeatElement(0, count: capacity - count))
                }
                // In pieces, because zlib counts with 32 bits.
                let piece = min(packed.count - input, 1 << 30)
                let room = min(capacity - count, 1 << 30)
                status = unpacked.withUnsafeMutableBufferPointer { output in
                    stream.next_in = UnsafeMutablePointer(mutating: packed.baseAddress! + input)
                    stream.avail_in = UInt32(piece)
                    stream.next_out = output.baseAddress! + count
                    stream.avail_out = UInt32(room)
                    return inflate(&stream, Z_NO_FLUSH)
                }
                input += piece - Int(stream.avail_in)
                count += room - Int(stream.avail_out)
                let isStuck = piece == Int(stream.avail_in) && room == Int(stream.avail_out)
                if status != Z_STREAM_END && input == packed.count && (isStuck || stream.avail_out > 0) { break }
            }
        }
        guard status == Z_STREAM_END || status == Z_OK || status == Z_BUF_ERROR else {
            throw FileError(path, "is damaged: it cannot be unpacked beyond byte \(input.grouped)")
        }
        unpacked.removeLast(unpacked.count - count)
        bytes = unpacked
        isCutShort = status != Z_STREAM_END
    }
}
