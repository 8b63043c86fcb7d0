import Display
import Tensors
import Testing

@testable import Pictures

/// How many pixels of a picture have this colour, antialiased edges aside.
func pixels(of color: Color, in picture: some Picture) throws -> Int {
    let image = try PNG.decode(picture.png, path: "picture").colored
    let wanted = [color.red, color.green, color.blue].map { UInt8(($0 * 255).rounded()) }
    var count = 0
    for row in 0..<image.height { for column in 0..<image.width where image[row, column] == wanted { count += 1 } }
    return count
}

@Suite struct ScatterPlotTests {
    @Test func pointsAreDrawnInTheColorOfTheirGroup() throws {
        let plot = ScatterPlot(
            [1.0, 2, 3, 4], [1.0, 4, 9, 16], groups: ["b", "a", "b", "a"], title: "two groups", x: "x", y: "y")
        // By name, not by what comes first.
        #expect(plot.groups.map(\.name) == ["a", "b"])
        #expect(plot.groups[0].x == [2, 4])
        #expect(plot.text == "two groups\na: 2 points, x 2 to 4, y 4 to 16\nb: 2 points, x 1 to 3, y 1 to 9")
        #expect(!plot.png.isEmpty)
    }

    @Test func aTensorsElementsArePoints() {
        let plot = ScatterPlot(Tensor([1, 2], shape: [2]), [3, 4])
        #expect(plot.groups[0].x == [1, 2] && plot.groups[0].y == [3, 4])
    }

    @Test func groupsPastThePaletteHaveAnotherColorOrShape() {
        let plot = ScatterPlot(
            title: nil, x: "x", y: "y", groups: (0..<14).map { ScatterPlot.Group("\($0)", x: [0], y: [0]) })
        let looks = Set((0..<14).map { "\(plot.color(of: $0).hex) \(plot.marker(of: $0))" })
        #expect(looks.count == 14)
    }
}

@Suite struct HistogramTests {
    @Test func everyValueIsInOneStretch() {
        let histogram = Histogram([0.0, 0.5, 1, 1.5, 9.99, 10], bins: 10)
        #expect(histogram.edges == (0...10).map(Double.init))
        #expect(histogram.counts == [2, 2, 0, 0, 0, 0, 0, 0, 0, 2])
    }

    @Test(arguments: [1, 7, 30, 1_000]) func noValueIsLostWhateverTheBins(bins: Int) {
        var generator = RandomGenerator(seed: 3)
        let values = (0..<1_000).map { _ in generator.double() * 7 - 3.3 }
        let histogram = Histogram(values, bins: bins)
        #expect(histogram.counts.reduce(0, +) == 1_000)
        #expect(histogram.edges.count == histogram.counts.count + 1)
        #expect(zip(histogram.edges, histogram.edges.dropFirst()).allSatisfy { $0 < $1 })
        // Uniform from -3.3 to 3.7: mean 0.2, deviation 7 / √12 = 2.02; of 1,000 a few per cent off.
        #expect(abs(histogram.mean - 0.2) < 0.2 && abs(histogram.deviation - 2.02) < 0.1)
    }

    @Test func whatIsNoNumberIsCountedAndSaid() {
        let histogram = Histogram([1, 2, .nan, .infinity], title: "weights")
        #expect(histogram.leftOut == 2)
        #expect(histogram.fullTitle == "weights (without 2 that are no numbers)")
        #expect(histogram.counts.reduce(0, +) == 2)
    }

    @Test func noneAndOneValueAreStillPictures() {
        for values in [[], [5.0], [0, 0, 0], [.nan]] as [[Double]] {
            for scale in [Axis.Scale.linear, .logarithmic] {
                #expect(!Histogram(values, y: Axis("count", scale: scale)).png.isEmpty)
            }
        }
    }
}

