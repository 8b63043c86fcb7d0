import Display
import Tensors
import Testing

@testable import Pictures

private func temporaryFile(_ name: String) -> String {
    "/tmp/swift-lab-pictures-\(UInt32.random(in: 0...UInt32.max))-\(name)"
}

@Suite struct PNGTests {
    @Test(arguments: [1, 3]) func anImageComesBackFromItsFileAsItWas(channels: Int) throws {
        var generator = RandomGenerator(seed: 1)
        // 40 × 30 random pixels have more than 256 colours when there are three channels, and at most 256 greys.
        let image = Image(
            width: 40, height: 30, channels: channels,
            pixels: (0..<40 * 30 * channels).map { _ in UInt8(generator.below(256)) })
        let read = try PNG.decode(image.png, path: "memory")
        #expect((read.width, read.height) == (40, 30))
        for row in 0..<30 {
            for column in 0..<40 {
                let pixel = image[row, column]
                #expect(read[row, column] == pixel)
            }
        }
    }

    @Test func manyCrossingCurvesStillHaveAPalette() throws {
        var generator = RandomGenerator(seed: 1)
        let plot = LinePlot(
            x: Axis("step"), left: Axis("loss"),
            curves: (0..<5).map { curve in
                let losses = (0..<24).map { _ in 0.1 * Double(curve) + 0.3 * generator.double() }
                return Curve("run \(curve)", x: (0..<24).map(Double.init), y: losses, hasDots: true)
            })
        let canvas = Canvas(width: 720, height: 360)
        plot.draw(on: canvas, in: canvas.bounds)
        let exact = try PNG.decode(canvas.png(keepsEveryShade: true), path: "exact")
        let bytes = canvas.png()
        #expect(bytes[25] == 3)
        let read = try PNG.decode(bytes, path: "palette")
        let errors = zip(exact.pixels, read.pixels).map { abs(Int($0) - Int($1)) }
        #expect(errors.max()! <= 32)
        // What can be seen is the mean: less than a level where a step of one cannot be seen.
        #expect(Double(errors.reduce(0, +)) / Double(errors.count) < 0.5)
    }

    @Test func aPlotKeepsItsColorsAndLosesNoMoreThanShadesOfEdges() throws {
        // Six hues and text, each antialiased: more than the 256 shades that a palette has room for.
        let canvas = Canvas(width: 300, height: 200)
        for (index, hue) in Color.palette.prefix(6).enumerated() {
            canvas.line(fromX: 10, y: Double(index) * 9, toX: 290, y: Double(index) * 7 + 113, hue, lineWidth: 3)
            canvas.text("hue \(index)", x: 20, y: 190 - Double(index) * 12, color: hue)
        }
        let exact = try PNG.decode(canvas.png(keepsEveryShade: true), path: "exact")
        let bytes = canvas.png()
        let read = try PNG.decode(bytes, path: "palette")
        // Byte 25 is the colour type: 3, a palette (PNG specification, 11.2.2).
        #expect(bytes[25] == 3)
        #expect(zip(exact.pixels, read.pixels).allSatisfy { abs(Int($0) - Int($1)) <= Int(IndexedPixels.tolerance) })
        #expect(exact != read)
    }

    @Test func aFileThatIsCutShortIsNamedWithItsSize() throws {
        let path = temporaryFile("short.png")
        let png = Image(width: 64, height: 64).png
        try writeFile(Array(png.prefix(60)), to: path)
        let error = #expect(throws: FileError.self) { try Image(path) }
        #expect(error?.description == "\(path): is cut short (60 bytes are there)")
    }

    @Test func whatIsNoPNGIsSaidToBeNone() {
        let error = #expect(throws: FileError.self) { try PNG.decode(Array("hello, world".utf8), path: "a.png") }
        #expect(error?.description == "a.png: is not a PNG file")
    }

    @Test func aMissingFileIsNamed() {
        let error = #expect(throws: FileError.self) { try Image("/nowhere/a.png") }
        #expect(error?.description == "/nowhere/a.png: cannot be read (No such file or directory)")
    }
}

@Suite struct CanvasTests {
    /// The colour at a point in CSS pixels.
    private func color(of canvas: Canvas, x: Int, y: Int) throws -> [UInt8] {
        try PNG.decode(canvas.png(), path: "canvas").colored[y * canvas.scale, x * canvas.scale]
    }

    @Test func picturesHaveTwoPixelsForEachCSSPixelAndAWhiteBackground() throws {
        let canvas = Canvas(width: 30, height: 20)
        let image = try PNG.decode(canvas.png(), path: "canvas")
        #expect((image.width, image.height) == (60, 40))
        #expect(try color(of: canvas, x: 3, y: 3) == [255, 255, 255])
        let bundle = canvas.mimeBundle(text: "nothing")
        #expect(bundle.metadata["image/png"] == ["width": 30, "height": 20])
        #expect(bundle.text == "nothing")
    }

