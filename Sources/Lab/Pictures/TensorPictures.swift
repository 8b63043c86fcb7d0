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
        let greys = GreyScale(aroundNought: low, high)
        let area = rows * columns * channels
        let count = area == 0 ? 0 : values.count / area
        // More than this many tiles no screen shows: the first of them are.
        let shown = Swift.min(count, 1_024)
        let images = (0..<shown).map { index in
            Image(
                planes: values[index * area..<(index + 1) * area].map(greys.byte), channels: channels, height: rows,
                width: columns)
        }
        let perRow =
            rank == 4 && !isColored && shape[1] > 1 ? Swift.min(shape[1], 32) : Swift.min(Swift.max(count, 1), 10)
        let tile =
            Swift.max(rows, columns) <= 32
            ? (perRow > 10 ? 24.0 : 56) : perRow > 4 ? 96 : Double(Swift.min(columns, 320))
        let more = shown < count ? " (the first \(shown.grouped) of \(count.grouped))" : ""
        return ImageGrid(images.map { .init($0) }, title: caption + more, columns: perRow, imageSize: tile)
    }
}

extension ImageGrid {
    /// One tile for each tensor of `[height, width]`, with or without axes of size 1 before it, in grey: black its
    /// smallest number, white its largest. All are drawn equally large, so that a coarser one has larger pixels.
    ///
    ///     ImageGrid(["digit": digit, "edges": conv2D(digit, weight: edge), "pooled": maxPool(digit, 2)])
    public init(_ tensors: KeyValuePairs<String, Tensor>, title: String? = nil) {
        let items = tensors.map { name, tensor in
            guard tensor.rank >= 2, tensor.shape.dropLast(2).allSatisfy({ $0 == 1 }), tensor.elementCount > 0 else {
                fatalError(
                    "ImageGrid: “\(name)” has the shape \(tensor.shape); a tile shows [height, width]. Tensor.show() shows more."
                )
            }
            let (height, width) = (tensor.shape[tensor.rank - 2], tensor.shape[tensor.rank - 1])
            let values = tensor.doubles
            let finite = values.filter(\.isFinite)
            let greys = GreyScale(finite.min() ?? 0, finite.max() ?? 0)
            return Item(
                Image(planes: values.map(greys.byte), channels: 1, height: height, width: width), label: name,
                note: "\(height) × \(width)")
        }
        self.init(items, title: title, columns: min(6, items.count), imageSize: 112)
    }
}
