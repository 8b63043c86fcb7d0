import NeuralNetworks
import Testing

@testable import Tensors

/// A mistake that a participant makes, and the sentence that ends the cell.
struct Mistake: Sendable {
    let sentence: String
    let make: @Sendable () -> Void
    init(_ sentence: String, _ make: @escaping @Sendable () -> Void) {
        self.sentence = sentence
        self.make = make
    }
}

/// A tensor of which only the shape exists: a check that came after the first look at an element would end otherwise.
private func shape(_ sizes: Int...) -> Tensor { Tensor(shapeOnly: Shape(sizes)) }

private let elementwiseMistakes: [Mistake] = [
    Mistake("-: [2, 3] and [4] do not fit together") { _ = shape(2, 3) - shape(4) },
    Mistake("*: [2, 3] and [3, 2] do not fit together") { _ = shape(2, 3) * shape(3, 2) },
    Mistake("/: [5] and [4] do not fit together") { _ = shape(5) / shape(4) },
    Mistake("%: [5] and [4] do not fit together") { _ = shape(5) % shape(4) },
    Mistake(".<: [5] and [4] do not fit together") {
        let isLess = shape(5) .< shape(4)
        _ = isLess
    },
    Mistake("maximum: [5] and [4] do not fit together") { _ = maximum(shape(5), shape(4)) },
    Mistake("power: [5] and [4] do not fit together") { _ = shape(5).power(shape(4)) },
    Mistake("where: [5], [4] and [4] do not fit together") { _ = `where`(shape(5) .> 0, shape(4), shape(4)) },
    Mistake("sum: [2, 3] has no axis 2") { _ = shape(2, 3).sum(axis: 2) },
    Mistake("mean: [0, 0] names an axis of [2, 3] twice") { _ = shape(2, 3).mean(axes: [0, 0]) },
    Mistake("variance: [2, 3] has no axis -3") { _ = shape(2, 3).variance(axes: [-3]) },
    Mistake("maximum: [0, 3] has no elements to choose from") { _ = shape(0, 3).maximum(axis: 0) },
    Mistake("argmax: [2, 0] has no elements to choose from") { _ = shape(2, 0).argmax() },
    Mistake("softmax: [2, 3] has no axis 5") { _ = softmax(shape(2, 3), axis: 5) },
    Mistake("cumulativeSum: [2] has no axis 1") { _ = shape(2).cumulativeSum(axis: 1) },
]

private let shapingMistakes: [Mistake] = [
    Mistake("reshaped: [2, 3] has 6 elements, [4] has 4") { _ = shape(2, 3).reshaped(4) },
    Mistake("reshaped: the 6 elements of [2, 3] cannot be arranged as [-1, 4]") { _ = shape(2, 3).reshaped(-1, 4) },
    Mistake("Shape: [-2, 3] has a negative size") { _ = Tensor.zeros([-2, 3]) },
    Mistake("has more elements than can be counted") { _ = Tensor.zeros([1 << 40, 1 << 40]) },
    Mistake("flattened: [2] has no axis 3") { _ = shape(2).flattened(from: 3) },
    Mistake("expanded: [2] has no place 4 for an axis") { _ = shape(2).expanded(at: 4) },
    Mistake("squeezed: axis 0 of [2, 1] is not 1") { _ = shape(2, 1).squeezed(at: 0) },
    Mistake("broadcast: [2, 3] does not stretch to [2, 4]") { _ = shape(2, 3).broadcast(to: [2, 4]) },
    Mistake("permuted: [0, 0] does not name each axis of [2, 3] once") { _ = shape(2, 3).permuted([0, 0]) },
    Mistake("sliced: 1..<9 does not lie in axis 1 of [2, 3]") { _ = shape(2, 3).sliced(axis: 1, 1..<9) },
    Mistake("concatenated: [2, 3] and [2, 4] do not fit along axis 0") {
        _ = concatenated([shape(2, 3), shape(2, 4)])
    },
    Mistake("concatenated: there are no tensors") { _ = stacked([]) },
    Mistake("split: axis 0 of [5] does not come apart into 2 equal parts") { _ = shape(5).split(into: 2) },
    Mistake("split: parts of [2, 2] do not make up axis 0 of [5]") { _ = shape(5).split(sizes: [2, 2]) },
    Mistake("padded: -1 and 0 cannot be put at the ends") { _ = shape(5).padded(axis: 0, before: -1, after: 0) },
    Mistake("gathered: 7 is not a position along axis 0 of [5]") { _ = shape(5).gathered([7]) },
    Mistake("scattered: 2 positions below 4 do not fit axis 0 of [3]") { _ = shape(3).scattered([0, 1], size: 4) },
    Mistake("topK: [2, 3] has no 4 elements in a row") { _ = shape(2, 3).topK(4) },
    Mistake("chosen: positions of [3, 1] do not fit [2, 3]") { _ = shape(2, 3).chosen(alongLastAxis: shape(3, 1)) },
    Mistake("argsort: a scalar has no axis to sort along") { _ = shape().sorted() },
    Mistake("oneHot: the label 4 is not one of 3 classes, 0 to 2") { _ = Tensor([4] as [Int32]).oneHot(classes: 3) },
    Mistake("subscript: 3 is not a position along axis 1 of [2, 3]") { _ = shape(2, 3)[0, 3] },
    Mistake("subscript: 1..<4 does not lie in axis 1 of [2, 3]") { _ = shape(2, 3)[.all, 1..<4] },
    Mistake("subscript: 0, 2, … does not lie in axis 0 of [3]") { _ = shape(3)[stride(from: 0, to: 9, by: 2)] },
    Mistake("subscript: [0, 0, 0] chooses from 3 axes, [2, 3] has 2") { _ = shape(2, 3)[0, 0, 0] },
    Mistake("subscript: [3, 9] does not lie in axis 0 of [5]") { _ = shape(5)[[3, 9]] },
    Mistake("subscript: a mask of [2] does not fit [3, 2]; it has the same first axes") {
        _ = shape(3, 2)[Tensor(shapeOnly: [2], .bool)]
    },
    Mistake("subscript: a value of [4] does not fit the part [3] of [2, 3]") {
        var x = shape(2, 3)
        x[0] = shape(4)
    },
    Mistake("subscript: position 1 along axis 0 is assigned to twice") {
        var x = shape(3)
        x[[1, -2]] = shape(2)
    },
]

