internal import CCUDA
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// Where tensors are computed.
///
///     Device.default                                    // → cpu
///     Device.all                                        // the processor, and what GPUs there are
///
/// A value that names a device; what it says about memory and temperature is asked for anew each time.
public struct Device: Sendable, Hashable, CustomStringConvertible {
    private enum Kind: Sendable, Hashable {
        case cpu
        case cuda(Int)
    }
    private let kind: Kind

    /// The processor.
    public static let cpu = Device(kind: .cpu)
    /// An NVIDIA GPU, counted from 0. There need not be one: see `all`.
    public static func cuda(_ number: Int) -> Device { Device(kind: .cuda(number)) }

    /// Where tensors are made unless told otherwise: what `run` says, else what the variable SWIFT_LAB_DEVICE names
    /// (`cpu`, `cuda:0`), else the first GPU, if there is one and it computes what the processor does, else the
    /// processor. `reasonForDefault` says why.
    public static var `default`: Device {
        let answer = DefaultAnswer.current
        if answer == .onlyProcessor { return .cpu }
        return chosen ?? answer.device ?? settled()
    }

    /// Why `default` is what it is, outside of `run`.
    public static var reasonForDefault: String {
        if let why = whyLost.withLock({ $0 }) { return why }
        if variable != nil { return "SWIFT_LAB_DEVICE says so" }
        guard NVIDIALibraries.isDriverThere else { return "the NVIDIA driver, libcuda.so.1, was not found" }
        if let first = NVIDIALibraries.shared.missing.first {
            return "\(first.library.rawValue) \(first.problem ?? "is missing")"
        }
        switch DeviceCheck.result() {
        case .passed(let what): return "\(Device.cuda(0).name): \(what)"
        case .failed(let why): return "\(Device.cuda(0).name) did not pass its check: \(why)"
        }
    }

    /// Calls `body`, in which new tensors and parameters are made on this device. What is computed from tensors is
    /// computed where they lie, wherever that is.
    ///
    ///     let run = try Device.cpu.run { try train(LeNet(), on: data, settings) }
    public func run<Result>(_ body: () throws -> Result) rethrows -> Result {
        if case .cuda(let number) = kind {
            _ = GPU.at(number)
            DefaultAnswer.expectChoices()
        }
        return try Self.$chosen.withValue(self, operation: body)
    }

    @TaskLocal private static var chosen: Device?
    private static let variable = getenv("SWIFT_LAB_DEVICE").map { String(cString: $0) }.flatMap {
        $0.isEmpty ? nil : $0
    }

    /// Looks for a GPU, once; most machines have none, and that is known after a look for one file.
    private static func settled() -> Device {
        let device = named ?? (isAnyFit ? .cuda(0) : .cpu)
        DefaultAnswer.settle(device)
        return device
    }

    /// Why the first GPU computes nothing more, if it did.
    private static let whyLost = Mutex<String?>(nil)

    /// From now on tensors are made on the processor.
    static func lose(_ number: Int, _ why: String) {
        whyLost.withLock { $0 = "GPU \(number) is lost until the process begins anew: \(why)" }
        DefaultAnswer.settle(.cpu)
    }

    private static var named: Device? {
        guard let name = variable else { return nil }
        if name == "cpu" { return .cpu }
        if name == "cuda" { return .cuda(0) }
        guard name.hasPrefix("cuda:"), let number = Int(name.dropFirst(5)), number >= 0 else {
            fail("SWIFT_LAB_DEVICE: there is no device called \(name); there is cpu, and cuda:0 for the first GPU")
        }
        return .cuda(number)
    }

    private static var isAnyFit: Bool {
        guard NVIDIALibraries.isDriverThere, NVIDIALibraries.shared.missing.isEmpty else { return false }
        if case .passed = DeviceCheck.result() { return true }
        return false
    }

    /// Why tensors are not made on this GPU though it is there; `nil` where they are, and for the processor.
    package var objection: String? {
        guard self == .cuda(0), Self.variable == nil, case .failed(let why)? = DeviceCheck.known else { return nil }
        return why
    }

    /// The GPU that this names, opened; `nil` for the processor.
    var gpu: GPU? {
        guard case .cuda(let number) = kind else { return nil }
        return GPU.at(number)
    }

    /// The processor, and the GPUs that the NVIDIA driver knows. What is missing to compute on one is said with them.
    public static var all: Devices { Devices(elements: [.cpu] + gpus) }