    @Test func aFilledRectangleHasItsColorInsideAndNotOutside() throws {
        let canvas = Canvas(width: 30, height: 20)
        canvas.fill(Rectangle(x: 10, y: 5, width: 10, height: 10), Color(0x0072B2))
        #expect(try color(of: canvas, x: 15, y: 10) == [0x00, 0x72, 0xB2])
        #expect(try color(of: canvas, x: 5, y: 10) == [255, 255, 255])
    }

    @Test func textThatDoesNotFitIsShortenedAndTextThatFitsIsNot() {
        let canvas = Canvas(width: 100, height: 20)
        let text = "a long name of a class"
        let width = canvas.width(of: text)
        #expect(canvas.fitting(text, width: width) == text)
        let short = canvas.fitting(text, width: width / 2)
        #expect(short.hasSuffix("…") && short.count > 3)
        #expect(canvas.width(of: short) <= width / 2 + 0.5)
    }

    @Test func textLeavesInkWhereItWasWritten() throws {
        let canvas = Canvas(width: 60, height: 30)
        canvas.text("✗ 7 → ü", x: 5, y: 20)
        let image = try PNG.decode(canvas.png(), path: "canvas")
        let darkest = (0..<60).flatMap { y in (0..<120).map { x in image[y, x][0] } }.min()!
        #expect(darkest < 100)
    }

    @Test func wordsOnAColorAreReadable() {
        #expect(Color.azure.readable == .white)
        #expect(Color.yellow.readable == .black)
        #expect(Color.white.readable == .black)
        #expect(Color.black.readable == .white)
    }
}

@Suite struct AxisTests {
    @Test(arguments: [(0.07, 0.1), (0.1, 0.1), (0.11, 0.2), (3, 5), (5.1, 10), (1_200, 2_000)])
    func stepsAreOneTwoOrFive(rough: Double, step: Double) {
        #expect(abs(PlacedAxis.roundStep(rough) - step) < 1e-9 * step)
    }

    @Test func aLossAxisStartsAtNoughtAndEndsAtARoundFigure() {
        let axis = PlacedAxis(Axis("loss"), values: [0.05, 0.4, 2.31], count: 5)
        #expect(axis.range == 0...2.5)
        #expect(axis.ticks.map(\.label) == ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"])
        #expect(axis.position(1.25) == 0.5)
    }

    @Test func aLogarithmicAxisNamesItsDecades() {
        let axis = PlacedAxis(Axis("rate", scale: .logarithmic, range: 1e-5...1e-1), values: [], count: 5)
        #expect(axis.ticks.filter { !$0.label.isEmpty }.map(\.label) == ["1e-5", "0.0001", "0.001", "0.01", "0.1"])
        #expect(abs(axis.position(1e-3) - 0.5) < 1e-12)
        #expect(axis.position(0).isNaN)
    }

    @Test(arguments: [[], [Double.nan], [3.0], [0.0, 0.0], [-Double.infinity, 1]])
    func anyDataHaveAnAxis(values: [Double]) {
        for scale in [Axis.Scale.linear, .logarithmic] {
            let axis = PlacedAxis(Axis("y", scale: scale), values: values, count: 5)
            #expect(axis.range.lowerBound < axis.range.upperBound)
            #expect(axis.ticks.count >= 2)
        }
    }
}

@Suite struct PlotTests {
    @Test func eachCurveIsDrawnInItsColor() throws {
        let x = (0...20).map(Double.init)
        let plot = LinePlot(
            title: "two", x: Axis("epoch"), left: Axis("loss"), right: Axis("accuracy", unit: "%"),
            curves: [
                Curve("training", x: x, y: x.map { 2 / (1 + $0) }),
                Curve("accuracy", x: x, y: x.map { 90 + $0 / 3 }, side: .right, color: .bluishGreen),
            ])
        // Each curve crosses a frame of more than 1,000 pixels in width.
        #expect(try pixels(of: .azure, in: plot) > 1_000)
        #expect(try pixels(of: .bluishGreen, in: plot) > 1_000)
        #expect(plot.text.contains("accuracy: 96.7 at epoch 20, 90 to 96.7"))
    }

    @Test func aMillionPointsLookLikeAllOfThem() throws {
        let count = 1_000_000
        var y = [Double](repeating: 1, count: count)
        y[count / 2] = 10
        let plot = LinePlot(
            x: Axis("step"), left: Axis("loss", range: 0...10),
            curves: [Curve("", x: (0..<count).map(Double.init), y: y)])
        let flat = LinePlot(
            x: Axis("step"), left: Axis("loss", range: 0...10),
            curves: [Curve("", x: [0, Double(count)], y: [1, 1])])
        // The one point that stands out draws a line up the plot, over 400 pixels high.
        #expect(try pixels(of: .azure, in: plot) > (try pixels(of: .azure, in: flat)) + 300)
    }