private let imageMistakes: [Mistake] = [
    Mistake("matmul: [2, 3, 4] and [5, 4, 6] do not fit") { _ = matmul(shape(2, 3, 4), shape(5, 4, 6)) },
    Mistake("matmul: [] and [3] are not both matrices") { _ = matmul(shape(), shape(3)) },
    Mistake("matmul: [64, 800] and [500, 10] do not fit (800 ≠ 500)") {
        _ = dense(shape(64, 800), weight: shape(10, 500), bias: nil)
    },
    Mistake("dense: the bias [3] does not fit the weight [10, 5]") {
        _ = dense(shape(2, 5), weight: shape(10, 5), bias: shape(3))
    },
    Mistake("conv2D: images [28, 28] and filters [4, 1, 3, 3] do not fit; both have four axes") {
        _ = conv2D(shape(28, 28), weight: shape(4, 1, 3, 3))
    },
    Mistake("conv2D: images of 2x9 in [1, 1, 2, 9] are smaller than the filters of [4, 1, 3, 3]") {
        _ = conv2D(shape(1, 1, 2, 9), weight: shape(4, 1, 3, 3))
    },
    Mistake("conv2D: stride 0, padding 0, dilation 1 or groups 1 is too small") {
        _ = conv2D(shape(1, 1, 9, 9), weight: shape(4, 1, 3, 3), stride: 0)
    },
    Mistake("conv2D: the 3 filters of [3, 1, 3, 3] do not come apart into 2 equal groups") {
        _ = conv2D(shape(1, 2, 9, 9), weight: shape(3, 1, 3, 3), groups: 2)
    },
    Mistake("conv2D: the bias [3] does not fit the filters [4, 1, 3, 3]") {
        _ = conv2D(shape(1, 1, 9, 9), weight: shape(4, 1, 3, 3), bias: shape(3))
    },
    Mistake("[1, 2, 3] is not a height and a width") {
        _ = conv2D(shape(1, 1, 9, 9), weight: shape(4, 1, 3, 3), stride: [1, 2, 3])
    },
    Mistake("conv1D: [2, 4, 9] and [3, 5, 3] do not fit (4 channels ≠ 5)") {
        _ = conv1D(shape(2, 4, 9), weight: shape(3, 5, 3))
    },
    Mistake("conv1D: the sequences of [2, 4, 2] are shorter than the filters of [3, 4, 3]") {
        _ = conv1D(shape(2, 4, 2), weight: shape(3, 4, 3))
    },
    Mistake("transposedConv2D: [2, 3, 4, 4] and [4, 2, 3, 3] do not fit (3 channels ≠ 4)") {
        _ = transposedConv2D(shape(2, 3, 4, 4), weight: shape(4, 2, 3, 3))
    },
    Mistake("transposedConv2D: an output padding of 2 does not fit a stride of 2; it has to be smaller") {
        _ = transposedConv2D(shape(2, 3, 4, 4), weight: shape(3, 2, 3, 3), stride: 2, outputPadding: 2)
    },
    Mistake("maxPool: a window of 3x3 does not fit into [1, 1, 2, 9]") { _ = maxPool(shape(1, 1, 2, 9), 3) },
    Mistake(
        "averagePool: window 2, stride 2 and padding 2 do not fit together; at most half of a window may be padding"
    ) {
        _ = averagePool(shape(1, 1, 9, 9), 2, padding: 2)
    },
    Mistake("globalAveragePool: images have the axes [batch, channels, height, width], not [3]") {
        _ = globalAveragePool(shape(3))
    },
    Mistake("adaptiveMaxPool: [1, 1, 4, 4] cannot be divided into 0x2 windows") {
        _ = adaptiveMaxPool(shape(1, 1, 4, 4), height: 0, width: 2)
    },
    Mistake("upsampled: [3] cannot become 2 times as large; images have four axes") { _ = upsampled(shape(3), by: 2) },
    Mistake("batchNorm: scale [3] and offset [4] do not fit the channels of [2, 4]") {
        _ = batchNorm(shape(2, 4), scale: shape(3), offset: shape(4))
    },
    Mistake("layerNorm: scale [3] and offset [3] do not fit the last axis of [2, 4]") {
        _ = layerNorm(shape(2, 4), scale: shape(3), offset: shape(3))
    },
    Mistake("groupNorm: the channels of [2, 4] do not come apart into 3 equal groups") {
        _ = groupNorm(shape(2, 4), groups: 3, scale: shape(4), offset: shape(4))
    },
    Mistake("localResponseNorm: [2] has no 5 neighbouring channels") { _ = localResponseNorm(shape(2)) },
]

