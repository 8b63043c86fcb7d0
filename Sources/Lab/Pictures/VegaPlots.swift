import Display

extension LinePlot {
    public var vegaLite: JSON? {
        let all = curves + (lower?.curves ?? [])
        guard !all.isEmpty else { return nil }
        // A pointer cannot tell more than a few hundred points apart.
        let pieces = max(50, min(300, 5_000 / all.count))
        var data = "k,x,y\n"
        for (index, curve) in all.enumerated() {
            for place in curve.thinned(to: pieces) where curve.x[place].isFinite {
                data +=
                    "\(index),\(VegaLite.number(curve.x[place], digits: 6)),\(VegaLite.number(curve.y[place], digits: 4))\n"
            }
        }
        let width = self.width - 120
        let axes = placedAxes(ticksAcross: PlotFrame.ticks(across: width), ticksUp: PlotFrame.ticks(up: height - 120))
        var upper = view(
            Array(curves.indices), of: curves, axes: axes, hover: "hover", width: width, height: height - 120,
            hasLegend: true)
        guard let lower, let below = placedLowerAxis else {
            return VegaLite.specification(title: title, data: data, parse: parse, upper)
        }
        var panel = self
        panel.left = lower.axis
        panel.right = nil
        panel.curves = lower.curves.map { curve in
            var curve = curve
            curve.color = curve.color ?? .charcoal
            curve.side = .left
            return curve
        }
        upper["width"] = .number(width)
        let second = panel.view(
            Array(curves.count..<all.count), of: panel.curves, axes: (axes.x, below, nil), hover: "hoverBelow",
            width: width, height: lower.height, hasLegend: false)
        return VegaLite.specification(
            title: title, data: data, parse: parse,
            [
                "vconcat": [.object(upper), .object(second)], "spacing": 24,
            ])
    }

    private var parse: [String: String] { ["k": "number", "x": "number", "y": "number"] }

