import Foundation
import Testing

@testable import NeuralNetworks
@testable import Tensors

/// What PyTorch computed in float64: see the scripts in Tests/Golden.
func goldenFile(_ name: String) throws -> Safetensors {
    // Where the tests run without their sources (scripts/gpu-run).
    if let folder = ProcessInfo.processInfo.environment["SWIFT_LAB_GOLDEN"] {
        return try Safetensors(path: "\(folder)/\(name).safetensors")
    }
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try Safetensors(path: tests.appendingPathComponent("Golden/\(name).safetensors").path)
}

/// The largest difference of two tensors, relative to the second where that is large.
func difference(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    return zip(a.doubles, b.doubles).reduce(0) { max($0, abs($1.0 - $1.1) / max(1, abs($1.1))) }
}

private let golden = try? goldenFile("layers")

@Suite struct LayerGoldenTests {
    private func entries(_ prefix: String) -> [(name: String, value: Tensor)] {
        (golden?.tensors ?? []).filter { $0.name.hasPrefix(prefix) }.map {
            (String($0.name.dropFirst(prefix.count)), $0.value)
        }
    }

    @Test(arguments: layerTable)
    func agreesWithPyTorchInTrainingAndInUse(row: LayerRow) throws {
        // In float64 only the parameters and what is computed from them alone are rounded, to 6e-8; in float32
        // everything is, some hundred times.
        for (dtype, tolerance) in [(DType.float64, 1e-6), (.float32, 1e-4)] {
            try check(row.build(), row.name, dtype, tolerance)
        }
    }

