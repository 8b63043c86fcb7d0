internal import CCUDA
internal import CKernels

/// What one thread puts on a GPU while it takes a training step: is it the same each time, and may it be captured?
final class StepRecording {
    /// What numbers that go to the GPU are, as far as a step that is repeated has to know.
    enum Numbers {
        /// The same in each step, or else the step cannot be repeated.
        case fixed
        /// Addresses, of which the captured ones stay.
        case addresses
        /// An optimizer's numbers, of which the first is the learning rate.
        case settings
        /// A generator's key and position.
        case random
    }
    struct Upload {
        let buffer: Buffer
        var bytes: [UInt8]
    }

    let thread: UInt64
    let isCapturing: Bool
    /// Where memory comes from that is asked for meanwhile: what a graph uses must never go to anyone else.
    let pool: DeviceMemory
    let complaints: DeviceComplaints
    private var hash = FNV1a()
    /// The kernels with their sizes and numbers, and all that was copied, in order.
    var signature: UInt64 { hash.value }
    /// Why the step cannot be repeated, if it cannot.
    var obstacle: String?
    /// What has to stay in its place as long as the graph lives, and what changes from step to step.
    private(set) var held: [Buffer] = []
    private(set) var settings: [Upload] = []
    private(set) var random: [Upload] = []

    init(isCapturing: Bool, _ pool: DeviceMemory, _ complaints: DeviceComplaints) {
        thread = kernels_thread_state().pointee.thread
        self.isCapturing = isCapturing
        self.pool = pool
        self.complaints = complaints
    }

    /// Keeps a buffer in its place as long as a graph may look there.
    func hold(_ buffer: Buffer) { if isCapturing { held.append(buffer) } }

    func note(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes { hash.mix(byte) }
    }

    func note(_ text: String) { hash.mix(text) }

    func note(_ numbers: Int...) { numbers.withUnsafeBytes { note($0) } }

    func noteUpload(_ bytes: UnsafeRawBufferPointer, to buffer: Buffer, _ numbers: Numbers) {
        note(bytes.count)
        if isCapturing { held.append(buffer) }
        switch numbers {
        case .fixed: note(bytes)
        case .addresses: break
        case .settings:
            note(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(4)))
            settings.append(Upload(buffer: buffer, bytes: Array(bytes)))
        case .random: random.append(Upload(buffer: buffer, bytes: Array(bytes)))
        }
    }
}