private let lossMistakes: [Mistake] = [
    Mistake("crossEntropy: logits [8, 10] and labels [7] do not fit; expected [batch, classes] and [batch]") {
        _ = crossEntropy(shape(8, 10), shape(7))
    },
    Mistake("crossEntropy: the label 10 is not one of 10 classes, 0 to 9") {
        _ = crossEntropy(Tensor.zeros([1, 10]), Tensor([10] as [Int32]))
    },
    Mistake("crossEntropy: 0.5 is not a position or a class") {
        _ = crossEntropy(Tensor.zeros([1, 10]), Tensor([0.5]))
    },
    Mistake("crossEntropy: class weights [3] do not fit logits [8, 10]; expected [10]") {
        _ = crossEntropy(shape(8, 10), shape(8), classWeights: shape(3))
    },
    Mistake("crossEntropy: a smoothing of 2.0 does not lie in 0...1") {
        _ = crossEntropy(shape(8, 10), shape(8), smoothing: 2)
    },
    Mistake("meanSquaredError: [64, 1] and [64] do not fit; both have the same shape") {
        _ = meanSquaredError(shape(64, 1), shape(64))
    },
    Mistake("binaryCrossEntropy: [64, 1] and [64] do not fit") { _ = binaryCrossEntropy(shape(64, 1), shape(64)) },
    Mistake("huber: [2] and [3] do not fit") { _ = huber(shape(2), shape(3)) },
    Mistake("smoothL1: [2] and [3] do not fit") { _ = smoothL1(shape(2), shape(3)) },
    Mistake("meanAbsoluteError: [2] and [3] do not fit") { _ = meanAbsoluteError(shape(2), shape(3)) },
    Mistake("focal: [2] and [3] do not fit") { _ = focal(shape(2), shape(3)) },
    Mistake("hinge: [2] and [3] do not fit") { _ = hinge(shape(2), shape(3)) },
    Mistake("klDivergence: [2] and [3] do not fit") { _ = klDivergence(logProbabilities: shape(2), target: shape(3)) },
]

