/// The upper half of a `Float`, rounded to the nearest even one: what `bfloat16` stores.
func bfloat16(_ value: Float) -> UInt16 {
    guard !value.isNaN else { return 0x7FC0 }
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
}

/// The number that `bfloat16` stored.
func float(fromBfloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

/// IEEE half precision; Swift's own `Float16` does not exist on every platform.
func halfPrecision(_ bits: UInt16) -> Double {
    let (sign, exponent, fraction) = (bits >> 15 == 0 ? 1.0 : -1.0, Int(bits >> 10 & 31), Double(bits & 1023))
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    if exponent == 0 { return sign * fraction * 0x1p-24 }
    return sign * (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
}
