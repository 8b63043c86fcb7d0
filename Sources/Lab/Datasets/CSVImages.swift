import Display
import Pictures
import Tensors

/// Images as lines of text: the pixels, 0 to 255, and the class, with commas between them. A first line of words, which
/// names the columns, is passed over.
struct CSVImages {
    let path: String
    /// One image after the other.
    private(set) var pixels: [UInt8] = []
    private(set) var labels: [Int] = []
    /// The number of pixels of each image.
    private(set) var width = 0

    /// - Throws: `FileError` that names the line which is too short, too long or has something else than 0 to 255.
    init(_ path: String, labelColumn: Dataset.LabelColumn?) throws {
        self.path = path
        let file = try Unpacked(path)
        let bytes = file.bytes
        let comma = UInt8(ascii: ",")
        let newline = UInt8(ascii: "\n")
        let zero = UInt8(ascii: "0")
        var line = 1
        var isLabelFirst = false
        var values: [Int] = []
        var value = -1
        pixels.reserveCapacity(bytes.count / 2)

        func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & 0xDF)
        }
        // What stands between the commas where something is wrong: "nan", "0.5".
        func word(with wrong: UInt8) -> String {
            let lines = bytes.split(separator: newline, omittingEmptySubsequences: false)
            let fields = lines[line - 1].split(separator: comma).filter { $0.contains(wrong) }
            return String(decoding: (fields.first ?? [wrong]).prefix(20), as: UTF8.self)
                .trimmingPrefix { $0 == " " }.filter { $0 != "\r" }
        }
        func finishLine() throws {
            if values.isEmpty { return }
            if width == 0 { width = values.count - 1 }
            guard values.count == width + 1, width > 0 else {
                throw FileError(path, "line \(line) has \(values.count) values instead of \(width + 1)")
            }
            labels.append(isLabelFirst ? values[0] : values[width])
            for pixel in isLabelFirst ? values[1...] : values[..<width] {
                guard pixel <= 255 else {
                    throw FileError(path, "line \(line) has a pixel of \(pixel); 255 is the brightest")
                }
                pixels.append(UInt8(pixel))
            }
            values.removeAll(keepingCapacity: true)
        }
        // Some spreadsheets write a mark of their encoding before everything else, and numbers in quotation marks.
        let text = bytes[(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)...]
        let quote = UInt8(ascii: "\"")
        // A word where the first number should be: the names of the columns.
        var isInHeader = text.first { $0 != quote }.map(isLetter) ?? false
        let firstName = isInHeader ? text.prefix { $0 != comma && $0 != newline }.filter { $0 != quote } : []
        isLabelFirst =
            labelColumn.map { $0 == .first } ?? ["label", "class"].contains { $0.utf8.elementsEqual(firstName) }
        for byte in text {
            if isInHeader {
                if byte == newline {
                    isInHeader = false
                    line += 1
                }
                continue
            }
            switch byte {
            case zero...zero + 9:
                value = max(value, 0) * 10 + Int(byte - zero)
                guard value < 1_000_000 else { throw FileError(path, "line \(line) has a value beyond 255") }
            case comma, newline:
                if value >= 0 {
                    values.append(value)
                } else if byte == comma {
                    throw FileError(path, "line \(line) has an empty value")
                }
                value = -1
                if byte == newline {
                    try finishLine()
                    line += 1
                }
            case UInt8(ascii: " "), UInt8(ascii: "\r"), quote: break
            default:
                throw FileError(
                    path,
                    "line \(line) has “\(word(with: byte))” where only whole numbers from 0 to 255 and commas belong")
            }
        }
        guard !file.isCutShort else {
            throw FileError(path, "cut short (after \(bytes.count.grouped) bytes, in line \(line.grouped))")
        }
        if value >= 0 { values.append(value) }
        try finishLine()
        guard !labels.isEmpty else { throw FileError(path, "holds no images") }
    }

    func dataset(_ name: String, shape: Shape, classNames: [String]?, source: String) throws -> Dataset {
        guard shape.elementCount == width else {
            throw FileError(path, "has \(width) pixels a line, which are no image of shape \(shape)")
        }
        let names = classNames ?? (0...(labels.max() ?? 0)).map(String.init)
        do {
            return try Dataset(name, pixels: pixels, shape: shape, labels: labels, classNames: names, source: source)
        } catch let error as DatasetError {
            throw FileError(path, error.description)
        }
    }
}

extension Dataset {
    /// Which column of a file names the class.
    public enum LabelColumn: Sendable { case first, last }

    /// Images from a file with one a line, pixels from 0 to 255 and a class from 0 with commas between them; `.gz` is
    /// unpacked.
    ///
    /// - Parameters:
    ///   - label: The last column unless given, or the first where the first line calls it `label` or `class`.
    ///   - shape: `[channels, height, width]`, the channels of an image one after the other.
    ///   - classNames: The numbers themselves unless given.
    /// - Throws: `FileError` that names the line where something is wrong.
    public static func csv(
        _ path: String, label: LabelColumn? = nil, shape: Shape, classNames: [String]? = nil, name: String? = nil
    ) throws -> Dataset {
        let images = try CSVImages(path, labelColumn: label)
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return try images.dataset(name ?? file, shape: shape, classNames: classNames, source: "read from \(path)")
    }
}
