import Display
import Glibc
import Pictures
import Testing

@testable import Datasets

private func image(_ value: UInt8, width: Int = 4, height: Int = 4, channels: Int = 1) -> Image {
    Image(
        width: width, height: height, channels: channels,
        pixels: [UInt8](repeating: value, count: width * height * channels))
}

/// Three roses and two tulips, one of them a folder deeper.
private func plant(_ folder: String) throws {
    try makeFolder("\(folder)/rose")
    try makeFolder("\(folder)/tulip/late")
    for index in 0..<3 { try image(UInt8(10 + index)).write(to: "\(folder)/rose/\(index).png") }
    try image(100).write(to: "\(folder)/tulip/0.png")
    try image(101).write(to: "\(folder)/tulip/late/1.png")
    try writeFile(Array("not an image".utf8), to: "\(folder)/rose/readme.txt")
}

@Suite struct ImageFolderTests {
    @Test func aFolderForEachClassIsADataSet() throws {
        try inFolder { folder in
            try plant(folder)
            let flowers = try Dataset.images(in: folder + "/", cache: .none)
            #expect(flowers.classNames == ["rose", "tulip"])
            #expect(flowers.labels == [0, 0, 0, 1, 1])
            #expect(flowers.imageShape == [1, 4, 4])
            #expect(flowers.indices.map { flowers.pixels[Int($0) * 16] } == [10, 11, 12, 100, 101])
        }
    }

    @Test func coloredImagesHaveThreeChannelsOneAfterTheOther() throws {
        try inFolder { folder in
            try plant(folder)
            try Image(width: 4, height: 4, channels: 3, pixels: (0..<16).flatMap { _ in [200, 100, 50] as [UInt8] })
                .write(to: "\(folder)/rose/9.png")
            let flowers = try Dataset.images(in: folder, cache: .none)
            #expect(flowers.imageShape == [3, 4, 4])
            #expect(flowers[3].image[2, 2] == [200, 100, 50])
            #expect(flowers[0].image[2, 2] == [10, 10, 10])
            #expect(try Dataset.images(in: folder, colors: .gray, cache: .none).imageShape == [1, 4, 4])
        }
    }

    @Test func imagesOfOtherSizesNeedASize() throws {
        try inFolder { folder in
            try plant(folder)
            try image(5, width: 8, height: 6).write(to: "\(folder)/tulip/2.png")
            let error = #expect(throws: DatasetError.self) { try Dataset.images(in: folder, cache: .none) }
            #expect(
                error?.description
                    == "Dataset.images: \(folder)/rose/0.png has 4 × 4 pixels, \(folder)/tulip/2.png 6 × 8; give a size, such as size: [64, 64]"
            )
            #expect(try Dataset.images(in: folder, size: [3, 5], cache: .none).imageShape == [1, 3, 5])
            #expect(try Dataset.images(in: folder, size: 7, cache: .none).imageShape == [1, 7, 7])
        }
    }

    @Test func aDamagedFileIsNamedWithTheNumberOfTheOthers() throws {
        try inFolder { folder in
            try plant(folder)
            let path = "\(folder)/rose/1.png"
            try writeFile(Array(try readFile(path).prefix(50)), to: path)
            let error = #expect(throws: DatasetError.self) { try Dataset.images(in: folder, cache: .none) }
            #expect(
                error?.description
                    == "Dataset.images: \(path): is cut short (50 bytes are there); 4 others were read. skippingUnreadable: true leaves such files out."
            )
            let rest = try Dataset.images(in: folder, skippingUnreadable: true, cache: .none)
            #expect(rest.count == 4)
            #expect(rest.source.hasSuffix("1 unreadable file was left out: \(path)"))
        }
    }

    @Test func foldersThatTeachNothingAreRefused() throws {
        try inFolder { folder in
            func sentence() -> String {
                do {
                    _ = try Dataset.images(in: folder, cache: .none)
                    return ""
                } catch { return "\(error)" }
            }
            #expect(
                sentence() == "Dataset.images: \(folder) has no folders; each class needs one with its images in it")
            try makeFolder("\(folder)/rose")
            #expect(
                sentence() == "Dataset.images: \(folder) has one class only (rose); there is nothing to tell apart")
            try makeFolder("\(folder)/tulip")
            #expect(sentence() == "Dataset.images: there are no images in \(folder)/rose")
        }
        let error = #expect(throws: DatasetError.self) { try Dataset.images(in: "/nowhere") }
        #expect(error?.description == "Dataset.images: there is no folder /nowhere")
    }

    @Test func aListNamesPathsAndClasses() throws {
        try inFolder { folder in
            try plant(folder)
            try writeFile(Array("rose/2.png 1\ntulip/0.png 0\n".utf8), to: "\(folder)/train.txt")
            let listed = try Dataset.images(listedIn: "\(folder)/train.txt", classNames: ["t", "r"], cache: .none)
            #expect(listed.labels == [1, 0])
            #expect(listed[0].image[0, 0] == [12])
            try writeFile(Array("rose/2.png\n".utf8), to: "\(folder)/train.txt")
            let error = #expect(throws: FileError.self) {
                try Dataset.images(listedIn: "\(folder)/train.txt", cache: .none)
            }
            #expect(error?.description == "\(folder)/train.txt: line 1 is not a path, a space and a class from 0")
        }
    }

    @Test func classesCanBeLimited() throws {
        try inFolder { folder in
            try plant(folder)
            let flowers = try Dataset.images(in: folder, cache: .none)
            #expect(flowers.limited(perClass: 1...2).classCounts == [2, 2])
            // The other class is left out: a network needs no output for it.
            let rest = flowers.limited(perClass: 3...9)
            #expect(rest.classNames == ["rose"] && rest.classCounts == [3])
            #expect(flowers.only(label: 1).limited(perClass: 2...2).labels == [0, 0])
        }
    }

    @Test func cifarsBinaryFilesAreRead() throws {
        try inFolder { folder in
            for (index, name) in ((1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]).enumerated() {
                // A picture that is red all over, in class `index`.
                let record =
                    [UInt8(index)] + [UInt8](repeating: 200, count: 1_024) + [UInt8](repeating: 0, count: 2_048)
                try writeFile(record, to: "\(folder)/\(name)")
            }
            let photos = try Dataset.cifar10(in: folder)
            #expect(photos.labels == [0, 1, 2, 3, 4, 5])
            #expect(photos[5].image[31, 31] == [200, 0, 0])
            #expect(photos[5].className == "dog")
            #expect(photos.source.hasSuffix("(6 of the official 60,000)"))
            try writeFile([1, 2, 3], to: "\(folder)/test_batch.bin")
            let error = #expect(throws: FileError.self) { try Dataset.cifar10(in: folder) }
            #expect(
                error?.description
                    == "\(folder)/test_batch.bin: cut short (3 bytes are not a multiple of an image's 3,073)")
            unlink("\(folder)/data_batch_2.bin")
            let missing = #expect(throws: FileError.self) { try Dataset.cifar10(in: folder) }
            #expect(
                missing?.description.hasPrefix("\(folder)/data_batch_2.bin: is not there; unpack CIFAR-10's") == true)
        }
    }
}
