import Display

/// Points, in groups that colour and shape tell apart.
///
///     ScatterPlot(sizes, accuracies, title: "is larger better?", x: "parameters", y: Axis("accuracy", unit: "%"))
///     ScatterPlot(embedding[all, 0], embedding[all, 1], groups: data.labels.map { data.classNames[$0] })
public struct ScatterPlot: Sendable {
    public struct Group: Sendable {
        /// In the legend; without one where it is empty.
        public var name: String
        public var x: [Double]
        /// As many as `x`; a point that is not finite is not drawn.
        public var y: [Double]
        /// The next of the palette where it is `nil`.
        public var color: Color?

        public init(_ name: String, x: [Double], y: [Double], color: Color? = nil) {
            guard x.count == y.count else {
                fatalError("ScatterPlot: \(x.count) values along x and \(y.count) along y; there must be as many.")
            }
            self.name = name
            self.x = x
            self.y = y
            self.color = color
        }
    }

    public var title: String?
    public var x: Axis
    public var y: Axis
    public var groups: [Group]
    public var width: Double
    public var height: Double

    public init(
        title: String? = nil, x: Axis, y: Axis, groups: [Group], width: Double = 560, height: Double = 400
    ) {
        self.title = title
        self.x = x
        self.y = y
        self.groups = groups
        self.width = width
        self.height = height
    }

    /// - Parameter groups: The name of the group that each point belongs to.
    public init(
        _ xValues: some PlotValues, _ yValues: some PlotValues, groups names: [String]? = nil, title: String? = nil,
        x: Axis = "x", y: Axis = "y"
    ) {
        let (xs, ys) = (xValues.plotValues, yValues.plotValues)
        guard let names else {
            self.init(title: title, x: x, y: y, groups: [Group("", x: xs, y: ys)])
            return
        }
        guard xs.count == ys.count, names.count == xs.count else {
            fatalError(
                "ScatterPlot: \(xs.count) values along x, \(ys.count) along y and \(names.count) names of groups; there must be as many."
            )
        }
        var groups: [Group] = []
        var places: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            let place = places[name] ?? groups.count
            if place == groups.count {
                places[name] = place
                groups.append(Group(name, x: [], y: []))
            }
            groups[place].x.append(xs[index])
            groups[place].y.append(ys[index])
        }
        // Classes by name, whatever comes first in the data: 0 before 1, in every picture.
        self.init(title: title, x: x, y: y, groups: groups.sorted { $0.name < $1.name })
    }
}

extension ScatterPlot: Picture {
    public var size: (width: Double, height: Double) { (width, height) }

    var count: Int { groups.reduce(0) { $0 + $1.x.count } }

    func color(of index: Int) -> Color { groups[index].color ?? Color.palette(at: index) }

    func marker(of index: Int) -> Marker {
        Marker.allCases[(index % Color.palette.count + index / Color.palette.count) % Marker.allCases.count]
    }

    /// The more points, the smaller and the more transparent they are.
    var radius: Double { count > 5_000 ? 1.5 : count > 500 ? 2.2 : 3.5 }
    var opacity: Double { count > 5_000 ? 0.4 : count > 500 ? 0.6 : 0.85 }

    /// The axes with their ranges settled, with a little room around the points.
    func placedAxes(ticksAcross: Int, ticksUp: Int) -> (x: PlacedAxis, y: PlacedAxis) {
        (
            PlacedAxis(x, values: groups.flatMap(\.x), count: ticksAcross),
            PlacedAxis(y, values: groups.flatMap(\.y), count: ticksUp)
        )
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        let area = Legend(
            groups.indices.map {
                Legend.Entry(name: groups[$0].name, color: color(of: $0), sample: .marker(marker(of: $0)))
            }
        ).draw(
            on: canvas,
            in: canvas.drawTitle(title, in: rectangle.inset(left: 14, top: 10, right: 14, bottom: 8)))
        let axes = placedAxes(
            ticksAcross: PlotFrame.ticks(across: area.width), ticksUp: PlotFrame.ticks(up: area.height - 60))
        let inner = area.inset(left: PlotFrame.labelWidth(axes.y, on: canvas), top: 22, right: 12, bottom: 40)
        let frame = PlotFrame(area: inner, across: axes.x, up: axes.y)
        frame.drawGrid(on: canvas, caption: y.caption)
        canvas.text(x.caption, x: inner.centerX, y: area.bottom - 2, size: 12.5, align: .center)
        frame.clipped(on: canvas) {
            for (index, group) in groups.enumerated() {
                let color = canvas.theme.color(color(of: index)).opacity(opacity)
                for point in group.x.indices {
                    let (x, y) = (frame.x(group.x[point]), frame.y(group.y[point]))
                    guard x.isFinite, y.isFinite else { continue }
                    marker(of: index).draw(on: canvas, x: x, y: y, radius: radius, color)
                }
            }
        }
    }

    public var text: String {
        let head = title ?? "\(y.title) over \(x.title)"
        let lines = groups.map { group in
            "\(group.name.isEmpty ? "" : group.name + ": ")\(group.x.count.grouped) points, "
                + "\(x.title) \(extent(group.x)), \(y.title) \(extent(group.y))"
        }
        return ([head] + lines).joined(separator: "\n")
    }

    private func extent(_ values: [Double]) -> String {
        let finite = values.filter(\.isFinite)
        guard let low = finite.min(), let high = finite.max() else { return "nowhere" }
        return "\(low.significant(3)) to \(high.significant(3))"
    }
}