    /// One panel: its curves on one scale or two, and a line with the values of all of them at the pointer.
    private func view(
        _ keys: [Int], of curves: [Curve], axes: (x: PlacedAxis, left: PlacedAxis, right: PlacedAxis?), hover: String,
        width: Double, height: Double, hasLegend: Bool
    ) -> [String: JSON] {
        let first = keys.first ?? 0
        let names = VegaLite.distinct(curves.map(\.name))
        let colors = curves.indices.map { VegaLite.color(color(of: $0)) }
        let across = VegaLite.channel("x", x, axes.x, at: .across, isNamed: lower == nil || !hasLegend)
        let hasNames = hasLegend && names.contains { !$0.isEmpty }
        let legend = hasNames ? VegaLite.legend(names, symbol: "stroke") : JSON.null
        // Scales are common to both panels, and their legend names all that is in them: curves without a legend go
        // without scales, their colours are in the data.
        let hue: JSON =
            hasLegend
            ? [
                "field": "curve", "type": "nominal",
                "scale": ["domain": VegaLite.strings(names), "range": VegaLite.strings(colors)],
                "legend": legend,
            ] : ["field": "hue", "type": "nominal", "scale": nil]
        let dashes: JSON = [
            "field": "curve", "type": "nominal", "legend": legend,
            "scale": [
                "domain": VegaLite.strings(names),
                "range": .array(
                    curves.indices.map { index in
                        let dashes = style(of: index).dashes
                        return .array((dashes.isEmpty ? [1, 0] : dashes).map { .number($0) })
                    }),
            ],
        ]
        let named: JSON = [
            "calculate": .string("\(VegaLite.literal(hasLegend ? names : colors))[datum.k - \(first)]"),
            "as": hasLegend ? "curve" : "hue",
        ]
        func isAny(_ indices: [Int]) -> JSON {
            ["filter": .string("indexof([\(indices.map { String($0 + first) }.joined(separator: ","))], datum.k) >= 0")]
        }
        var layers: [JSON] = []
        let sides: [(axis: Axis, placed: PlacedAxis?, isRight: Bool)] =
            [(left, axes.left, false)]
            + (right.map { [($0, axes.right, true)] } ?? [])
        for side in sides {
            let own = curves.indices.filter { (curves[$0].side == .right && right != nil) == side.isRight }
            guard let placed = side.placed, !own.isEmpty else { continue }
            let single = side.isRight && Set(own.map { colors[$0] }).count == 1 ? colors[own[0]] : nil
            let up = VegaLite.channel("y", side.axis, placed, at: side.isRight ? .right : .left, color: single)
            var drawn: [JSON] = [
                [
                    "transform": [isAny(own), named],
                    "mark": [
                        "type": "line", "clip": true,
                        "strokeWidth": .number(
                            own.filter { curves[$0].x.count > 1 }.map { lineWidth(of: curves[$0]) }.max() ?? 2),
                    ],
                    "encoding": hasLegend
                        ? ["x": across, "y": up, "color": hue, "strokeDash": dashes]
                        : ["x": across, "y": up, "color": hue],
                ]
            ]
            let dotted = own.filter { curves[$0].showsDots }
            // A dot on the frame is whole; beyond it there are none.
            let isInside = dotted.allSatisfy { curve in
                curves[curve].x.allSatisfy { !$0.isFinite || axes.x.range.contains($0) }
                    && curves[curve].y.allSatisfy { !$0.isFinite || placed.range.contains($0) }
            }
            for width in Set(dotted.map { curves[$0].lineWidth }).sorted() {
                drawn.append([
                    "transform": [isAny(dotted.filter { curves[$0].lineWidth == width }), named],
                    "mark": [
                        "type": "point", "filled": true, "opacity": 1, "clip": .bool(!isInside),
                        // As in the PNG: an area, of dots 1.2 pixels beyond the line on each side.
                        "size": .number(((2 * width + 2.4) * (2 * width + 2.4)).rounded()),
                    ],
                    "encoding": ["x": across, "y": up, "color": hue],
                ])
            }
            // Together, so that they have one axis.
            layers.append(["layer": .array(drawn)])
        }
        layers.append(pointer(curves, names: names, across: across, hover: hover))
        var view: [String: JSON] = [
            "width": .number(width), "height": .number(height), "layer": .array(layers),
        ]
        if sides.count == 2 { view["resolve"] = ["scale": ["y": "independent"]] }
        return view
    }

    /// A line up at the nearest x, with what each curve had reached there; of many curves, those that come first.
    private func pointer(_ curves: [Curve], names: [String], across: JSON, hover: String) -> JSON {
        let shown = curves.prefix(16).map { curve -> [(x: Double, y: Double)] in
            curve.thinned(to: 150).map { (curve.x[$0], curve.y[$0]) }.filter { $0.x.isFinite }.sorted { $0.x < $1.x }
        }
        let all = Set(shown.joined().map(\.x)).sorted()
        let step = max(1, all.count / 300)
        var data = (["x"] + shown.indices.map { "v\($0)" }).joined(separator: ",") + "\n"
        var places = [Int](repeating: -1, count: shown.count)
        for (index, x) in all.enumerated() {
            for curve in shown.indices {
                while places[curve] + 1 < shown[curve].count, shown[curve][places[curve] + 1].x <= x {
                    places[curve] += 1
                }
            }
            guard index.isMultiple(of: step) || index == all.count - 1 else { continue }
            let values = shown.indices.map { curve -> String in
                guard places[curve] >= 0 else { return "–" }
                let y = shown[curve][places[curve]].y
                return y.isFinite ? y.significant(4) : "–"
            }
            data += ([x.significant(6)] + values).joined(separator: ",") + "\n"
        }
        var parse: [String: JSON] = ["x": "number"]
        for index in shown.indices { parse["v\(index)"] = "string" }
        let lines = shown.indices.map { index -> JSON in
            let name = names[index]
            return [
                "field": .string("v\(index)"), "type": "nominal", "title": .string(name.isEmpty ? left.title : name),
            ]
        }
        return [
            "data": ["values": .string(data), "format": ["type": "csv", "parse": .object(parse)]],
            "mark": ["type": "rule", "color": "#888888", "strokeWidth": 1],
            "params": [
                [
                    "name": .string(hover),
                    "select": [
                        "type": "point", "fields": ["x"], "nearest": true, "on": "pointermove", "clear": "pointerout",
                    ],
                ]
            ],
            "encoding": [
                "x": across,
                "opacity": ["condition": ["param": .string(hover), "empty": false, "value": 0.8], "value": 0],
                "tooltip": .array(
                    [["field": "x", "type": "quantitative", "title": .string(x.caption), "format": ".6~g"]] + lines),
            ],
        ]
    }
}