    private func check<Model: Module>(_ model: Model, _ name: String, _ dtype: DType, _ tolerance: Double) throws {
        let golden = try #require(golden)
        func stored(_ what: String) throws -> Tensor { try #require(golden["\(name)/\(what)"], "\(what)") }
        let parameters = entries("\(name)/parameter/")
        try model.load(parameters)
        #expect(Set(model.parameters.map(\.name)) == Set(parameters.map(\.name)))
        let x = try stored("input").converted(to: dtype)
        let weights = try stored("weights").converted(to: dtype)
        let use = try stored("use")
        #expect(difference(model(x), use) < tolerance, "in use, \(dtype)")
        #expect(model(Tensor(shapeOnly: x.shape)).shape == use.shape, "shapes alone")
        var result = x
        let (_, gradients) = valueAndGradient(of: model) {
            result = $0(x)
            return (result * weights).sum()
        }
        #expect(difference(result, try stored("result")) < tolerance, "in training, \(dtype)")
        let slopes = entries("\(name)/slope/")
        #expect(gradients.count == slopes.count)
        for (parameter, slope) in slopes {
            let gradient = try #require(gradients[parameter], "\(parameter)")
            #expect(difference(gradient, slope) < tolerance, "gradient of \(parameter), \(dtype)")
        }
        for (parameter, value) in entries("\(name)/after/") {
            let after = try #require(model.parameters.first { $0.name == parameter }?.value)
            #expect(difference(after, value) < 1e-6, "\(parameter) after a step")
        }
        // The input's gradient, from around the call: the model is in training inside.
        let (_, gradient) = valueAndGradient(at: x) { x in
            valueAndGradient(of: model) { ($0(x) * weights).sum() }.value
        }
        #expect(difference(gradient, try stored("gradient")) < tolerance, "gradient of the input, \(dtype)")
    }

    @Test(arguments: layerTable)
    func gradientsAreThoseOfCentralDifferences(row: LayerRow) throws {
        try compareWithDifferences(row.build(), row.name)
    }

    private func compareWithDifferences<Model: Module>(_ model: Model, _ name: String) throws {
        let golden = try #require(golden)
        let parameters = entries("\(name)/parameter/")
        try model.load(parameters)
        let x = try #require(golden["\(name)/input"])
        let weights = try #require(golden["\(name)/weights"])
        func loss(_ x: Tensor) -> Double {
            valueAndGradient(of: model) { ($0(x) * weights).sum() }.value.doubles[0]
        }
        // Of the input in float64: rounding errors of 1e-16 over steps of 1e-5, and curvature.
        let (_, gradient) = valueAndGradient(at: x) { x in
            valueAndGradient(of: model) { ($0(x) * weights).sum() }.value
        }
        let values = x.doubles
        let slopes = values.indices.map { index in
            var (up, down) = (values, values)
            up[index] += 1e-5
            down[index] -= 1e-5
            return (loss(Tensor(up, shape: x.shape)) - loss(Tensor(down, shape: x.shape))) / 2e-5
        }
        #expect(difference(gradient, Tensor(slopes, shape: x.shape)) < 1e-6, "gradient of the input")
        // Parameters are float32, so steps are 1e-4 and no smaller: a dozen random directions for each. What is computed of
        // parameters alone is rounded to 6e-8, and a few ReLUs change sides on the way.
        let (_, gradients) = valueAndGradient(of: model) { ($0(x) * weights).sum() }
        for entry in gradients {
            let whole = try #require(model.parameters.first { $0.name == entry.name }?.value)
            for seed in 1...12 {
                let direction = Tensor.normal(whole.shape, seed: seed) * 0x1p-13
                // What float32 keeps of the steps.
                let (up, down) = (whole + direction, whole - direction)
                func changed(to value: Tensor) throws -> Double {
                    try model.load(model.parameters.map { ($0.name, $0.name == entry.name ? value : $0.value) })
                    return loss(x)
                }
                let change = try changed(to: up) - changed(to: down)
                let step = up.converted(to: .float64) - down.converted(to: .float64)
                let expected = (entry.gradient.converted(to: .float64) * step).sum().doubles[0]
                let size = (entry.gradient.converted(to: .float64) * step).magnitude().sum().doubles[0]
                #expect(abs(change - expected) <= 2e-3 * size + 1e-12, "\(entry.name), direction \(seed)")
                try model.load(model.parameters.map { ($0.name, $0.name == entry.name ? whole : $0.value) })
            }
        }
    }

    /// Whoever adds a layer adds a line to the table.
    @Test func everyLayerIsInTheTable() throws {
        let names = Set(try #require(golden).tensors.map { String($0.name.split(separator: "/")[0]) })
        #expect(names == Set(layerTable.map(\.name)))
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let table = try String(contentsOf: tests.appendingPathComponent("LayerTable.swift"), encoding: .utf8)
        let sources = tests.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Sources/Lab/NeuralNetworks")
        for file in try FileManager.default.contentsOfDirectory(at: sources, includingPropertiesForKeys: nil) {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /public final class (\w+): (\w*Layer|Module)\b/) {
                // It computes what its part computes: CheckpointTests.
                if match.1 == "Checkpointed" { continue }
                let isThere = table.contains("\(match.1)(") || table.contains("\(match.1) {")
                #expect(isThere, "\(match.1) of \(file.lastPathComponent) is in no row")
            }
        }
    }
}

@Suite struct DropoutTests {
    @Test func aShareOfTheElementsIsZeroAndTheMeanStays() {
        let (layer, x) = (Dropout(0.25), Tensor.ones([100, 1000]))
        #expect(layer(x).scalars == x.scalars, "in use nothing is dropped")
        var dropped = x
        let (_, gradient) = valueAndGradient(at: x) { x in
            valueAndGradient(of: layer) {
                dropped = $0(x)
                return dropped.sum()
            }.value
        }
        let share = Double((dropped .== 0).sum().item) / 100_000
        // The standard error of the share is 0.0014.
        #expect(abs(share - 0.25) < 0.006)
        #expect(dropped.maximum().item == 4 / 3 && gradient.scalars == dropped.scalars)
    }

    @Test func theRandomnessDecidesWhatIsDropped() {
        func drop(_ seed: Int) -> [Float] {
            var dropped = Tensor(0)
            _ = valueAndGradient(of: Dropout(0.5), randomness: RandomGenerator(seed: seed)) {
                dropped = $0(Tensor.ones([1000]))
                return dropped.sum()
            }
            return dropped.scalars
        }
        #expect(drop(1) == drop(1) && drop(1) != drop(2))
    }
}