@Suite struct BarTests {
    @Test func barsBelowNoughtGoTheOtherWay() throws {
        let bars = BarChart(["a": 2, "b": -2])
        let image = try PNG.decode(bars.png, path: "bars").colored
        let azure: [UInt8] = [0x00, 0x72, 0xB2]
        func rows(_ columns: Range<Int>) -> [Int] {
            (0..<image.height).filter { row in columns.contains { image[row, $0] == azure } }
        }
        let left = rows(0..<image.width / 2)
        let right = rows(image.width / 2..<image.width)
        // They meet at nought.
        #expect(left.max()! <= right.min()! + 2)
        #expect(abs(left.count - right.count) <= 2)
    }

    @Test func logarithmicBarsTellFactors() throws {
        func length(_ value: Double) throws -> Int {
            let chart = BarChart(
                ["a": value], axis: Axis("parameters", scale: .logarithmic, range: 1...10_000))
            return try pixels(of: .azure, in: chart)
        }
        // 100 is half-way from 1 to 10,000.
        #expect(abs(Double(try length(100)) / Double(try length(10_000)) - 0.5) < 0.02)
    }
}

@Suite struct HeatMapTests {
    @Test func smallCellsHaveAScaleAndLargeOnesFigures() throws {
        let small = HeatMap(Tensor.normal([40, 60], seed: 1), title: "weights", value: "weight")
        let large = HeatMap(Tensor.normal([4, 6], seed: 1), title: "weights", value: "weight")
        #expect(!small.hasFigures && large.hasFigures)
        #expect(small.vegaLite != nil && large.vegaLite == nil)
        #expect(!small.png.isEmpty && !large.png.isEmpty)
    }

    @Test func aLogarithmicScaleTellsSmallAmountsApart() {
        let linear = HeatMap([[1, 10, 1_000]], rows: ["a"], columns: ["x", "y", "z"])
        let logarithmic = HeatMap(
            [[1, 10, 1_000]], rows: ["a"], columns: ["x", "y", "z"], value: Axis("count", scale: .logarithmic))
        func difference(_ map: HeatMap) -> Double {
            let colors = map.colors(in: .light)[0]
            return abs(colors[0].luminance - colors[1].luminance)
        }
        #expect(difference(logarithmic) > 5 * difference(linear))
    }
}

/// A page that is dark.
private struct DarkFrontend: Frontend {
    var isDark: Bool { true }
    var updatesInPlace: Bool { false }
    func display(_ bundle: MimeBundle, id: DisplayID?) {}
    func update(_ bundle: MimeBundle, id: DisplayID) {}
    func clearOutput(wait: Bool) {}
}

@Suite(.serialized) struct ThemeTests {
    private var plot: LinePlot { LinePlot([1, 2, 3], title: "three") }

    @Test func aPictureIsAsItsPageIsUnlessToldOtherwise() throws {
        func corner() throws -> UInt8 { try PNG.decode(plot.png, path: "plot").gray[2, 2][0] }
        let before = Display.frontend
        #expect(try corner() == 255)
        Display.frontend = DarkFrontend()
        defer { Display.frontend = before }
        #expect(try corner() == 0x11)
        // What is drawn for a network to look at does not depend on who looks at the page.
        let drawn = Image(width: 4, height: 4) { $0.fill(Rectangle(x: 0, y: 0, width: 2, height: 4), .azure) }
        #expect(drawn[0, 0] == [0x00, 0x72, 0xB2] && drawn[0, 3] == [255, 255, 255])
        // What the page draws itself has the page's colours then, and none of its own.
        #expect(plot.vegaLite?["config"]?["background"] == "transparent")
        Theme.current = .light
        defer { Theme.current = .automatic }
        #expect(try corner() == 255)
    }

    @Test func aDarkPictureIsDarkAndItsWordsAreLight() throws {
        Theme.current = .dark
        defer { Theme.current = .automatic }
        let image = try PNG.decode(plot.png, path: "dark").gray
        #expect(image[2, 2] == [0x11])
        #expect(image.pixels.max()! > 200)
        #expect(try pixels(of: .white, in: plot) == 0)
    }

