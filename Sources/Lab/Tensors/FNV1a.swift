/// A number for any bytes, the same in every process and on every machine, which Swift's own hashes are not: FNV-1a with 64
/// bits (Fowler, Noll and Vo). Tells apart what nobody forges.
package struct FNV1a {
    package private(set) var value: UInt64

    package init(from start: UInt64 = 0xCBF2_9CE4_8422_2325) { value = start }

    package mutating func mix(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }

    /// The bytes of a number, the lowest first.
    package mutating func mix(_ number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { mix(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
    }

    /// The bytes of a text in UTF-8.
    package mutating func mix(_ text: String) { for byte in text.utf8 { mix(byte) } }
}
