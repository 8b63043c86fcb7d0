import Datasets
import NeuralNetworks
import Pictures
import Tensors
import Testing

@testable import Training

@Suite struct ResultsTests {
    // MARK: McNemar's test

    @Test(arguments: [
        // Fagerland, Lydersen and Laake (2013), tables 1 and 7: airway hyper-responsiveness of 21 children before and after
        // a transplantation, 1 and 7 discordant pairs. By hand: (1 + 8) / 256 · 2 = 0.0703, less 8 / 256.
        (1, 7, 0.070_312_5, 0.039_062_5),
        // All on one side: 2 / 2^5, less 1 / 2^5.
        (0, 5, 0.0625, 0.031_25),
        // As many on each side: everything is at least as likely; 1, and 1 - 6 / 16 / 2.
        (2, 2, 1, 0.8125),
    ])
    func theChancesAreThoseOfTheLiterature(first: Int, second: Int, exact: Double, mid: Double) {
        for test in [
            McNemarTest(onlyFirst: first, onlySecond: second, both: 10, neither: 3),
            McNemarTest(onlyFirst: second, onlySecond: first, both: 10, neither: 3),
        ] {
            #expect(abs(test.exactP - exact) < 1e-12)
            #expect(abs(test.midP - mid) < 1e-12)
        }
    }

    @Test func manyImagesDoNotOverflow() {
        let test = McNemarTest(onlyFirst: 3_000, onlySecond: 3_000, both: 0, neither: 0)
        #expect(test.exactP == 1 && test.midP > 0.98)
        #expect(McNemarTest(onlyFirst: 0, onlySecond: 6_000, both: 0, neither: 0).midP == 0)
    }

    @Test func theVerdictIsASentence() {
        #expect(
            McNemarTest(onlyFirst: 1, onlySecond: 7, both: 10, neither: 3).sentence
                == "Of 21 images the first alone is right on 1, the second alone on 7: the second is better by 28.57 %, and that is more than luck (McNemar, mid-p = 0.039)."
        )
        #expect(
            McNemarTest(onlyFirst: 5, onlySecond: 4, both: 90, neither: 1).sentence
                == "Of 100 images the first alone is right on 5, the second alone on 4: a difference of 1.00 %, which may be luck (McNemar, mid-p = 0.75, not below 0.05)."
        )
        #expect(
            McNemarTest(onlyFirst: 0, onlySecond: 0, both: 4, neither: 1).sentence
                == "Both are right and wrong on the same images, all 5: there is no difference to explain.")
    }

    @Test func resultsOnTheSameImagesAreCounted() throws {
        let data = try Dataset(
            "made", pixels: [0, 1, 2, 3], shape: [1, 1, 1], labels: [0, 0, 1, 1], classNames: ["a", "b"])
        // Right, right, wrong, right; and right, wrong, right, right.
        let first = Evaluation(of: Tensor([1, 0, 1, 0, 1, 0, 0, 1], shape: [4, 2]), on: data)
        let second = Evaluation(of: Tensor([1, 0, 0, 1, 0, 1, 0, 1], shape: [4, 2]), on: data)
        #expect(
            first.compared(with: second) == McNemarTest(onlyFirst: 1, onlySecond: 1, both: 2, neither: 0))
    }

    // MARK: Precision and recall

    @Test func averagePrecisionIsThatOfScikitLearn() {
        // The example of scikit-learn's average_precision_score: 0.83.
        let curve = PrecisionRecall(
            "a", probabilities: [0.1, 0.4, 0.35, 0.8], isOfClass: [false, false, true, true])
        // 1 · 1/2 at 0.8, and 2/3 · 1/2 at 0.35.
        #expect(abs(curve.averagePrecision - (0.5 + 1.0 / 3)) < 1e-12)
        #expect(curve.points.map(\.threshold) == [0.8, 0.4, 0.35, 0.1])
        #expect(curve.points.map(\.precision) == [1, 0.5, 2.0 / 3, 0.5])
        #expect(curve.points.map(\.recall) == [0.5, 0.5, 1, 1])
        #expect(curve.best?.threshold == 0.35)
        #expect(curve.at(threshold: 0.5).recall == 0.5)
        #expect(curve.at(threshold: 0.9).precision == 1 && curve.at(threshold: 0.9).recall == 0)
    }

    @Test func equallyProbableImagesAreOnePoint() {
        let curve = PrecisionRecall("a", probabilities: [0.5, 0.5, 0.5, 0.5], isOfClass: [true, false, true, false])
        #expect(curve.points == [PrecisionRecall.Point(threshold: 0.5, precision: 0.5, recall: 1)])
        #expect(curve.averagePrecision == 0.5)
    }

    @Test func aClassWithoutImagesHasNoAveragePrecision() {
        let curve = PrecisionRecall("a", probabilities: [0.5, 0.1], isOfClass: [false, false])
        #expect(curve.averagePrecision.isNaN)
        #expect(curve.mimeBundle.text.hasPrefix("a: there are no images of this class"))
    }

    // MARK: Which classes are taken for which

    @Test func theMostConfusedPairsComeFirst() throws {
        let result = try EvaluationTests().evaluation()
        #expect(result.confusions == [Evaluation.Confusion(label: 0, prediction: 1, count: 1)])
        let row = result.mostConfused().rows[0]
        #expect(row == ["zero", "one", "1", "33.3 %"])
        // Two of three, two of two and one of one were recognised: a row of two for each class.
        let grid = result.best(2)
        #expect(grid.items.count == 6 && grid.columns == 2)
        #expect(grid.items.map(\.image.pixels[0]) == [1, 0, 4, 3, 5, 255])
    }
}

