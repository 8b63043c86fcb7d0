import Display
import Pictures

extension Dataset {
    /// CIFAR-10: 60,000 photographs of ten kinds of things, 32 × 32 pixels in colour (Krizhevsky, 2009), from the six
    /// files of its binary version. The last 10,000 are the official test images.
    ///
    /// - Parameter folder: Where `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin` lie; `cifar-10` in the data
    ///   folder unless given.
    /// - Throws: `FileError` when a file is missing or cut short.
    public static func cifar10(in folder: String? = nil) throws -> Dataset {
        let folder = folder ?? DataFolder.path + "/cifar-10"
        // A byte with the class, then 1,024 bytes each of red, green and blue.
        let record = 1 + 3 * 32 * 32
        var pixels: [UInt8] = []
        var labels: [Int] = []
        for name in (1...5).map({ "data_batch_\($0).bin" }) + ["test_batch.bin"] {
            let path = "\(folder)/\(name)"
            guard fileExists(path) else {
                throw FileError(
                    path,
                    "is not there; unpack CIFAR-10's binary version (cifar-10-binary.tar.gz) in \(folder), or say where it lies: cifar10(in:)"
                )
            }
            let bytes = try readFile(path)
            guard bytes.count.isMultiple(of: record), !bytes.isEmpty else {
                throw FileError(
                    path, "cut short (\(bytes.count.grouped) bytes are not a multiple of an image's \(record.grouped))")
            }
            for start in stride(from: 0, to: bytes.count, by: record) {
                labels.append(Int(bytes[start]))
                pixels += bytes[start + 1..<start + record]
            }
        }
        let missing = labels.count == 60_000 ? "" : " (\(labels.count.grouped) of the official 60,000)"
        return try Dataset(
            "CIFAR-10", pixels: pixels, shape: [3, 32, 32], labels: labels,
            classNames: ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
            source: "Krizhevsky's photographs, read from \(folder)\(missing)")
    }
}
