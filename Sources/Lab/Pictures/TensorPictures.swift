import Display
import Tensors

extension Tensor {
    /// Shows the numbers as pictures: filters, activations, images.
    ///
    ///     run.model.conv1.weight.show()          // [20, 1, 5, 5]: 20 filters
    ///
    /// - `[count, 1 or 3, height, width]`: a tile for each of `count`; `[count, channels, height, width]`: a row of
    ///   tiles for each; `[channels, height, width]`: a tile for each channel; a matrix: one tile; a vector: a curve.
    /// - Grey tells the value: black the smallest, white the largest. Where there are values on both sides of nought,
    ///   nought is middle grey.
    public func show(title: String? = nil) { display(picture(title: title)) }

    /// What `show` shows.
    public func picture(title: String? = nil) -> any Picture {
        let values = scalars.map(Double.init)
        let finite = values.filter(\.isFinite)
        let low = finite.min() ?? 0
        let high = finite.max() ?? 0
        let caption =
            "\(title ?? "\(shape)"): \(low.significant(3)) to \(high.significant(3))"
        if rank <= 1 {
            return LinePlot(
                title: caption, x: Axis("index"), left: Axis("value"),
                curves: [Curve("", x: values.indices.map(Double.init), y: values, hasDots: true)], height: 240)
        }
        // Tiles of rows × columns pixels, `across` of them side by side.
        let rows = shape[rank - 2]
        let columns = shape[rank - 1]
        let isColored = rank >= 3 && shape[rank - 3] == 3
        let channels = isColored ? 3 : 1
        let span = low < 0 && high > 0 ? (low: -max(-low, high), high: max(-low, high)) : (low: low, high: high)
        func byte(_ value: Double) -> UInt8 {
            guard value.isFinite, span.high > span.low else { return 128 }
            return UInt8(min(255, max(0, (value - span.low) / (span.high - span.low) * 255)).rounded())
        }
        let area = rows * columns * channels
        let count = area == 0 ? 0 : values.count / area
        // More than this many tiles no screen shows: the first of them are.
        let shown = min(count, 1_024)
        let images = (0..<shown).map { index in
            Image(
                planes: values[index * area..<(index + 1) * area].map(byte), channels: channels, height: rows,
                width: columns)
        }
        let perRow = rank == 4 && !isColored && shape[1] > 1 ? min(shape[1], 32) : min(max(count, 1), 10)
        let tile = max(rows, columns) <= 32 ? (perRow > 10 ? 24.0 : 56) : perRow > 4 ? 96 : Double(min(columns, 320))
        let more = shown < count ? " (the first \(shown.grouped) of \(count.grouped))" : ""
        return ImageGrid(images.map { .init($0) }, title: caption + more, columns: perRow, imageSize: tile)
    }
}
