import Display
import Pictures
import Tensors

extension Dataset {
    /// Whether images are read with or without their colours.
    public enum Colors: String, Sendable, Codable { case gray, rgb }

    /// Images from a folder with a folder for each class, PNG or JPEG; folders inside these are looked into too.
    ///
    ///     let photos = try Dataset.images(in: "flowers/", size: [64, 64], fit: .squash)
    ///
    /// - Parameters:
    ///   - size: `[height, width]` that all images get, or one number for both; without it they must be of one size already.
    ///   - fit: How images of other proportions become that size.
    ///   - colors: Grey if all images are, unless given.
    ///   - skippingUnreadable: Leaves damaged files out, and says so in `source`, instead of throwing.
    ///   - cache: Where what was read is kept, so that the next time it is there at once.
    /// - Throws: `DatasetError` when the folder has no classes or too few images, when sizes differ, and when a file
    ///   cannot be read: then with its name and how many others were.
    public static func images(
        in folder: String, size: ImageSize? = nil, fit: Image.Fit = .squash, colors: Colors? = nil,
        skippingUnreadable: Bool = false, cache: ImageCache = .standard
    ) throws -> Dataset {
        var source = try ImageSource(folder: folder)
        try source.checkClasses()
        source.settings = ImageSource.Settings(
            size: size, fit: fit, colors: colors, skippingUnreadable: skippingUnreadable, cache: cache)
        return try source.dataset().dataset
    }

    /// Images that a text file lists, a path and a class on each line, as DIGITS takes them.
    ///
    /// - Parameters:
    ///   - list: Its paths are taken from its own folder unless they start at `/`. A class is a number from 0, or a name.
    ///   - classNames: The lines of `labels.txt` beside the list unless given, or else the numbers themselves.
    public static func images(
        listedIn list: String, classNames: [String]? = nil, size: ImageSize? = nil, fit: Image.Fit = .squash,
        colors: Colors? = nil, skippingUnreadable: Bool = false, cache: ImageCache = .standard
    ) throws -> Dataset {
        var source = try ImageSource(list: list, classNames: classNames)
        try source.checkClasses()
        source.settings = ImageSource.Settings(
            size: size, fit: fit, colors: colors, skippingUnreadable: skippingUnreadable, cache: cache)
        return try source.dataset().dataset
    }
}

extension DatasetSplit {
    /// Parts that lie in folders of their own, each with a folder for each class.
    ///
    ///     let data = try DatasetSplit.images(training: "flowers/train", validation: "flowers/val", size: [64, 64])
    ///
    /// - Throws: `DatasetError` as `Dataset.images(in:)` does, and where a part has a class that the training part lacks, or
    ///   lacks one that the training part has.
    public static func images(
        training: String, validation: String, test: String? = nil, size: ImageSize? = nil, fit: Image.Fit = .squash,
        colors: Dataset.Colors? = nil, skippingUnreadable: Bool = false, cache: ImageCache = .standard
    ) throws -> DatasetSplit {
        let parts = try [training, validation, test].compactMap(\.self).map { try ImageSource(folder: $0) }
        return try joined(
            parts,
            ImageSource.Settings(
                size: size, fit: fit, colors: colors, skippingUnreadable: skippingUnreadable, cache: cache))
    }

    /// Parts that text files list, as `Dataset.images(listedIn:)` reads them.
    public static func images(
        trainingList: String, validationList: String, testList: String? = nil, classNames: [String]? = nil,
        size: ImageSize? = nil, fit: Image.Fit = .squash, colors: Dataset.Colors? = nil,
        skippingUnreadable: Bool = false, cache: ImageCache = .standard
    ) throws -> DatasetSplit {
        let training = try ImageSource(list: trainingList, classNames: classNames)
        let others = try [validationList, testList].compactMap(\.self).map {
            try ImageSource(list: $0, classNames: training.classNames)
        }
        return try joined(
            [training] + others,
            ImageSource.Settings(
                size: size, fit: fit, colors: colors, skippingUnreadable: skippingUnreadable, cache: cache))
    }

    /// Reads all parts at once, so that they have one size and colours alike.
    private static func joined(_ parts: [ImageSource], _ settings: ImageSource.Settings) throws -> DatasetSplit {
        var all = parts[0]
        try all.checkClasses()
        for part in parts.dropFirst() {
            for (label, className) in part.classNames.enumerated()
            where !all.classNames.contains(className) && part.files.contains(where: { $0.label == label }) {
                throw DatasetError(
                    "DatasetSplit.images: \(part.description) has a class \(className), which \(parts[0].description) lacks; a network cannot recognise what it was never taught"
                )
            }
            let numbers = part.classNames.map { all.classNames.firstIndex(of: $0) ?? 0 }
            all.files += part.files.map { ($0.path, numbers[$0.label]) }
            all.failures += part.failures
        }
        all.settings = settings
        all.description = parts.map(\.description).joined(separator: ", ")
        let (dataset, read) = try all.dataset()
        // Which part each image that was read is of.
        var ends: [Int] = []
        for part in parts { ends.append((ends.last ?? 0) + part.files.count) }
        func part(_ index: Int) -> Dataset {
            let range = (index == 0 ? 0 : ends[index - 1])..<ends[index]
            return dataset.selecting(read.indices.filter { range.contains(read[$0]) })
        }
        let split = DatasetSplit(
            training: part(0), validation: part(1), test: parts.count > 2 ? part(2) : dataset.selecting([]))
        try split.check()
        return split
    }
}
