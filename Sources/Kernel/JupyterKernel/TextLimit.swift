internal import Display

/// How much is shown of what a cell prints: its beginning, up to `outputLimit` bytes, and its end.
///
/// A browser that shows tens of megabytes of text cannot be used any more, and a loop that prints for an hour would
/// fill the notebook's file.
struct TextLimit {
    /// In bytes, where the user has not chosen one.
    let standard: Int
    private var shown = 0
    private var isAtLineStart = true
    /// What was printed beyond the limit.
    private var omitted: [OutputStream: Omitted] = [:]
    private var hasEnded = false

    private struct Omitted {
        var bytes = 0
        var lines = 0
        /// The last of it, at least `endSize` bytes.
        var end: [UInt8] = []

        mutating func add(_ more: Slice<UnsafeRawBufferPointer>, keepingEnd: Bool) {
            bytes += more.count
            lines += more.newlines
            guard keepingEnd else { return }
            end += more.suffix(TextLimit.endSize)
            let excess = end.count - TextLimit.endSize
            // Not each time: moving the rest to the front costs more than the memory.
            if excess > TextLimit.endSize { end.removeFirst(excess) }
        }

        /// What is shown of it: all, or the last whole lines.
        var shownEnd: [UInt8] {
            let last = end.suffix(TextLimit.endSize)
            guard last.count < bytes, let newline = last.firstIndex(of: UInt8(ascii: "\n")), newline + 1 < last.endIndex
            else { return Array(last) }
            return Array(last[(newline + 1)...])
        }
    }

    /// How much of the end is shown: some hundreds of lines.
    static let endSize = 32 << 10

    /// Takes what is printed next.
    ///
    /// - Returns: how many of the bytes are shown, and whether they are the last.
    mutating func admit(_ bytes: UnsafeRawBufferPointer, on stream: OutputStream) -> (count: Int, isLast: Bool) {
        let room = max(0, limit - shown)
        if omitted.isEmpty, bytes.count <= room {
            shown += bytes.count
            isAtLineStart = bytes.last.map { $0 == UInt8(ascii: "\n") } ?? isAtLineStart
            return (bytes.count, false)
        }
        let isLast = omitted.isEmpty
        var count = 0
        if isLast {
            let fitting = bytes.prefix(room)
            // At a line's end; only a line that is longer than the limit is cut itself, and not within a character.
            count = fitting.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            if count == 0, shown == 0 || !isAtLineStart { count = completeEnd(of: fitting) }
            shown += count
        }
        omitted[stream, default: Omitted()].add(bytes[count...], keepingEnd: !hasEnded)
        return (count, isLast)
    }

    init(standard: Int = outputLimit) { self.standard = standard }

    private var limit: Int { chosenOutputLimit ?? standard }

    /// What the reader is told once the limit is reached.
    var notice: String {
        """
        [This cell has printed \(limit.grouped) bytes, and a browser becomes slow with more: what follows is left \
        out, but for its end. `import Display` and then `\(limit.asLimit)` shows more.]

        """
    }

    /// Ends the output, and returns what is still to be shown: how much was left out, and then the end.
    mutating func end() -> [(stream: OutputStream, text: [UInt8])] {
        hasEnded = true
        let ends = [OutputStream.stdout, .stderr].compactMap { stream in
            omitted[stream].map { (stream: stream, text: $0.shownEnd) }
        }
        let bytes = omitted.values.reduce(0) { $0 + $1.bytes } - ends.reduce(0) { $0 + $1.text.count }
        let lines = omitted.values.reduce(0) { $0 + $1.lines } - ends.reduce(0) { $0 + $1.text[...].newlines }
        for stream in omitted.keys { omitted[stream]?.end = [] }
        guard bytes > 0 else { return ends }
        return [(.stderr, Array("[\(bytes.grouped) bytes (\(lines.grouped) lines) are left out here.]\n".utf8))] + ends
    }
}

extension Collection<UInt8> {
    fileprivate var newlines: Int { reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) } }
}
