import NeuralNetworks
import Testing

@testable import Tensors

/// An operation to be checked: a line of the same name in Tests/Golden/operations.py says what it has to give.
struct Operation: Sendable, CustomTestStringConvertible {
    let name: String
    let function: @Sendable ([Tensor]) -> Tensor
    init(_ name: String, _ function: @escaping @Sendable ([Tensor]) -> Tensor) {
        self.name = name
        self.function = function
    }
    var testDescription: String { name }
}

private let labels = Tensor([0, 2, 1] as [Int32])
private let signs = Tensor([1, -1, 1, 1, -1, -1, 1, -1, 1, 1, -1, 1] as [Double], shape: [3, 4])
private let target = Tensor(
    [0.1, 0.2, 0.3, 0.4, 0.7, 0, 0.1, 0.2, 0.25, 0.25, 0.25, 0.25] as [Double], shape: [3, 4])
private let mask = Tensor(
    [true, false, true, false, false, false, true, true, false, true, false, false], shape: [3, 4])
private let classWeights = Tensor([0.5, 1, 2, 1.5] as [Double])

/// A copy of `x` with something else at a place.
private func assigned(_ x: Tensor, _ assign: (inout Tensor, Tensor) -> Void, _ value: Tensor) -> Tensor {
    var result = x
    assign(&result, value)
    return result
}

