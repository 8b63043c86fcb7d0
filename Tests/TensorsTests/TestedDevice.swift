import Foundation

@testable import Tensors

/// The table of operations runs on the device that SWIFT_LAB_TEST_DEVICE names, `cpu` unless it is set. This is the only
/// place that knows: whoever adds a device adds its name here, and the way of a tensor to it.
func onTestedDevice(_ x: Tensor) -> Tensor {
    switch ProcessInfo.processInfo.environment["SWIFT_LAB_TEST_DEVICE"] ?? "cpu" {
    case "cpu": x
    case let name: fatalError("SWIFT_LAB_TEST_DEVICE: there is no device called \(name); there is cpu")
    }
}