    @Test func whatIsDrawnCanBeSeenOnItsBackground() {
        func contrast(_ a: Color, _ b: Color) -> Double {
            let (light, dark) = (max(a.luminance, b.luminance), min(a.luminance, b.luminance))
            return (light + 0.05) / (dark + 0.05)
        }
        for theme in [Theme.light, .dark] {
            // WCAG 2.1: 7 to 1 for words (1.4.6), 4.5 to 1 for small ones (1.4.3).
            #expect(contrast(theme.color(.text), theme.background) >= 7)
            #expect(contrast(theme.color(.faint), theme.background) >= 4.5)
        }
        for color in Color.palette {
            #expect(contrast(Theme.dark.color(color), Theme.dark.background) >= 3, "\(color.hex)")
            // Okabe and Ito's orange and sky blue are lighter than that on white; they come fifth and sixth.
            #expect(contrast(color, .white) >= (color == .orange || color == .skyBlue ? 2 : 3), "\(color.hex)")
        }
    }
}

@Suite(.serialized) struct VegaLiteTests {
    private func string(_ json: JSON?) -> String { if case .string(let text)? = json { text } else { "" } }

    private var plot: LinePlot {
        LinePlot(
            title: "run", x: "epoch", left: "loss", right: Axis("accuracy", unit: "%"),
            curves: [
                Curve("a, \"b\"", x: [0, 1, 2], y: [2, .nan, 0.5]),
                Curve("it's", x: [1, 2], y: [90, 95], side: .right),
            ], lower: .init(Axis("rate", scale: .logarithmic), curves: [Curve("rate", x: [0, 2], y: [0.1, 0.001])]))
    }

    @Test func aPlotComesAsPNGAndAsSpecification() {
        let bundle = plot.mimeBundle
        #expect(Set(bundle.contents.keys) == ["text/plain", "image/png", "application/vnd.vegalite.v5+json"])
        #expect(plot.pictureBundle.contents["application/vnd.vegalite.v5+json"] == nil)
    }

    @Test func theDataAreThereWithAGapWhereNoNumberIs() throws {
        let data = try #require(plot.vegaLite?["data"])
        #expect(string(data["values"]) == "k,x,y\n0,0,2\n0,1,\n0,2,0.5\n1,1,90\n1,2,95\n2,0,0.1\n2,2,0.001\n")
    }

    @Test func namesWithQuotationMarksStayNames() throws {
        // JSON's own escapes aside: a name is a word in an expression of Vega's.
        #expect(VegaLite.literal("it's \\ a") == "'it\\'s \\\\ a'")
        #expect(VegaLite.quoted("a, \"b\"") == "\"a, \"\"b\"\"\"")
        #expect(VegaLite.distinct(["a", "b", "a"]) == ["a", "b", "a (2)"])
    }

    @Test func aLongCurveStaysShort() {
        let long = LinePlot((0..<1_000_000).map { Double($0 % 977) })
        // 300 pieces, two points each, about 15 characters a point.
        #expect(string(long.vegaLite?["data"]?["values"]).utf8.count < 600 * 20)
        let many = ScatterPlot((0..<6_000).map(Double.init), (0..<6_000).map(Double.init))
        #expect(many.vegaLite == nil && !many.mimeBundle.contents.isEmpty)
    }

    @Test func onlyAChosenThemeNamesColorsOfThePage() {
        #expect(plot.vegaLite?["config"]?["background"] == "transparent")
        Theme.current = .dark
        defer { Theme.current = .automatic }
        #expect(plot.vegaLite?["config"]?["background"] == "#111111")
    }

    @Test func thinningKeepsTheExtremesAndTheGaps() {
        var y = [Double](repeating: 1, count: 10_000)
        y[5_555] = 9
        for index in 2_000..<3_000 { y[index] = .nan }
        let curve = Curve("", x: y.indices.map(Double.init), y: y)
        let kept = curve.thinned(to: 100)
        #expect(kept.count <= 200 && kept.contains(5_555))
        #expect(kept.contains { y[$0].isNaN })
        #expect(kept == kept.sorted())
    }
}
