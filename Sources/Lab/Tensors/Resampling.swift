/// How the pixels between the given ones come about.
public enum Interpolation: String, Sendable, Hashable, Codable {
    /// Each pixel is repeated.
    case nearest
    /// Between the centres of the pixels in straight lines, as PyTorch does without `align_corners`.
    case bilinear
}

/// Images enlarged `factor` times in both directions: `[batch, channels, height, width]`.
public func upsampled(_ x: Tensor, by factor: Int, _ interpolation: Interpolation = .nearest) -> Tensor {
    guard x.rank == 4, factor > 0 else {
        fail("upsampled: \(x.shape) cannot become \(factor) times as large; images have four axes")
    }
    switch interpolation {
    case .nearest: return x.repeated(factor, axis: 2).repeated(factor, axis: 3)
    case .bilinear:
        func weights(_ size: Int) -> Tensor {
            mixing(size * factor, size) { position in
                let place = max((Double(position) + 0.5) / Double(factor) - 0.5, 0)
                let first = min(Int(place), size - 1)
                let part = place - Double(first)
                return [(first, 1 - part), (min(first + 1, size - 1), part)]
            }
        }
        return mixed(x, rows: weights(x.shape[2]), columns: weights(x.shape[3]))
    }
}

/// The mean over all pixels: `[batch, channels, height, width]` to `[batch, channels]`.
public func globalAveragePool(_ x: Tensor) -> Tensor {
    traced("globalAveragePool") { pixels("globalAveragePool", x).mean(axes: [2, 3]) }
}

/// The largest over all pixels: `[batch, channels, height, width]` to `[batch, channels]`.
public func globalMaxPool(_ x: Tensor) -> Tensor {
    traced("globalMaxPool") { pixels("globalMaxPool", x).maximum(axes: [2, 3]) }
}

/// Means over as many windows as the result has pixels, whatever the size of the images. Row i of `height` averages the
/// rows from ⌊i · rows / height⌋ up to ⌈(i + 1) · rows / height⌉, as in PyTorch, and columns likewise.
public func adaptiveAveragePool(_ x: Tensor, height: Int, width: Int) -> Tensor {
    let sizes = PoolingSizes(adaptive: "adaptiveAveragePool", x.shape, height: height, width: width)
    func weights(_ windows: [Range<Int>], _ size: Int) -> Tensor {
        mixing(windows.count, size) { number in windows[number].map { ($0, 1 / Double(windows[number].count)) } }
    }
    return traced("adaptiveAveragePool") {
        mixed(x, rows: weights(sizes.rows, x.shape[2]), columns: weights(sizes.columns, x.shape[3]))
    }
}

private func pixels(_ operation: String, _ x: Tensor) -> Tensor {
    checkImages(operation, x.shape)
    return x
}

/// `[count, size]`: what each new position takes from each old one.
private func mixing(_ count: Int, _ size: Int, _ shares: (Int) -> [(position: Int, share: Double)]) -> Tensor {
    var weights = [Double](repeating: 0, count: count * size)
    for row in 0..<count {
        for (position, share) in shares(row) { weights[row * size + position] += share }
    }
    return Tensor(weights, shape: [count, size])
}

/// New rows and columns of pixels as mixtures of the old ones.
private func mixed(_ x: Tensor, rows: Tensor, columns: Tensor) -> Tensor {
    let dtype = x.floating.dtype
    return matmul(matmul(rows.converted(to: dtype), x), columns.transposed().converted(to: dtype))
}