    private static var gpus: [Device] {
        guard NVIDIALibraries.isDriverThere, NVIDIALibraries.shared.finding(.driver)?.problem == nil else { return [] }
        var count: Int32 = 0
        guard lab_cuDeviceGetCount(&count) == LAB_SUCCESS else { return [] }
        return (0..<Int(count)).map { .cuda($0) }
    }

    /// A GPU's, counted from 0; `nil` for the processor.
    fileprivate var number: Int? {
        if case .cuda(let number) = kind { return number }
        return nil
    }

    /// Whether this is an NVIDIA GPU.
    public var isGPU: Bool { kind != .cpu }

    /// `cpu`, or the GPU's own name: `NVIDIA H200`.
    public var name: String {
        guard let device = handle else { return kind == .cpu ? "cpu" : "no such GPU" }
        var name = [CChar](repeating: 0, count: 256)
        guard lab_cuDeviceGetName(&name, 255, device) == LAB_SUCCESS else { return "GPU" }
        return name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    /// The generation of a GPU, 9.0 for the H100 and H200: what its kernels are compiled for.
    public var computeCapability: (major: Int, minor: Int)? {
        guard let device = handle else { return nil }
        var (major, minor): (Int32, Int32) = (0, 0)
        guard lab_cuDeviceGetAttribute(&major, Int32(LAB_CAPABILITY_MAJOR), device) == LAB_SUCCESS,
            lab_cuDeviceGetAttribute(&minor, Int32(LAB_CAPABILITY_MINOR), device) == LAB_SUCCESS
        else { return nil }
        return (Int(major), Int(minor))
    }

    /// Bytes used, by whatever program, and free on a GPU, now.
    public var memory: (used: Int, free: Int)? {
        guard let monitor else { return nil }
        var memory = LabMonitorMemory()
        guard lab_nvmlDeviceGetMemoryInfo(monitor, &memory) == LAB_SUCCESS else { return nil }
        return (Int(memory.used), Int(memory.free))
    }

    /// The share of the last moments in which a GPU was computing, 0 to 1.
    public var utilization: Double? {
        guard let monitor else { return nil }
        var rates = LabMonitorUtilization()
        guard lab_nvmlDeviceGetUtilizationRates(monitor, &rates) == LAB_SUCCESS else { return nil }
        return Double(rates.gpu) / 100
    }

    /// A GPU's temperature, in °C.
    public var temperature: Int? {
        guard let monitor else { return nil }
        var celsius: UInt32 = 0
        guard lab_nvmlDeviceGetTemperature(monitor, Int32(LAB_TEMPERATURE_GPU), &celsius) == LAB_SUCCESS else {
            return nil
        }
        return Int(celsius)
    }

    /// `cpu`, or in a line what a GPU is and does: `NVIDIA H200: 1.2 of 140.4 GB used, 7 % busy, 41 °C, compute
    /// capability 9.0`.
    public var description: String {
        guard isGPU else { return "cpu" }
        var parts: [String] = []
        if let memory {
            func gigabytes(_ bytes: Int) -> String { "\((Double(bytes) / 0x1p30 * 10).rounded() / 10)" }
            parts.append("\(gigabytes(memory.used)) of \(gigabytes(memory.used + memory.free)) GB used")
        }
        if let utilization { parts.append("\(Int((utilization * 100).rounded())) % busy") }
        if let temperature { parts.append("\(temperature) °C") }
        if let capability = computeCapability {
            parts.append("compute capability \(capability.major).\(capability.minor)")
        }
        if let objection { parts.append("not used unless SWIFT_LAB_DEVICE=cuda:0 says so (\(objection))") }
        return parts.isEmpty ? name : "\(name): \(parts.joined(separator: ", "))"
    }

    // MARK: - Asking the libraries

    private var handle: Int32? {
        guard case .cuda(let number) = kind, NVIDIALibraries.isDriverThere,
            NVIDIALibraries.shared.finding(.driver)?.problem == nil
        else { return nil }
        var device: Int32 = 0
        return lab_cuDeviceGet(&device, Int32(number)) == LAB_SUCCESS ? device : nil
    }

    /// NVML counts GPUs in an order of its own; the place on the bus is the same for both.
    private var monitor: LabMonitor? {
        guard let device = handle, lab_nvmlInit_v2() == LAB_SUCCESS else { return nil }
        var id = [CChar](repeating: 0, count: 32)
        var monitor: LabMonitor?
        guard lab_cuDeviceGetPCIBusId(&id, 32, device) == LAB_SUCCESS,
            lab_nvmlDeviceGetHandleByPciBusId_v2(id, &monitor) == LAB_SUCCESS
        else { return nil }
        return monitor
    }
}

/// What was found out about `Device.default`, in one number: it is asked for at each tensor.
private struct DefaultAnswer: Equatable {
    private let code: Int
    /// Nobody has asked yet.
    private static let open = DefaultAnswer(code: 0)
    /// The processor, and no `run` names another device.
    static let onlyProcessor = DefaultAnswer(code: 1)
    private static let processor = DefaultAnswer(code: 2)
    private static let firstGPU = 3

