import Pictures
import Tensors

/// A colour image of 64 × 64 pixels that packs as a photograph does: smooth, with a little noise. Noise alone would make a
/// larger file than any photograph.
func photograph(using generator: inout RandomGenerator) -> Image {
    let (a, b) = (generator.below(200), generator.below(200))
    return Image(
        width: 64, height: 64, channels: 3,
        pixels: (0..<64 * 64).flatMap { place in
            let (x, y) = (place % 64, place / 64)
            return [UInt8((a + x + generator.below(8)) % 256), UInt8((b + y) % 256), UInt8((x * y / 20) % 256)]
        })
}