let operations = [
    // Elementwise
    Operation("add") { $0[0] + $0[1] },
    Operation("subtract") { $0[0] - $0[1] },
    Operation("multiply") { $0[0] * $0[1] },
    Operation("divide") { $0[0] / $0[1] },
    Operation("negate") { -$0[0] },
    Operation("scalars") { 2 / (3 - (1 + $0[0] * 0.5).squared() - 8) - 1 },
    Operation("exp") { $0[0].exp() },
    Operation("log") { $0[0].log() },
    Operation("log1p") { $0[0].log1p() },
    Operation("squareRoot") { $0[0].squareRoot() },
    Operation("sin") { $0[0].sin() },
    Operation("cos") { $0[0].cos() },
    Operation("squared") { $0[0].squared() },
    Operation("magnitude") { $0[0].magnitude() },
    Operation("power") { $0[0].power(2.5) },
    Operation("powerTensor") { $0[0].power($0[1]) },
    Operation("clamped") { $0[0].clamped(-0.5...0.5) },
    Operation("maximum") { maximum($0[0], $0[1]) },
    Operation("minimum") { minimum($0[0], $0[1]) },
    Operation("where") { `where`($0[0] .> 0, $0[0] * 3, $0[1]) },
    Operation("erf") { $0[0].erf() },
    Operation("sign") { $0[0].sign() },
    Operation("floor") { $0[0].floor() },
    Operation("ceil") { $0[0].ceil() },
    Operation("rounded") { $0[0].rounded() },
    Operation("remainder") { $0[0] % $0[1] },
    // Comparison
    Operation("equal") { $0[0].rounded() .== $0[1].rounded() },
    Operation("unequal") { $0[0].rounded() .!= $0[1].rounded() },
    Operation("less") { $0[0] .< $0[1] },
    Operation("lessOrEqual") { $0[0].rounded() .<= $0[1].rounded() },
    Operation("greater") { $0[0] .> $0[1] },
    Operation("greaterOrEqual") { $0[0].rounded() .>= $0[1].rounded() },
    Operation("and") { $0[0] .> 0 .&& $0[1] .> 0 },
    Operation("or") { $0[0] .> 0 .|| $0[1] .> 0 },
    Operation("not") { !($0[0] .> 0) },
    // Activations
    Operation("relu") { relu($0[0]) },
    Operation("sigmoid") { sigmoid($0[0]) },
    Operation("tanh") { tanh($0[0]) },
    Operation("leakyReLU") { leakyReLU($0[0], slope: 0.1) },
    Operation("elu") { elu($0[0], scale: 1.5) },
    Operation("gelu") { gelu($0[0]) },
    Operation("silu") { silu($0[0]) },
    Operation("softplus") { softplus($0[0]) },
    Operation("softmax") { softmax($0[0]) },
    Operation("softmaxAxis") { softmax($0[0], axis: 1) },
    Operation("logSoftmax") { logSoftmax($0[0], axis: 1) },
    // Reductions
    Operation("sum") { $0[0].sum() },
    Operation("sumAxes") { $0[0].sum(axes: [0, 2]) },
    Operation("mean") { $0[0].mean(axis: 1, keepDims: true) },
    Operation("variance") { $0[0].variance(axes: [0, 2]) },
    Operation("varianceUnbiased") { $0[0].variance(axes: [2], unbiased: true) },
    Operation("standardDeviation") { $0[0].standardDeviation(axes: [0, -1]) },
    Operation("meanAll") { $0[0].mean() },
    Operation("maximumAll") { $0[0].maximum() },
    Operation("minimumAll") { $0[0].minimum() },
    Operation("argmax") { $0[0].argmax(axis: 1) },
    Operation("argmin") { $0[0].argmin() },
    Operation("maximumAxis") { $0[0].maximum(axis: 2) },
    Operation("minimumAxis") { $0[0].minimum(axes: [0, 1]) },
    Operation("cumulativeSum") { $0[0].cumulativeSum(axis: 1) },
    // Shapes
    Operation("reshaped") { $0[0].reshaped(6, -1) },
    Operation("transposed") { $0[0].transposed(0, 2) },
    Operation("transposedAll") { $0[0].transposed() },
    Operation("flattened") { $0[0].flattened() },
    Operation("expanded") { $0[0].expanded(at: 1) },
    Operation("squeezed") { $0[0].squeezed() },
    Operation("permuted") { $0[0].permuted([1, 2, 0]) },
    Operation("broadcast") { $0[0].broadcast(to: [2, 3, 4]) },
    Operation("sliced") { $0[0].sliced(axis: 1, 0..<3, step: 2).sliced(axis: 2, 1..<4) },
    Operation("position") { $0[0][-1] },
    Operation("indexed") { $0[0][-1, 0..<2, 3] },
    Operation("indexedSteps") { $0[0][.all, 2..., stride(from: 0, to: 4, by: 3)] },
    Operation("indexedBackwards") { $0[0][.ellipsis, .every(-2)] },
    Operation("indexedFromEnd") { $0[0][..<(-1), (-2)..., .newAxis] },
    Operation("indexedList") { $0[0][.all, [2, 0, -1], 1...2] },
    Operation("indexedEllipsis") { $0[0][..., 1] },
    Operation("assigned") { assigned($0[0], { $0[0, 1..<3] = $1 }, $0[1]) },
    Operation("assignedList") { assigned($0[0], { $0[.all, [2, 0]] = $1 }, $0[1]) },
    Operation("assignedMask") { assigned($0[0], { $0[mask] = $1 }, $0[1]) },
    Operation("assignedScalar") { assigned($0[0], { $0[..., 1] = $1 }, $0[1]) },
    Operation("concatenated") { concatenated([$0[0], $0[1]], axis: 1) },
    Operation("stacked") { stacked([$0[0], $0[1]], axis: 1) },
    Operation("split") { $0[0].split(sizes: [1, 3], axis: 2)[1] },
    Operation("padded") { $0[0].padded(axis: 1, before: 2, after: 1, value: 0.5) },
    Operation("gathered") { $0[0].gathered([2, 0, 2], axis: 1) },
    Operation("scattered") { $0[0].scattered([4, 0, 4], axis: 1, size: 5) },
    Operation("repeated") { $0[0].repeated(2, axis: 1) },
    Operation("reversed") { $0[0].reversed(axis: 2) },
    Operation("sorted") { $0[0].sorted() },
    Operation("topK") { $0[0].topK(2).values },
    Operation("topKPositions") { $0[0].topK(2).positions },
    Operation("sortedDescending") { $0[0].sorted(descending: true) },
    Operation("argsort") { $0[0].argsort() },
    Operation("chosen") {
        $0[0].chosen(alongLastAxis: Tensor([3, 0, 1, 1, 2, 3, 3, 0, 1, 1, 2, 3] as [Int32], shape: [2, 3, 2]))
    },
    Operation("oneHot") { $0[0].argmax(axis: 1).oneHot(classes: 3) },
    Operation("maskAxes") { $0[0][mask] },
    Operation("gatheredTensor") { $0[0][labels[0..<2]] },
    Operation("mask") { $0[0][$0[0] .> 0] },
    // Products
    Operation("matmul") { matmul($0[0], $0[1]) },
    Operation("matmulBatched") { matmul($0[0], $0[1]) },
    Operation("matmulVector") { matmul($0[0], $0[1]) },
    Operation("matmulVectors") { matmul($0[0], $0[1]) },
    Operation("matmulVectorMatrix") { matmul($0[0], $0[1]) },
    Operation("dense") { dense($0[0], weight: $0[1], bias: $0[2]) },
    // Convolution and pooling
    Operation("conv2D") { conv2D($0[0], weight: $0[1], bias: $0[2]) },
    Operation("conv2DPadded") { conv2D($0[0], weight: $0[1], bias: $0[2], padding: 2) },
    Operation("conv2DStrided") { conv2D($0[0], weight: $0[1], stride: 2, padding: 1) },
    Operation("conv2DDilated") { conv2D($0[0], weight: $0[1], padding: 2, dilation: 2) },
    Operation("conv2DGrouped") { conv2D($0[0], weight: $0[1], padding: 1, groups: 2) },
    Operation("conv2DPointwise") { conv2D($0[0], weight: $0[1]) },
    Operation("conv2DRectangular") {
        conv2D($0[0], weight: $0[1], bias: $0[2], stride: [2, 1], padding: [0, 2], dilation: [1, 2])
    },
    Operation("conv2DPaddedOneWay") { conv2D($0[0], weight: $0[1], bias: $0[2], padding: [2, 0]) },
    Operation("conv2DBatch") { conv2D($0[0], weight: $0[1], bias: $0[2], padding: 1) },
    Operation("convPool") { maxPool(relu(conv2D($0[0], weight: $0[1], bias: $0[2])), 2) },
    Operation("transposedConv2D") {
        transposedConv2D($0[0], weight: $0[1], stride: 2, padding: 1, outputPadding: 1)
    },
    Operation("transposedConv2DGrouped") {
        transposedConv2D(
            $0[0], weight: $0[1], bias: $0[2], stride: [2, 1], padding: [1, 0], outputPadding: [1, 0],
            dilation: [1, 2], groups: 2)
    },
    Operation("maxPool") { maxPool($0[0], 2) },
    Operation("maxPoolOverlapping") { maxPool($0[0], 3, stride: 2, padding: 1) },
    Operation("maxPoolRectangular") { maxPool($0[0], [3, 2], stride: [1, 2], padding: [1, 0]) },
    Operation("averagePoolRectangular") { averagePool($0[0], [3, 2], stride: [1, 2], padding: [1, 0]) },
    Operation("averagePool") { averagePool($0[0], 3, stride: 2, padding: 1) },
    Operation("conv1D") { conv1D($0[0], weight: $0[1], bias: $0[2], stride: 2, padding: 1) },
    Operation("conv1DDilated") { conv1D($0[0], weight: $0[1], dilation: 2, groups: 2) },
    Operation("globalAveragePool") { globalAveragePool($0[0]) },
    Operation("globalMaxPool") { globalMaxPool($0[0]) },
    Operation("adaptiveAveragePool") { adaptiveAveragePool($0[0], height: 4, width: 3) },
    Operation("adaptiveMaxPool") { adaptiveMaxPool($0[0], height: 4, width: 3) },
    Operation("upsampled") { upsampled($0[0], by: 2) },
    Operation("upsampledBilinear") { upsampled($0[0], by: 3, .bilinear) },
    // Normalisation
    Operation("batchNorm") { batchNorm($0[0], scale: $0[1], offset: $0[2]) },
    Operation("batchNormRows") { batchNorm($0[0], scale: $0[1], offset: $0[2]) },
    Operation("layerNorm") { layerNorm($0[0], scale: $0[1], offset: $0[2]) },
    Operation("groupNorm") { groupNorm($0[0], groups: 2, scale: $0[1], offset: $0[2]) },
    Operation("localResponseNorm") { localResponseNorm($0[0], size: 3, alpha: 0.5, beta: 0.6, k: 1.5) },
    // Losses
    Operation("meanSquaredError") { meanSquaredError($0[0], target) },
    Operation("meanAbsoluteError") { meanAbsoluteError($0[0], target) },
    Operation("huber") { huber($0[0], target, delta: 0.7) },
    Operation("smoothL1") { smoothL1($0[0], target, beta: 0.7) },
    Operation("binaryCrossEntropy") { binaryCrossEntropy($0[0], target) },
    Operation("focal") { focal($0[0], (signs + 1) / 2) },
    Operation("hinge") { hinge($0[0], signs) },
    Operation("klDivergence") { klDivergence(logProbabilities: logSoftmax($0[0]), target: target) },
    Operation("crossEntropySmoothed") { crossEntropy($0[0], labels, smoothing: 0.2, classWeights: nil) },
    Operation("crossEntropyWeighted") {
        crossEntropy($0[0], labels, smoothing: 0.1, classWeights: classWeights)
    },
    Operation("crossEntropy") { crossEntropy($0[0], labels) },
    Operation("crossEntropyProbabilities") {
        crossEntropy($0[0], labels.oneHot(classes: 4, dtype: .float64) * 0.7 + 0.075)
    },
]
