import ArgumentParser
import Datasets
import Display
import NeuralNetworks
import Tensors

/// What changing images on worker threads costs the training of LeNet, for each change by itself and for several at once.
struct BenchAugmentation: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "augmentation", abstract: "By how many per cent augmentation lengthens the training of LeNet.")

    @Option(help: "Images in an epoch.")
    var images = 3_200
    @Option(help: "How often each is timed, in turn with the others; the fastest counts.")
    var repetitions = 15
    @Flag(help: "One line of JSON.")
    var json = false

    func run() throws {
        let gray = try Dataset.fashionMNIST()[0..<images]
        var generator = RandomGenerator(seed: 1)
        // Of the size of CIFAR-10's; what they show takes no time.
        let colored = try Dataset(
            "colour", pixels: (0..<images * 3_072).map { _ in UInt8(truncatingIfNeeded: generator.uint32()) },
            shape: [3, 32, 32], labels: (0..<images).map { $0 % 10 }, classNames: (0..<10).map(String.init))
        var figures = Figures(
            "augmentation", title: "Longer training of LeNet by augmentation, per cent of the time without it")
        let changes: [(String, [Augmentation])] = [
            ("flip", [.flipHorizontally()]), ("quarter_turns", [.quarterTurns]), ("rotate", [.rotate(10)]),
            ("shift", [.shift(2)]), ("scale", [.scale(0.1)]), ("shear", [.shear(10)]), ("crop", [.crop(padding: 2)]),
            ("elastic", [.elastic(2)]), ("noise", [.noise(0.03)]), ("contrast", [.contrast(0.3)]),
            ("brightness", [.brightness(0.1)]), ("invert", [.invert()]), ("erase", [.erase()]),
            ("rotate_shift_noise_invert", [.rotate(10), .shift(2), .noise(0.03), .invert()]),
        ]
        add("gray", gray, changes, to: &figures)
        add(
            "color", colored,
            [
                ("hue", [.hue(30)]), ("saturation", [.saturation(0.5)]), ("elastic", [.elastic(2)]),
                ("all", [.flipHorizontally(), .rotate(10), .elastic(2), .noise(0.03), .hue(30), .saturation(0.5)]),
            ], to: &figures)
        figures.show(asJSON: json)
    }

    /// All changes and none in turn, so that they meet the same minutes of the machine. The fastest of each counts: what else
    /// the machine does makes some slower and none faster. Many short epochs rather than few long ones, since one that nothing
    /// disturbed has to be among them: of five epochs of 6,400 images none may be. (Medians of pairs said 10 % of a flip, which
    /// is a hundredth of a step's work.) Beside it the processor's time on all cores, to which others' work adds nothing.
    private func add(
        _ kind: String, _ data: Dataset, _ changes: [(String, [Augmentation])], to figures: inout Figures
    ) {
        let net = LeNet()
        net.initialize(input: data.imageShape, seed: 1)
        let optimizer = Optimizer(.sgd(momentum: 0.9, weightDecay: 1e-4), learningRate: 0.001)
        func epoch(_ data: Dataset) -> Cost {
            Cost.of {
                for batch in data.batches(of: 64, shuffledBy: 1, epoch: 0) {
                    let (value, gradients) = valueAndGradient(of: net) { crossEntropy($0(batch.images), batch.labels) }
                    optimizer.update(net, along: gradients)
                    _ = value.item
                }
            }
        }
        let all = changes.map { data.augmented($0.1) }
        var plain = Cost()
        var least = [Cost](repeating: Cost(), count: changes.count)
        _ = epoch(data)
        for _ in 0..<max(1, repetitions) {
            plain.takeLess(of: epoch(data))
            for (index, changed) in all.enumerated() { least[index].takeLess(of: epoch(changed)) }
        }
        figures.add("\(kind)_images_per_s", Double(data.count) / plain.seconds)
        let unchanged = data.batches(of: 256, shuffledBy: 1, epoch: 0)
        let base = medianSeconds(of: 5) { _ = unchanged[0] }
        for (index, (name, _)) in changes.enumerated() {
            // One thread's time for making the numbers of an image, and how much of that is the change.
            let batches = all[index].batches(of: 256, shuffledBy: 1, epoch: 0)
            let own = medianSeconds(of: 5) { _ = batches[0] } - base
            figures.add("\(kind)_\(name)_percent", (least[index].seconds / plain.seconds - 1) * 100, digits: 1)
            figures.add(
                "\(kind)_\(name)_processor_percent",
                (least[index].processorSeconds / plain.processorSeconds - 1) * 100, digits: 1)
            figures.add("\(kind)_\(name)_us_per_image", own / 256 * 1e6, digits: 2)
        }
    }
}
