import Tensors

/// What can be plotted: arrays of numbers, and tensors, whose elements are taken in their order.
public protocol PlotValues {
    var plotValues: [Double] { get }
}

/// The numbers that arrays of can be plotted.
public protocol PlotNumber {
    var plotNumber: Double { get }
}

extension Double: PlotNumber { public var plotNumber: Double { self } }
extension Float: PlotNumber { public var plotNumber: Double { Double(self) } }
extension Int: PlotNumber { public var plotNumber: Double { Double(self) } }
extension Int32: PlotNumber { public var plotNumber: Double { Double(self) } }
extension UInt8: PlotNumber { public var plotNumber: Double { Double(self) } }

extension Array: PlotValues where Element: PlotNumber {
    public var plotValues: [Double] { map(\.plotNumber) }
}

extension Tensor: PlotValues {
    public var plotValues: [Double] { scalars.map(Double.init) }
}
