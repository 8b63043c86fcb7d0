/// Random numbers that depend on a seed and a position alone: Philox 4x32-10 (Salmon et al., "Parallel random numbers:
/// as easy as 1, 2, 3", SC11).
///
///     var generator = RandomGenerator(seed: 7)
///     generator.shuffled([1, 2, 3, 4])                  // the same for every run and machine
///     generator.split("conv1.weight")                   // an independent stream, whatever was drawn before
///
/// A value: a copy draws the same numbers again.
public struct RandomGenerator: RandomNumberGenerator, Sendable, Hashable, Codable {
    /// What tells streams apart.
    public let key: UInt64
    /// How many blocks of four 32-bit words were drawn, and how many words of the last one are left.
    private var block: UInt64 = 0
    private var unused = SIMD4<UInt32>()
    private var unusedCount = 0

    public init(seed: UInt64) { key = seed }
    public init(seed: Int) { key = UInt64(bitPattern: Int64(seed)) }

    /// An independent stream for every number. What was drawn from this generator before does not matter.
    public func split(_ number: UInt64) -> RandomGenerator {
        let words = Self.philox(
            key: key, counter: SIMD4(UInt32(truncatingIfNeeded: number), UInt32(number >> 32), 1, 0))
        return RandomGenerator(seed: UInt64(words[0]) | UInt64(words[1]) << 32)
    }

    /// An independent stream for every name.
    public func split(_ name: String) -> RandomGenerator {
        var hash = FNV1a()
        hash.mix(name)
        return split(hash.value)
    }

    /// How many 32-bit words were drawn; to set it is to draw up to there, or to draw again.
    var position: UInt64 {
        get { 4 &* block &- UInt64(unusedCount) }
        set {
            (block, unusedCount) = (newValue / 4, 0)
            for _ in 0..<newValue % 4 { _ = uint32() }
        }
    }

    /// 32 random bits.
    public mutating func uint32() -> UInt32 {
        if unusedCount == 0 {
            unused = Self.philox(key: key, counter: SIMD4(UInt32(truncatingIfNeeded: block), UInt32(block >> 32), 0, 0))
            block &+= 1
            unusedCount = 4
        }
        unusedCount -= 1
        return unused[3 - unusedCount]
    }

    /// 64 random bits.
    public mutating func next() -> UInt64 { UInt64(uint32()) | UInt64(uint32()) << 32 }

    /// Uniform in 0 ..< 1, with 53 random bits.
    public mutating func double() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in 0 ..< 1, with 24 random bits.
    public mutating func float() -> Float { Float(uint32() >> 8) * 0x1p-24 }

    /// Uniform in 0 ..< `bound`, without bias (Lemire, "Fast random integer generation in an interval", 2019).
    public mutating func below(_ bound: Int) -> Int {
        guard bound > 0 else { fatalError("RandomGenerator.below: there is no number below \(bound)") }
        let bound = UInt64(bound)
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }

    /// 0 ..< `count` in random order (Fisher–Yates, of our own so that the order outlives the standard library's).
    public mutating func permutation(_ count: Int) -> [Int] { shuffled(Array(0..<count)) }

    /// The elements in random order.
    public mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var result = elements
        for index in stride(from: result.count - 1, to: 0, by: -1) { result.swapAt(index, below(index + 1)) }
        return result
    }

    /// Ten rounds of Philox on one counter.
    static func philox(key: UInt64, counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
        var x = counter
        var k0 = UInt32(truncatingIfNeeded: key)
        var k1 = UInt32(key >> 32)
        for _ in 0..<10 {
            let a = UInt64(0xD251_1F53) &* UInt64(x[0])
            let b = UInt64(0xCD9E_8D57) &* UInt64(x[2])
            x = SIMD4(
                UInt32(b >> 32) ^ x[1] ^ k0, UInt32(truncatingIfNeeded: b),
                UInt32(a >> 32) ^ x[3] ^ k1, UInt32(truncatingIfNeeded: a))
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return x
    }
}
