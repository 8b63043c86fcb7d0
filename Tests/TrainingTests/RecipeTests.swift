import Datasets
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct RecipeTests {
    @Test func theRecipesTestImagesAreTheOfficialOnesAndInNoOtherPart() throws {
        let recipe = try Recipe.fashionMNIST()
        #expect(recipe.data.test.positions == Array(60_000..<70_000))
        let seen = Set(recipe.data.training.positions + recipe.data.validation.positions)
        #expect(seen == Set(0..<60_000))
        // Normalised by what it learns from alone, 57,000 images of the 60,000.
        #expect(recipe.data.training.count == 57_000)
        #expect(recipe.data.test.normalization == Normalization(of: recipe.data.training))
    }

    @Test func aRecipeLearns() throws {
        var recipe = try Recipe.fashionMNIST()
        recipe.data.training = recipe.data.training[0..<512]
        recipe.data.validation = recipe.data.validation[0..<128]
        recipe.settings.batchSize = 32
        recipe.settings.epochs = 2
        recipe.settings.snapshotInterval = 0
        let run = try recipe.train(quietly: true)
        // Ten classes: 10 % is guessing.
        #expect(run.evaluate(on: recipe.data.validation).accuracy > 0.4)
    }
}