extension ScatterPlot {
    public var vegaLite: JSON? {
        // What the pointer cannot single out needs no more than the picture.
        guard count > 0, count <= 5_000 else { return nil }
        let names = VegaLite.distinct(groups.map(\.name))
        var data = "k,x,y\n"
        for (index, group) in groups.enumerated() {
            for point in group.x.indices where group.x[point].isFinite && group.y[point].isFinite {
                data += "\(index),\(group.x[point].significant(6)),\(group.y[point].significant(6))\n"
            }
        }
        let size = (width: width - 90, height: height - 110)
        let axes = placedAxes(
            ticksAcross: PlotFrame.ticks(across: size.width), ticksUp: PlotFrame.ticks(up: size.height))
        let legend = names.contains { !$0.isEmpty } ? VegaLite.legend(names, symbol: "circle") : JSON.null
        let shapes = groups.indices.map { marker(of: $0).vegaName }
        var tooltip: [JSON] = [
            ["field": "x", "type": "quantitative", "title": .string(x.caption), "format": ".6~g"],
            ["field": "y", "type": "quantitative", "title": .string(y.caption), "format": ".6~g"],
        ]
        if legend != .null { tooltip.insert(["field": "group", "type": "nominal", "title": "group"], at: 0) }
        // One scale tells shapes, the other colours: their legends become one where all else is alike.
        var common: [String: JSON] = ["field": "group", "type": "nominal"]
        common["legend"] = legend == .null ? .null : removing("symbolType", from: legend)
        return VegaLite.specification(
            title: title, data: data, parse: ["k": "number", "x": "number", "y": "number"],
            [
                "width": .number(size.width), "height": .number(size.height),
                "transform": [["calculate": .string("\(VegaLite.literal(names))[datum.k]"), "as": "group"]],
                "mark": [
                    "type": "point", "filled": true, "clip": true, "opacity": .number(opacity),
                    "size": .number(radius * radius * 4),
                ],
                "encoding": [
                    "x": VegaLite.channel("x", x, axes.x, at: .across),
                    "y": VegaLite.channel("y", y, axes.y, at: .left),
                    "color": .object(
                        common.merging([
                            "scale": [
                                "domain": VegaLite.strings(names),
                                "range": VegaLite.strings(groups.indices.map { VegaLite.color(color(of: $0)) }),
                            ]
                        ]) { $1 }),
                    "shape": .object(
                        common.merging([
                            "scale": ["domain": VegaLite.strings(names), "range": VegaLite.strings(shapes)]
                        ]) { $1 }),
                    "tooltip": .array(tooltip),
                ],
            ])
    }

    private func removing(_ key: String, from json: JSON) -> JSON {
        guard case .object(var members) = json else { return json }
        members[key] = nil
        return .object(members)
    }
}