private let otherMistakes: [Mistake] = [
    Mistake("Tensor: 3 elements do not fill the shape [2, 2] (4)") { _ = Tensor([1, 2, 3], shape: [2, 2]) },
    Mistake("Tensor: the rows have different lengths, [2, 1]") { _ = Tensor([[1, 2], [3]]) },
    Mistake("item: [2] has 2 elements, not one") { _ = Tensor([1, 2]).item },
    Mistake("bytes: the tensor is of float32, not uint8") { _ = Tensor([1, 2]).bytes },
    Mistake("full: 300.0 is not a value of uint8") { _ = Tensor.full([2], 300, dtype: .uint8) },
    Mistake("valueAndGradient: the closure returned [2], not one number; take its mean or its sum") {
        _ = valueAndGradient(at: Tensor([1, 2])) { $0 * 2 }
    },
    Mistake("valueAndGradient: a tensor of int32 has no gradient; convert it to float32") {
        _ = valueAndGradient(at: Tensor([1] as [Int32])) { $0.sum() }
    },
    Mistake("withCustomGradient: a gradient of [2] for an input of [3]") {
        _ = valueAndGradient(at: Tensor.ones([3])) {
            withCustomGradient(of: $0) {
                $0 * 2
            } backward: {
                $0[0..<2]
            }.sum()
        }
    },
    // Layers name themselves.
    Mistake("Dense: a scalar is no input, in `Dense(3)`") { _ = Dense(3)(shape()) },
    Mistake("Conv2D: images have the axes [batch, channels, height, width], not [28, 28], in `Conv2D(6, kernel: 5)`") {
        _ = Conv2D(6, kernel: 5)(shape(28, 28))
    },
    Mistake("do not come apart into 2 equal groups, in `Conv2D(6, kernel: [5, 1])`") {
        _ = Conv2D(6, kernel: [5, 1], groups: 2)(shape(1, 3, 28, 28))
    },
    Mistake("Conv1D: sequences have the axes [batch, channels, length], not [2], in `Conv1D(4, kernel: 3)`") {
        _ = Conv1D(4, kernel: 3)(shape(2))
    },
    Mistake("TransposedConv2D: images have the axes [batch, channels, height, width], not [2]") {
        _ = TransposedConv2D(4, kernel: 3)(shape(2))
    },
    Mistake("maxPool: a window of 2x2 does not fit into [1, 1, 1, 1], in `MaxPool2D(2)`") {
        _ = MaxPool2D(2)(shape(1, 1, 1, 1))
    },
    Mistake("BatchNorm: the axes are [batch, channels, …], not [3], in `BatchNorm()`") { _ = BatchNorm()(shape(3)) },
    Mistake("GroupNorm: the axes are [batch, channels, …], not [3], in `GroupNorm(groups: 2)`") {
        _ = GroupNorm(groups: 2)(shape(3))
    },
    Mistake("LayerNorm: a scalar is no input, in `LayerNorm()`") { _ = LayerNorm()(shape()) },
    Mistake("upsampled: [3] cannot become 2 times as large; images have four axes, in `Upsample(2)`") {
        _ = Upsample(2)(shape(3))
    },
    Mistake("Conv2D(0, kernel: 3): 0 filters of 3 in 1 groups are not a layer") { _ = Conv2D(0, kernel: 3) },
    Mistake("MaxPool2D(0): there is no window of 0 with stride 0; choose 1 or more for both") { _ = MaxPool2D(0) },
    Mistake("AveragePool2D(2): a padding of 2 does not fit; choose 0 to half of the window") {
        _ = AveragePool2D(2, padding: 2)
    },
    Mistake("AdaptiveMaxPool2D(height: 0, width: 3): there are no 0x3 windows; choose 1 or more") {
        _ = AdaptiveMaxPool2D(height: 0, width: 3)
    },
    Mistake("LearningRate: everyPercent of the learning rate's .step is -5.0; choose a number above 0") {
        _ = LearningRate.step(0.01, everyPercent: -5).rate(at: 50)
    },
    Mistake("Dropout: 1.5 does not lie in 0 ..< 1") { _ = Dropout(1.5) },
]

let mistakes = elementwiseMistakes + shapingMistakes + imageMistakes + lossMistakes + otherMistakes

@Suite struct MistakeTests {
    /// Each in a process of its own, since it ends it.
    @Test(arguments: mistakes.indices)
    func mistakesEndWithTheirSentence(index: Int) async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [index] in
            mistakes[index].make()
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        let said = text.split(separator: "\n").first { $0.contains("Fatal error") } ?? "nothing"
        #expect(said.contains(mistakes[index].sentence), "expected “\(mistakes[index].sentence)”, got “\(said)”")
    }
}