@Suite struct LearningRateSearchTests {
    @Test func theSuggestionLiesHalfWayDownTheLongestValley() {
        var search = LearningRateSearch(name: "made")
        // 40 steps: the loss stays, falls from step 10 to 25, then rises.
        for step in 0..<40 {
            let loss = step < 10 ? 2.3 : step < 25 ? 2.3 - 0.1 * Double(step - 9) : 0.8 + 0.2 * Double(step - 24)
            _ = search.add(rate: pow10(Double(step) / 10 - 3), loss: loss)
        }
        let suggestion = search.suggestion!
        let lowest = search.smoothed.indices.min { search.smoothed[$0] < search.smoothed[$1] }!
        #expect(suggestion > search.rates[9] && suggestion < search.rates[lowest])
    }

    @Test func theSuggestionIsThatOfFastai() throws {
        var search = LearningRateSearch(name: "made")
        for step in 0..<100 {
            // It rises, falls from step 30 to 69 and rises again.
            let x = Double(step)
            let loss = step < 30 ? 2 + 0.01 * x : step < 70 ? 2.29 - 0.05 * (x - 29) : 0.29 + 0.3 * (x - 69)
            _ = search.add(rate: x, loss: loss)
        }
        // `valley` of fastai 2.7 chooses the one at 41 of what is left without the first ten and the last five.
        #expect(try #require(search.suggestion) == 51)
    }

    @Test func theSearchEndsWhenTheSmoothedLossIsFourTimesItsLowest() {
        /// Whether it goes on after twenty losses of 1 and this one.
        func goesOn(after loss: Double) -> Bool {
            var search = LearningRateSearch(name: "made")
            for _ in 0..<20 { _ = search.add(rate: 1, loss: 1) }
            return search.add(rate: 1, loss: loss)
        }
        // The running mean is 1 - 0.98^20 = 0.332 there. 2 % of 50 make it 1.326, over 1 - 0.98^21 = 0.346: 3.83.
        #expect(goesOn(after: 50))
        // 2 % of 60 come to 4.41.
        #expect(!goesOn(after: 60))
    }

    private func pow10(_ x: Double) -> Double {
        var result = 1.0
        for _ in 0..<Int((abs(x) * 10).rounded()) { result *= 1.258_925_411_794_167_2 }
        return x < 0 ? 1 / result : result
    }

    @Test func theSearchEndsAtFourTimesTheLowestLossAndRestoresTheWeights() throws {
        let data = try bars()
        let model = SmallNet()
        model.initialize(input: [1, 8, 8], seed: 9)
        let before = model.parameters.map(\.value.scalars)
        var settings = Hyperparameters()
        settings.batchSize = 16
        let found = try findLearningRate(model, on: data, settings, range: 1e-5...100, steps: 100, host())
        #expect(model.parameters.map(\.value.scalars) == before)
        #expect(found.rates.count < 100, "at a rate of 100 the loss leaves every bound")
        let suggestion = try #require(found.suggestion)
        #expect(suggestion > 1e-5 && suggestion < 1)
        // The rate that it suggests teaches.
        settings.epochs = 6
        settings.learningRate = .fixed(suggestion)
        let run = try train(SmallNet(), on: data, settings, from: nil, host())
        #expect(run.history.points.last!.loss < run.history.points.first!.loss)
        #expect(found.mimeBundle.text.contains("suggestion: "))
    }

    @Test func whatCannotBeLookedForIsSaid() throws {
        let data = try bars()
        func sentence(_ range: ClosedRange<Double>, _ steps: Int) -> String? {
            #expect(throws: TrainingError.self) {
                try findLearningRate(SmallNet(), on: data, Hyperparameters(), range: range, steps: steps, host())
            }?.description
        }
        #expect(sentence(0...1, 100) == "findLearningRate: the rates 0.0...1.0 do not grow from a number above 0")
        #expect(
            sentence(0.1...1, 5) == "findLearningRate: 5 steps; choose 20 to 100,000, or there is no curve to see")
    }
}
