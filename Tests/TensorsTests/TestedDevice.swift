import Foundation

@testable import Tensors

/// The table of operations runs on the device that SWIFT_LAB_TEST_DEVICE names: `cpu` unless it is set, else `cuda:0`. With
/// SWIFT_LAB_CUDA that is the simulated GPU, as in `make test`; without, the machine's own.
let testedDevice: Device = {
    switch ProcessInfo.processInfo.environment["SWIFT_LAB_TEST_DEVICE"] ?? "cpu" {
    case "cpu": .cpu
    case "cuda:0": .cuda(0)
    case let name: fatalError("SWIFT_LAB_TEST_DEVICE: there is no device called \(name); there are cpu and cuda:0")
    }
}()

func onTestedDevice(_ x: Tensor) -> Tensor { x.to(testedDevice) }
