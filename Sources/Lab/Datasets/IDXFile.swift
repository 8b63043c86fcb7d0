import Pictures

/// A file in the format of MNIST: two bytes of nought, the type of the elements, the number of axes, their sizes as
/// 32-bit big-endian numbers, and then the elements (described on Yann LeCun's page of the MNIST database).
///
/// It may be packed with gzip. Only bytes (type 8), which images and labels are made of, are read.
struct IDXFile {
    let path: String
    /// The sizes of the axes: `[count, height, width]` of images, `[count]` of labels.
    let sizes: [Int]
    let elements: [UInt8]

    init(_ path: String) throws {
        self.path = path
        let file = try Unpacked(path)
        let bytes = file.bytes
        guard bytes.count >= 4 else { throw FileError(path, "cut short (\(bytes.count) of at least 8 bytes)") }
        guard bytes[0] == 0, bytes[1] == 0, bytes[3] >= 1, bytes[3] <= 4 else {
            let magic = bytes[0..<4].map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }
            throw FileError(
                path, "is not an IDX file (it starts with \(magic.joined(separator: " ")), not with 00 00 08)")
        }
        guard bytes[2] == 8 else {
            throw FileError(path, "holds elements of IDX type \(bytes[2]); only bytes (type 8) can be read")
        }
        let axes = Int(bytes[3])
        let headerLength = 4 + 4 * axes
        guard bytes.count >= headerLength else {
            throw FileError(path, "cut short (\(bytes.count) of at least \(headerLength) bytes)")
        }
        sizes = (0..<axes).map { axis in bytes[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) } }
        var expected = 1
        for size in sizes {
            let (product, overflow) = expected.multipliedReportingOverflow(by: size)
            guard !overflow else { throw FileError(path, "says it has \(sizes) elements, which no file can hold") }
            expected = product
        }
        guard bytes.count >= headerLength + expected, !file.isCutShort else {
            throw FileError(
                path, "cut short (\(bytes.count.grouped) of \((headerLength + expected).grouped) bytes)")
        }
        guard bytes.count == headerLength + expected else {
            throw FileError(
                path, "has \(bytes.count.grouped) bytes where its header asks for \((headerLength + expected).grouped)")
        }
        elements = Array(bytes[headerLength...])
    }
}
