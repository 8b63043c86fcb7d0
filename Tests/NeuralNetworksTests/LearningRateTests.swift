import Testing

@testable import NeuralNetworks
@testable import Tensors

@Suite struct LearningRateTests {
    /// DIGITS' formulas, worked out by hand.
    @Test func policiesFollowTheirFormulas() {
        #expect(LearningRate.step(0.01).rate(at: 32) == 0.01)
        #expect(abs(LearningRate.step(0.01).rate(at: 99) - 1e-5) < 1e-12)
        #expect(LearningRate.multistep(1).rate(at: 60) == 0.5)
        #expect(abs(LearningRate.exponential(1).rate(at: 2) - 0.9025) < 1e-12)
        #expect(abs(LearningRate.inverse(1).rate(at: 30) - 0.5) < 1e-12)
        #expect(LearningRate.polynomial(1).rate(at: 50) == 0.125)
        #expect(LearningRate.sigmoid(1).rate(at: 50) == 0.5)
        #expect(abs(LearningRate.cosine(1).rate(at: 50) - 0.5) < 1e-12)
        #expect(abs(LearningRate.oneCycle(1).rate(at: 25) - 1) < 1e-12)
        #expect(abs(LearningRate.fixed(1).warmedUp(overPercent: 10).rate(at: 5) - 0.5) < 1e-12)
    }

    /// Numbers of PyTorch's own schedulers: see Tests/Golden/optimizers.py.
    @Test func policiesAgreeWithPyTorchAtEveryPercent() throws {
        let golden = try goldenFile("optimizers")
        let policies: [(String, LearningRate)] = [
            ("step", .step(0.5, everyPercent: 20, factor: 0.3)),
            ("multistep", .multistep(0.5, atPercent: [10, 55, 90], factor: 0.5)),
            ("exponential", .exponential(0.5, factor: 0.97)), ("polynomial", .polynomial(0.5, power: 2.5)),
            ("cosine", .cosine(0.5, end: 0.01)), ("oneCycle", .oneCycle(0.5, peakPercent: 25)),
            ("inverse", .inverse(0.5, factor: 0.2, power: 0.75)),
            ("sigmoid", .sigmoid(0.5, centre: 40, steepness: 0.2)),
        ]
        for (name, policy) in policies {
            let rates = Tensor((0...100).map { policy.rate(at: Double($0)) } as [Double])
            #expect(difference(rates, try #require(golden["rate/\(name)"])) < 1e-12, "\(name)")
        }
    }

    @Test func anyFunctionCanBeARate() {
        let rate = LearningRate.function { 1 / (1 + $0) }
        #expect(rate.rate(at: 0) == 1 && abs(rate.rate(at: 50) - 1 / 51) < 1e-12)
        #expect(abs(rate.rate(at: 33.33) - 1 / 34.33) < 1e-6 && abs(rate.rate(at: 100) - 1 / 101) < 1e-12)
    }

    @Test func aPlateauLowersTheRate() {
        var plateau = Plateau(factor: 0.5, patience: 1)
        // The best, one that is no better, then one too many; a better one starts anew.
        #expect([2, 2.1, 2, 1, 1, 1].map { plateau.factor(after: $0) } == [1, 1, 0.5, 1, 1, 0.5])
    }

    @Test func aPlateauWaitsAnewAfterEachFallAndKnowsTooSmallAnImprovement() {
        var patient = Plateau(factor: 0.5, patience: 1)
        // The first is the mark; every second of the others is one too many.
        #expect([1, 1, 1, 1, 1].map { patient.factor(after: $0) } == [1, 1, 0.5, 1, 0.5])
        var strict = Plateau(factor: 0.5, patience: 0, threshold: 0.1)
        // 5 % lower is no improvement where 10 % are asked for; 15 % lower is one.
        #expect([1, 0.95, 0.85].map { strict.factor(after: $0) } == [1, 0.5, 1])
    }
}
