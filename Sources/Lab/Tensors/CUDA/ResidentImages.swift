internal import CCUDA
internal import Synchronization

/// The images and labels of a data set on a GPU, as bytes: there once, and normalised on the way into each batch by the
/// kernels of datasets.cu. The order of an epoch is put there as well, so that nothing goes to the GPU for a batch.
package final class ResidentImages: @unchecked Sendable {
    private let gpu: GPU
    private let bytes: ResidentBytes
    private let scales: Buffer
    private let offsets: Buffer
    /// `[channels, height, width]`: what to add where each pixel has a mean of its own.
    private let corrections: Tensor?
    private let imageShape: Shape
    /// The order that batches come in.
    private var order: Buffer?

    /// pixels `[count, channels, height, width]`; of a channel come byte · scale + offset, to which the pixel's
    /// correction is added. `nil` for the processor.
    package init?(
        on device: Device, pixels: [UInt8], labels: [Int32], imageShape: Shape, scales: [Float], offsets: [Float],
        corrections: [Float]?
    ) {
        guard let gpu = device.gpu else { return nil }
        self.gpu = gpu
        self.imageShape = imageShape
        bytes = .shared(on: gpu, pixels, labels)
        self.scales = ResidentBytes.upload(scales, to: gpu)
        self.offsets = ResidentBytes.upload(offsets, to: gpu)
        self.corrections = corrections.map {
            Tensor(
                handle: Handle(shape: imageShape, dtype: .float32, buffer: ResidentBytes.upload($0, to: gpu)))
        }
    }

    /// The places of the images in the order in which the next batches take them.
    package func arrange(_ places: [Int32]) {
        // In the place of the last one if it is as long: a captured step looks there.
        if order?.byteCount != max(places.count, 1) * 4 {
            order = gpu.buffer(max(places.count, 1) * 4, for: "data set", outlivesTape: true)
        }
        places.withUnsafeBytes { gpu.upload($0, to: order!, for: "data set") }
    }

    /// The next images of the order, from the position that lies at `cursor` on: `[count, channels, height, width]`,
    /// and their labels, `[count]`.
    func batch(of count: Int, at cursor: DevicePlace) -> (images: Tensor, labels: Tensor) {
        guard let order else { fatalError("ResidentImages: no order was given") }
        return batch(of: count, order, cursor)
    }

    /// The images at some places and their labels.
    package func batch(at places: [Int32]) -> (images: Tensor, labels: Tensor) {
        batch(of: places.count, gpu.upload(places, for: "batch"), DevicePlace(bytes.start, 0))
    }

    private func batch(of count: Int, _ order: Buffer, _ cursor: DevicePlace) -> (images: Tensor, labels: Tensor) {
        let images = gpu.tensor(Shape([count] + imageShape.sizes), for: "batch")
        let classes = gpu.tensor([count], .int32, for: "batch")
        let channels = imageShape[0]
        let length = order.byteCount / 4
        gpu.launch(
            "batch", "datasets", "batch_images", count: images.elementCount, bytes.pixels, order, cursor, scales,
            offsets, images, length, count, channels, imageShape.elementCount / max(channels, 1))
        gpu.launch(
            "batch", "datasets", "batch_labels", count: count, bytes.labels, order, cursor, classes, length, count)
        return (corrections.map { images + $0 } ?? images, classes)
    }
}

/// The bytes of a data set and its labels on a GPU, once for all parts that it was split into.
private final class ResidentBytes: Sendable {
    let pixels: Buffer
    let labels: Buffer
    /// The number 0, for batches that begin where their order does.
    let start: Buffer
    /// Kept, so that no other array comes to lie where this one does.
    private let source: [UInt8]

    private struct Key: Hashable {
        let gpu: Int
        let address: UInt
        let count: Int
    }
    private struct Weak { weak var bytes: ResidentBytes? }
    private static let all = Mutex<[Key: Weak]>([:])

    private init(on gpu: GPU, _ pixels: [UInt8], _ labels: [Int32]) {
        source = pixels
        self.pixels = Self.upload(pixels, to: gpu)
        self.labels = Self.upload(labels, to: gpu)
        start = Self.upload([UInt64(0)], to: gpu)
    }

    static func shared(on gpu: GPU, _ pixels: [UInt8], _ labels: [Int32]) -> ResidentBytes {
        let key = Key(
            gpu: gpu.device.ordinal, address: pixels.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) },
            count: pixels.count)
        if let known = all.withLock({ $0[key]?.bytes }) { return known }
        let fresh = ResidentBytes(on: gpu, pixels, labels)
        all.withLock { all in
            all = all.filter { $0.value.bytes != nil }
            all[key] = Weak(bytes: fresh)
        }
        return fresh
    }

    static func upload<Scalar: BitwiseCopyable>(_ scalars: [Scalar], to gpu: GPU) -> Buffer {
        scalars.withUnsafeBytes { bytes in
            let buffer = gpu.buffer(bytes.count, for: "data set", outlivesTape: true)
            gpu.upload(bytes, to: buffer, for: "data set")
            return buffer
        }
    }
}
