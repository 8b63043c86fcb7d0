internal import CCUDA

/// The images and labels of a data set on a GPU, as bytes: there once, and normalised on the way into each batch by the
/// kernels of datasets.cu. What goes to the GPU for a batch is the places of its images, 4 bytes for each.
package final class ResidentImages: Sendable {
    private let gpu: GPU
    private let pixels: Buffer
    private let labels: Buffer
    private let scales: Buffer
    private let offsets: Buffer
    /// Where a batch begins in its places: at the first one.
    private let cursor: Buffer
    private let imageShape: Shape

    /// pixels `[count, channels, height, width]`; of a channel come byte · scale + offset. `nil` for the processor.
    package init?(
        on device: Device, pixels: [UInt8], labels: [Int32], imageShape: Shape, scales: [Float], offsets: [Float]
    ) {
        guard let gpu = device.gpu else { return nil }
        func upload<Scalar: BitwiseCopyable>(_ scalars: [Scalar]) -> Buffer {
            scalars.withUnsafeBytes { bytes in
                let buffer = gpu.buffer(bytes.count, for: "data set", outlivesTape: true)
                gpu.upload(bytes, to: buffer, for: "data set")
                return buffer
            }
        }
        self.gpu = gpu
        self.imageShape = imageShape
        self.pixels = upload(pixels)
        self.labels = upload(labels)
        self.scales = upload(scales)
        self.offsets = upload(offsets)
        cursor = upload([UInt64(0)])
    }

    /// The images at some places, `[places, channels, height, width]`, and their labels, `[places]`.
    package func batch(at places: [Int32]) -> (images: Tensor, labels: Tensor) {
        let count = places.count
        let order = gpu.upload(places, for: "batch")
        let images = gpu.tensor(Shape([count] + imageShape.sizes), for: "batch")
        let classes = gpu.tensor([count], .int32, for: "batch")
        let channels = imageShape[0]
        gpu.launch(
            "batch", "datasets", "batch_images", count: images.elementCount, pixels, order, cursor, scales, offsets,
            images, count, count, channels, imageShape.elementCount / max(channels, 1))
        gpu.launch(
            "batch", "datasets", "batch_labels", count: count, labels, order, cursor, classes, count, count)
        return (images, classes)
    }
}
