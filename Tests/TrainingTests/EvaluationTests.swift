import Datasets
import Tensors
import Testing

@testable import Training

@Suite struct EvaluationTests {
    /// Six images in three classes; the network takes one 0 for a 1, and is unsure of a 2.
    func evaluation() throws -> Evaluation {
        let data = try Dataset(
            "made", pixels: [0, 1, 2, 3, 4, 5], shape: [1, 1, 1], labels: [0, 0, 0, 1, 1, 2],
            classNames: ["zero", "one", "two"])
        let logits = Tensor(
            [
                4, 0, 0,
                5, 0, 0,
                0, 6, 0,  // is 0
                0, 3, 0,
                0, 9, 0,
                0, 0, 0.5,
            ], shape: [6, 3])
        return Evaluation(of: logits, on: data)
    }

    @Test func accuracyCountsTheMostProbableClass() throws {
        let result = try evaluation()
        #expect(result.predictions == [0, 0, 1, 1, 1, 2])
        #expect(result.correctCount == 5)
        #expect(result.accuracy == 5.0 / 6)
        #expect(result.confusionMatrix == [[2, 1, 0], [0, 2, 0], [0, 0, 1]])
        #expect(result.accuracy(amongBest: 1) == 5.0 / 6)
        #expect(result.accuracy(amongBest: 3) == 1)
    }

    @Test func confidenceIsTheMeanProbabilityOfTheAnswers() throws {
        // e^z / (e^z + 2) with z = 4, 5, 6, 3, 9 and 0.5, the largest logit of each image beside two zeros.
        let expected = [0.964664, 0.986703, 0.995067, 0.909443, 0.999753, 0.451862].reduce(0, +) / 6
        #expect(abs(try evaluation().confidence - expected) < 1e-5)
    }

    @Test func precisionRecallAndF1AreTheTextbooks() throws {
        let scores = try evaluation().classScores
        // Two zeros of three were found and nothing else was taken for one; three were taken for a one, two of them are.
        #expect(scores[0].precision == 1)
        #expect(scores[0].recall == 2.0 / 3)
        #expect(abs(scores[0].f1! - 0.8) < 1e-12)
        #expect(scores[1].precision == 2.0 / 3)
        #expect(scores[1].recall == 1)
        #expect(scores[2].f1 == 1)
    }

    @Test func theMeanOfTheAveragePrecisionsLeavesOutClassesWithoutImages() throws {
        let data = try Dataset(
            "made", pixels: [0, 1, 2], shape: [1, 1, 1], labels: [0, 1, 0], classNames: ["a", "b", "c"])
        // By the probability of a the images come 0, 1, 2: precision 1 at a recall of 1/2, 2/3 at 1. By that of b 2, 1, 0.
        let logits = Tensor([4, 0, 0, 2, 1, 0, 0, 3, 0], shape: [3, 3])
        let result = Evaluation(of: logits, on: data)
        #expect(abs(result.meanAveragePrecision - ((1 + 2.0 / 3) / 2 + 0.5) / 2) < 1e-12)
    }

    @Test func aClassThatNothingWasTakenForHasNoPrecision() throws {
        let data = try Dataset("made", pixels: [0], shape: [1, 1, 1], labels: [0], classNames: ["a", "b"])
        let scores = Evaluation(of: Tensor([1, 0], shape: [1, 2]), on: data).classScores
        #expect(scores[1].precision == nil && scores[1].recall == nil && scores[1].f1 == nil)
    }

    @Test func theLossIsTheMeanNegativeLogarithm() throws {
        let data = try Dataset("made", pixels: [0, 0], shape: [1, 1, 1], labels: [0, 1], classNames: ["a", "b"])
        // Equal answers: probability 1/2, -log(1/2) = 0.6931 for both, however large the answers are.
        let result = Evaluation(of: Tensor([500, 500, -500, -500], shape: [2, 2]), on: data)
        #expect(abs(result.loss - 0.693_147_18) < 1e-6)
        #expect(result.probabilities == [[0.5, 0.5], [0.5, 0.5]])
    }

    @Test(arguments: [
        // Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
    ])
    func theIntervalIsWilsons(hits: Int, count: Int, low: Double, high: Double) {
        let interval = wilsonInterval(hits, of: count)
        #expect(abs(interval.lowerBound - low) < 0.000_05)
        #expect(abs(interval.upperBound - high) < 0.000_05)
    }

    @Test func theWorstAreTheSurestMistakes() throws {
        let grid = try evaluation().worst(12)
        #expect(grid.items.count == 1)
        #expect(grid.items[0].label == "one · > 99 %")
        #expect(grid.items[0].note == "is zero")
        #expect(grid.items[0].image.pixels == [2])
    }

    @Test func theBestAreTheSurestHits() throws {
        let grid = try evaluation().best(2, of: 1)
        #expect(grid.items.map { $0.image.pixels } == [[4], [3]])
    }

    @Test func nothingToShowIsSaid() throws {
        let result = try evaluation()
        #expect(result.worst(0).text == "nothing to show: 0 of 1 mistakes were asked for")
        #expect(result.best(0, of: 1).text == "nothing to show: 0 of 2 were asked for")
        let whole = result.dataset
        let empty = Evaluation(of: Tensor([], shape: [0, 3]), on: whole[0..<0])
        #expect(empty.accuracy.isNaN && empty.loss.isNaN)
        #expect(
            empty.mimeBundle.text
                == "nothing measured: no images in this part of made; give it a share above 0 when you split")
        #expect(empty.worst(12).text == "nothing to show: no images were tried")
    }

    @Test func aRunThatIsEvaluatedOnNoImagesSaysSo() throws {
        var settings = Hyperparameters()
        settings.epochs = 1
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, host())
        let text = run.evaluate(on: run.data.test[0..<0]).mimeBundle.text
        #expect(text.hasPrefix("nothing measured: no images in this part of bars"))
    }

    @Test func countsBelowNoughtEndInASentence() async {
        func sentence(_ result: ExitTest.Result?) -> String {
            String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        }
        let worst = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = try EvaluationTests().evaluation().worst(-3)
        }
        #expect(sentence(worst).contains("Evaluation.worst: -3 images cannot be shown; ask for 1 or more."))
        let best = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = try EvaluationTests().evaluation().best(-1, of: 0)
        }
        #expect(sentence(best).contains("Evaluation.best: -1 images cannot be shown; ask for 1 or more."))
        let other = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = try EvaluationTests().evaluation().best(9, of: 3)
        }
        #expect(sentence(other).contains("Evaluation.best: there is no class 3; made has 3, counted from 0."))
    }

    @Test func anEvaluationReadsWellAsText() throws {
        let text = try evaluation().mimeBundle.text
        #expect(text.hasPrefix("83.3 % right (95 % interval 43.6 to 97.0 % · 5 of 6 images · loss 1."))
        #expect(text.contains("zero        3    100.0 %   66.7 %   80.0 %"))
    }
}
