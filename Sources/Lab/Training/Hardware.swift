import Display
internal import Glibc
import Pictures
import Tensors

/// What the machine is doing while a network learns: one line, looked up at most once a second.
struct Hardware {
    /// Of all cores together, in clock ticks since the machine started.
    private struct Ticks {
        var busy = 0.0
        var all = 0.0
    }
    private var before = Hardware.ticks()
    private var ownBefore = Hardware.ownSeconds()
    private var timeBefore = ContinuousClock.now
    private let device: Device
    private(set) var line: String

    /// `device` is where the network computes.
    init(on device: Device) {
        self.device = device
        line = Hardware.described(device, busy: nil, own: nil)
    }

    /// Looks again, if the last look is a second old.
    mutating func look() {
        let now = ContinuousClock.now
        let seconds = (now - timeBefore).seconds
        guard seconds >= 1 else { return }
        let ticks = Hardware.ticks()
        let own = Hardware.ownSeconds()
        let cores = Double(Environment.cores)
        line = Hardware.described(
            device, busy: ticks.all > before.all ? (ticks.busy - before.busy) / (ticks.all - before.all) : nil,
            own: min(1, (own - ownBefore) / seconds / cores))
        (before, ownBefore, timeBefore) = (ticks, own, now)
    }

    private static func described(_ device: Device, busy: Double?, own: Double?) -> String {
        let cores = Environment.cores.counted("core")
        let load = busy.map { " \($0.percent(0)) busy\(own.map { " (\($0.percent(0)) with this)" } ?? "")" } ?? ""
        let memory = "\(megabytes(residentBytes())) of \(megabytes(Environment.memory)) memory"
        var place = device.isGPU ? device.description : "CPU"
        // Whoever has a GPU wants to know why it is idle.
        if !device.isGPU, let objection = Device.cuda(0).objection { place += " (not the GPU: \(objection))" }
        return "\(place) · \(cores)\(load) · \(memory)"
    }

    /// In MB of 1,048,576 bytes, from 10 GB on in GB.
    private static func megabytes(_ bytes: Int) -> String {
        bytes < 10 << 30 ? "\((bytes >> 20).grouped) MB" : "\(bytes >> 30) GB"
    }

    private static func ticks() -> Ticks {
        let line = firstLine("/proc/stat")
        let figures = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard figures.count >= 5 else { return Ticks() }
        let all = figures.prefix(8).reduce(0, +)
        // The fourth is idle, the fifth waits for a disk.
        return Ticks(busy: all - figures[3] - figures[4], all: all)
    }

    private static func ownSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    private static func residentBytes() -> Int {
        let pages = firstLine("/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func firstLine(_ path: String) -> Substring {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 512)
        guard fgets(&buffer, Int32(buffer.count), file) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)[...]
    }
}

/// What a run was trained with, besides its settings and data: kept with it.
public struct Environment: Sendable, Hashable, Codable {
    /// `Linux 6.1.0 x86_64`.
    public var system: String
    public var processor: String
    public var cores: Int
    /// Bytes.
    public var memory: Int
    /// What computed: `CPU`, `NVIDIA H200`.
    public var device: String

    /// That of this process, for a network that lies on `device`.
    static func current(on device: Device) -> Environment {
        Environment(
            system: systemName, processor: processorName, cores: cores, memory: memory,
            device: device.isGPU ? device.name : "CPU")
    }

    static let cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    static let memory = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))

    private static let systemName: String = {
        var names = utsname()
        uname(&names)
        func text<Field>(_ field: Field) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return "\(text(names.sysname)) \(text(names.release)) \(text(names.machine))"
    }()

    /// The name of this machine's processor.
    static let processorName: String = {
        guard let file = fopen("/proc/cpuinfo", "r") else { return "unknown" }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 4096)
        while fgets(&buffer, Int32(buffer.count), file) != nil {
            let line = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard line.hasPrefix("model name"), let colon = line.firstIndex(of: ":") else { continue }
            return line[line.index(after: colon)...].split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        return "unknown"
    }()
}

extension Environment: CustomStringConvertible {
    public var description: String {
        "\(processor), \(cores.counted("core")), \((memory >> 20).grouped) MB memory, \(system), computed on the \(device)"
    }
}

/// A picture with a faint line of words under it.
struct Captioned: Picture {
    let picture: any Picture
    let caption: String

    var size: (width: Double, height: Double) { (picture.size.width, picture.size.height + 22) }
    func draw(on canvas: Canvas, in rectangle: Rectangle) {
        let inner = rectangle.inset(bottom: 22)
        picture.draw(on: canvas, in: inner)
        canvas.text(
            canvas.fitting(caption, width: rectangle.width - 28, size: 12), x: rectangle.x + 14,
            y: rectangle.bottom - 7, size: 12, color: .faint)
    }
    var text: String { picture.text + "\n" + caption }

    /// The caption stands below the title there.
    var vegaLite: JSON? {
        guard case .object(var members)? = picture.vegaLite else { return nil }
        var title: [String: JSON] = ["text": "", "anchor": "start"]
        if case .object(let own)? = members["title"] { title = own }
        title["subtitle"] = .string(caption)
        title["subtitleColor"] = "#888888"
        members["title"] = .object(title)
        return .object(members)
    }
}
