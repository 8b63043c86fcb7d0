/// Pixels as numbers of the colours that they have, and how often each colour is there.
struct IndexedPixels {
    /// By how much a rare colour may be off: in the pixels at the edges of letters and lines, which only these are, nobody
    /// sees a tenth of the way from black to white. (3 of it are for the last two bits.)
    static let tolerance: Int32 = 24

    private var numbers: [UInt16]
    private var colors: [UInt32] = []
    private var counts: [Int] = []

    /// `nil` where there are more than 4,096 colours: a photograph.
    ///
    /// - Parameter isExact: Otherwise colours that differ in their last two bits only count as one, the first that comes:
    ///   where many curves cross, their edges mix to tens of thousands.
    init?(_ data: UnsafeRawPointer, width: Int, height: Int, stride: Int, isExact: Bool) {
        let mask: UInt32 = isExact ? 0xFF_FFFF : 0xFC_FCFC
        let mostColors = isExact ? 4_096 : 8_192
        let places = 32_768
        // A hash table with open addressing; 0xFFFF_FFFF marks a free place, since colours have 24 bits.
        let free = UInt32.max
        var keys = [UInt32](repeating: free, count: places)
        var values = [UInt16](repeating: 0, count: places)
        var colors: [UInt32] = []
        var counts: [Int] = []
        var overflowed = false
        numbers = [UInt16](unsafeUninitializedCapacity: width * height) { numbers, count in
            keys.withUnsafeMutableBufferPointer { keys in
                values.withUnsafeMutableBufferPointer { values in
                    var out = 0
                    for y in 0..<height {
                        let row = (data + y * stride).assumingMemoryBound(to: UInt32.self)
                        var x = 0
                        while x < width {
                            let color = row[x] & mask
                            var place = Int((color &* 0x9E37_79B1) >> 17)
                            while keys[place] != color {
                                if keys[place] == free {
                                    if colors.count == mostColors {
                                        overflowed = true
                                        return
                                    }
                                    keys[place] = color
                                    values[place] = UInt16(colors.count)
                                    colors.append(row[x] & 0xFF_FFFF)
                                    counts.append(0)
                                    break
                                }
                                place = (place + 1) & (places - 1)
                            }
                            // Plots are made of runs of one colour.
                            let number = values[place]
                            let start = x
                            repeat {
                                numbers[out] = number
                                out += 1
                                x += 1
                            } while x < width && row[x] & mask == color
                            counts[Int(number)] += x - start
                        }
                    }
                    count = out
                }
            }
        }
        guard !overflowed else { return nil }
        self.colors = colors
        self.counts = counts
    }

    /// Each pixel's number in a palette of at most 256 colours; `nil` where so few colours would not do.
    func numbers(keepsEveryShade: Bool) -> (numbers: [UInt8], palette: [UInt32])? {
        guard let (places, palette) = palette(keepsEveryShade: keepsEveryShade) else { return nil }
        let result = [UInt8](unsafeUninitializedCapacity: numbers.count) { result, count in
            numbers.withUnsafeBufferPointer { numbers in
                places.withUnsafeBufferPointer { places in
                    for index in numbers.indices { result[index] = places[Int(numbers[index])] }
                }
            }
            count = numbers.count
        }
        return (result, palette)
    }

    /// For each colour its place in the palette.
    ///
    /// Where there are more than 256 colours, the 64 most frequent are in it as they are, then one after the other the
    /// colour that is farthest from all in it (Gonzalez, 1985), until there are 256; the others take the nearest. `nil`
    /// where one would be more than `IndexedPixels.tolerance` of 255 off.
    private func palette(keepsEveryShade: Bool) -> (places: [UInt8], palette: [UInt32])? {
        if colors.count <= 256 { return (colors.indices.map { UInt8($0) }, colors) }
        guard !keepsEveryShade else { return nil }
        // Of equally frequent ones the first seen: the same picture always has the same bytes.
        let order = colors.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }
        var palette: [UInt32] = []
        var places = [UInt8](repeating: 0, count: colors.count)
        var distances = [Int32](repeating: .max, count: colors.count)
        while palette.count < 256 {
            var next = palette.count < 64 ? order[palette.count] : 0
            if palette.count >= 64 {
                for number in distances.indices where distances[number] > distances[next] { next = number }
            }
            let chosen = colors[next]
            let place = UInt8(palette.count)
            palette.append(chosen)
            for number in colors.indices {
                let color = colors[number]
                func difference(_ shift: UInt32) -> Int32 {
                    abs(Int32(color >> shift & 255) - Int32(chosen >> shift & 255))
                }
                let distance = max(difference(0), difference(8), difference(16))
                if distance < distances[number] {
                    distances[number] = distance
                    places[number] = place
                }
            }
        }
        return distances.contains { $0 > IndexedPixels.tolerance - 3 } ? nil : (places, palette)
    }
}
