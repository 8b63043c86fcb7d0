internal import Display

extension MimeBundle {
    /// `{"data": …, "metadata": …}` with more members beside those two.
    ///
    /// Written by hand because of large pictures, for which `JSONEncoder` alone would take 25 to 30 ms.
    func serialized(alongside more: [String: JSON] = [:]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(contents.values.reduce(1024) { $0 + $1.approximateSize })
        text += "{\"data\":{".utf8
        for (index, (type, content)) in contents.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text.append(json: type)
            text.append(UInt8(ascii: ":"))
            switch content {
            case .text(let string): text.append(json: string)
            case .json(let value): text += JSONText.encode(value)
            case .bytes(let bytes):
                text.append(UInt8(ascii: "\""))
                text.append(base64: bytes)
                text.append(UInt8(ascii: "\""))
            }
        }
        text += "},\"metadata\":".utf8
        text += JSONText.encode(metadata)
        for (name, value) in more {
            text += ",\"\(name)\":".utf8
            text += JSONText.encode(value)
        }
        text.append(UInt8(ascii: "}"))
        return text
    }

    /// The contents as JSON values, for messages that carry no large pictures.
    var jsonContents: [String: JSON] {
        contents.mapValues { content in
            switch content {
            case .text(let string): .string(string)
            case .json(let value): value
            case .bytes(let bytes): .string(bytes.base64)
            }
        }
    }
}

extension MimeBundle {
    /// Bytes of JSON, roughly.
    package var approximateSize: Int { contents.values.reduce(0) { $0 + $1.approximateSize } }
}

extension MimeBundle.Content {
    fileprivate var approximateSize: Int {
        switch self {
        case .text(let string): string.utf8.count
        case .bytes(let bytes): bytes.count * 4 / 3 + 8
        case .json: 256
        }
    }
}