extension Histogram {
    public var vegaLite: JSON? {
        var data = "from,to,count,low\n"
        let size = (width: width - 80, height: height - 90)
        let axes = placedAxes(
            ticksAcross: PlotFrame.ticks(across: size.width), ticksUp: PlotFrame.ticks(up: size.height))
        for (index, count) in counts.enumerated() where count > 0 {
            data +=
                "\(edges[index].significant(6)),\(edges[index + 1].significant(6)),\(count),\(axes.y.range.lowerBound)\n"
        }
        return VegaLite.specification(
            title: fullTitle, data: data,
            parse: ["from": "number", "to": "number", "count": "number", "low": "number"],
            [
                "width": .number(size.width), "height": .number(size.height),
                "mark": ["type": "bar", "color": .string(VegaLite.color(color)), "binSpacing": 1, "clip": true],
                "encoding": [
                    "x": VegaLite.channel("from", x, axes.x, at: .across), "x2": ["field": "to"],
                    "y": VegaLite.channel("count", y, axes.y, at: .left), "y2": ["field": "low"],
                    "tooltip": [
                        ["field": "from", "type": "quantitative", "format": ".5~g"],
                        ["field": "to", "type": "quantitative", "format": ".5~g"],
                        ["field": "count", "type": "quantitative", "title": .string(y.title), "format": ","],
                    ],
                ],
            ])
    }
}

extension HeatMap {
    public var vegaLite: JSON? {
        // Figures that are in the cells need no pointer.
        guard !hasFigures, !setsDiagonalApart, columns.count * rows.count <= 10_000, Set(rows).count == rows.count,
            Set(columns).count == columns.count
        else { return nil }
        var data = "row,column,value\n"
        for (row, amounts) in values.enumerated() {
            for (column, amount) in amounts.enumerated() {
                data +=
                    "\(VegaLite.quoted(rows[row])),\(VegaLite.quoted(columns[column])),\(VegaLite.number(amount, digits: 4))\n"
            }
        }
        func axis(_ field: String, _ names: [String], _ title: String?, isAbove: Bool) -> JSON {
            var look: [String: JSON] = [
                "title": title.map { .string($0) } ?? .null, "labelOverlap": true, "domain": false, "ticks": false,
                "labelLimit": 110,
            ]
            if isAbove { look["orient"] = "top" }
            return [
                "field": .string(field), "type": "nominal", "sort": VegaLite.strings(names),
                "axis": .object(look),
            ]
        }
        func line(_ field: String, _ title: String?, _ type: JSON = "nominal") -> JSON {
            ["field": .string(field), "type": type, "title": .string(title ?? field)]
        }
        let cell = 480 / Double(max(rows.count, columns.count))
        return VegaLite.specification(
            title: title, data: data, parse: ["row": "string", "column": "string", "value": "number"],
            [
                "width": .number(cell * Double(columns.count)), "height": .number(cell * Double(rows.count)),
                "mark": ["type": "rect"],
                "encoding": [
                    "x": axis("column", columns, columnTitle, isAbove: true),
                    "y": axis("row", rows, rowTitle, isAbove: false),
                    "color": [
                        "field": "value", "type": "quantitative", "scale": vegaScale,
                        "legend": ["title": value.title.isEmpty ? .null : .string(value.caption)],
                    ],
                    "tooltip": [
                        line("row", rowTitle), line("column", columnTitle),
                        line("value", value.title.isEmpty ? nil : value.caption, "quantitative"),
                    ],
                ],
            ])
    }

    /// Vermilion below nought, blue above.
    private var vegaScale: JSON {
        let finite = values.joined().filter(\.isFinite)
        let largest = max(finite.lazy.map(abs).max() ?? 1, 1e-300)
        let empty = JSON.string(Theme.current.color(.empty).hex)
        let azure = JSON.string(VegaLite.color(.azure))
        if value.scale == .logarithmic {
            let smallest = finite.filter { $0 > 0 }.min() ?? largest / 1_000
            return ["type": "log", "domain": [.number(smallest / 2), .number(largest)], "range": [empty, azure]]
        }
        guard finite.contains(where: { $0 < 0 }) else {
            return ["domain": [0, .number(largest)], "range": [empty, azure]]
        }
        return [
            "domain": [.number(-largest), 0, .number(largest)],
            "range": [.string(VegaLite.color(.vermilion)), empty, azure],
        ]
    }
}