    private static let answer = Atomic(open.code)
    /// Whether some `run` has named a GPU.
    private static let hasChoices = Mutex(false)

    static var current: DefaultAnswer { DefaultAnswer(code: answer.load(ordering: .acquiring)) }

    /// What holds outside of every `run`; `nil` where nobody has asked yet.
    var device: Device? {
        self == Self.open ? nil : code < Self.firstGPU ? .cpu : .cuda(code - Self.firstGPU)
    }

    static func settle(_ device: Device) {
        hasChoices.withLock { hasChoices in
            let code = device.number.map { firstGPU + $0 } ?? (hasChoices ? processor : onlyProcessor).code
            answer.store(code, ordering: .releasing)
        }
    }

    static func expectChoices() {
        guard current != processor else { return }
        hasChoices.withLock { hasChoices in
            hasChoices = true
            if current == onlyProcessor { answer.store(processor.code, ordering: .releasing) }
        }
    }
}

/// Several devices, which say in a line each what they are.
public struct Devices: RandomAccessCollection, Sendable, CustomStringConvertible {
    fileprivate let elements: [Device]

    public var startIndex: Int { 0 }
    public var endIndex: Int { elements.count }
    public subscript(position: Int) -> Device { elements[position] }

    /// A line for each; where there is no GPU, or none that is used, the last one says why.
    public var description: String {
        var lines = map(\.description)
        if !Device.default.isGPU { lines.append("Tensors are made on the processor: \(Device.reasonForDefault).") }
        return lines.joined(separator: "\n")
    }
}

extension NVIDIALibraries {
    /// Whether there is a driver at all. Without one the others are not looked for: opening a compiler of 50 MB at the
    /// first tensor of every process would be a high price for nothing.
    static let isDriverThere = searchedFolders().contains { folder in
        let name = NVIDIALibrary.driver.fileNames(major: 0)[0]
        guard let folder else { return dlopen(name, RTLD_LAZY | RTLD_LOCAL) != nil }
        return access("\(folder)/\(name)", F_OK) == 0
    }
}

extension GPU {
    /// Where new tensors are made; `nil` for the processor.
    static var current: GPU? { Device.default.gpu }
}

extension Tensor {
    /// Where the elements lie.
    public var device: Device { gpu.map { .cuda($0.device.ordinal) } ?? .cpu }

    /// The same elements on another device, or this tensor where it is there already. Gradients find their way back.
    public func to(_ device: Device) -> Tensor {
        if isShapeOnly || device == self.device { return self }
        let moved = device.gpu.map { on($0) } ?? onProcessor()
        let old = self.device
        return moved.recorded(self) { $0.to(old) }
    }
}

/// What there is for computing on a GPU, a line each, for `swift-lab doctor`.
package struct GPUFinding: Sendable {
    package var subject: String
    package var isGood: Bool
    package var detail: String

    /// One line where there is no NVIDIA driver, since most machines have none; else a line for each library and each
    /// GPU.
    package static func all() -> [GPUFinding] {
        let libraries = NVIDIALibraries.shared
        guard let driver = libraries.finding(.driver), driver.path != nil else {
            return [
                GPUFinding(
                    subject: "GPU", isGood: true,
                    detail: "none, the labs run on the processor (the NVIDIA driver, libcuda.so.1, was not found)")
            ]
        }
        var findings = libraries.findings.map { finding in
            GPUFinding(
                subject: finding.library.rawValue,
                isGood: finding.problem == nil || finding.library == .cudnn || finding.library == .cublasLt,
                detail: finding.problem ?? finding.path!)
        }
        // Asked first: whether a GPU is used is part of what it says.
        let isOnGPU = Device.default.isGPU
        findings += Device.all.filter(\.isGPU).map {
            GPUFinding(subject: "GPU", isGood: $0.objection == nil, detail: $0.description)
        }
        findings.append(
            GPUFinding(
                subject: "computing on", isGood: Device.cuda(0).objection == nil,
                detail: "\(isOnGPU ? "the GPU" : "the processor"): \(Device.reasonForDefault)"))
        return findings
    }
}