    @Test func emptyAndUnfinitePlotsAreStillPictures() {
        let empty = LinePlot(x: Axis("epoch"), left: Axis("loss"))
        let odd = LinePlot(
            x: Axis("epoch"), left: Axis("loss", scale: .logarithmic),
            curves: [Curve("nan", x: [0, 1], y: [.nan, -1]), Curve("big", x: [0], y: [1e300])])
        #expect(!empty.png.isEmpty && !odd.png.isEmpty)
    }

    @Test func theWrongOnesInAGridAreFramedAndNamed() throws {
        let image = Image(width: 8, height: 8)
        let right = ImageGrid([.init(image, label: "3", mark: .right)])
        let wrong = ImageGrid([.init(image, label: "3", note: "is 5", mark: .wrong)])
        #expect(try pixels(of: .vermilion, in: right) == 0)
        #expect(try pixels(of: .vermilion, in: wrong) > 300)
        #expect(wrong.text == "1 image\n✗ 3 (is 5)")
    }

    @Test func aConfusionMatrixColorsItsErrorsByTheLargestOfThem() throws {
        let map = HeatMap([[98, 2], [0, 100]], rows: ["0", "1"], columns: ["0", "1"], setsDiagonalApart: true)
        // The one error is the largest there is: full vermilion, although it is small beside the diagonal.
        #expect(try pixels(of: .vermilion, in: map) > 1_000)
        #expect(try pixels(of: .azure, in: map) > 1_000)
        #expect(map.text.contains("98"))
    }

    @Test func barsAreAsLongAsTheirValues() throws {
        let one = try pixels(of: .azure, in: BarChart(names: ["a", "b"], values: [100, 0]))
        let two = try pixels(of: .azure, in: BarChart(names: ["a", "b"], values: [100, 100]))
        #expect(abs(two - 2 * one) <= 2)
        #expect(one > 1_000)
    }

    @Test func filtersAreTilesWithNoughtInTheMiddleOfGrey() throws {
        let weights = Tensor([-1, 0, 0, 0.5], shape: [1, 1, 2, 2])
        let picture = try #require(weights.picture() as? ImageGrid)
        #expect(picture.items.count == 1)
        // -1 is black; 0 is half of 255; 0.5 is three quarters.
        #expect(picture.items[0].image.pixels == [0, 128, 128, 191])
    }
}

@Suite struct FilesTests {
    @Test func aFileIsWrittenWholeOrNotAtAll() throws {
        let path = temporaryFile("whole")
        try writeFile([1, 2, 3], to: path)
        try writeFile([4, 5], to: path)
        #expect(try readFile(path) == [4, 5])
        let error = #expect(throws: FileError.self) { try writeFile([1], to: "/nowhere/file") }
        #expect(error?.description == "/nowhere/file: cannot be written (No such file or directory)")
    }
}

@Suite struct TensorTileTests {
    @Test func eachTensorIsATileThatSaysItsSize() {
        let grid = ImageGrid(["fine": Tensor.range(16).reshaped(1, 1, 4, 4), "coarse": Tensor([[0, 1], [2, 4]])])
        #expect(grid.text == "2 images\nfine (4 × 4)  coarse (2 × 2)")
        // Black its smallest number, white its largest: 2 of 0 to 4 is the middle.
        #expect(grid.items[1].image.pixels == [0, 64, 128, 255])
    }

    @Test func aPlotTakesVectorsOverAVector() {
        let x = Tensor([0.5, 1])
        let plot = LinePlot(["square": x * x, "cube": x * x * x], over: x)
        #expect(plot.curves.map(\.y) == [[0.25, 1], [0.125, 1]] && plot.curves.allSatisfy { $0.x == [0.5, 1] })
        // A few points are marked, many are not.
        #expect(plot.curves[0].hasDots && !LinePlot(Tensor.range(13)).curves[0].hasDots)
        #expect(LinePlot([3, 2, 1]).curves[0].x == [0, 1, 2])
    }
}

@Suite struct DrawnImageTests {
    @Test func anImageIsDrawnPixelForPixel() {
        let image = Image(width: 3, height: 2) { canvas in
            canvas.fill(Rectangle(x: 1, y: 0, width: 1, height: 2), Color(0x0072B2))
        }
        #expect((image.width, image.height, image.channels) == (3, 2, 3))
        #expect(image[0, 0] == [255, 255, 255])
        #expect(image[1, 1] == [0x00, 0x72, 0xB2])
    }
}
