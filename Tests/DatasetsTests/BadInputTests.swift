import Display
import Glibc
import Pictures
import Tensors
import Testing

@testable import Datasets

private func write(_ path: String, value: UInt8 = 5) throws {
    try Image(width: 4, height: 4, pixels: [UInt8](repeating: value, count: 16)).write(to: path)
}

/// Two images each of two classes.
private func plant(_ folder: String, classes: [String] = ["a", "b"], count: Int = 2) throws {
    for name in classes {
        try makeFolder("\(folder)/\(name)")
        for index in 0..<count { try write("\(folder)/\(name)/\(index).png") }
    }
}

private func sentence(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch { return "\(error)" }
}

/// What folders on real disks contain besides images. Each gives a sentence with the name, or is passed over; none hangs.
@Suite struct OddFilesTests {
    @Test(.timeLimit(.minutes(1))) func linksThatLeadRoundInCirclesCountOnce() throws {
        try inFolder { folder in
            try plant(folder)
            symlink("..", "\(folder)/a/up")
            symlink(".", "\(folder)/b/here")
            symlink("self.png", "\(folder)/b/self.png")
            let message = sentence { _ = try Dataset.images(in: folder, cache: .none) }
            #expect(
                message
                    == "Dataset.images: \(folder)/b/self.png: is a link that leads nowhere; 4 others were read. skippingUnreadable: true leaves such files out."
            )
            let images = try Dataset.images(in: folder, skippingUnreadable: true, cache: .none)
            #expect(images.classCounts == [2, 2])
        }
    }

    @Test func aLinkToAFolderElsewhereIsFollowed() throws {
        try inFolder { folder in
            try plant("\(folder)/elsewhere", classes: ["x"])
            try plant("\(folder)/images")
            symlink("../../elsewhere/x", "\(folder)/images/a/more")
            #expect(try Dataset.images(in: "\(folder)/images", cache: .none).classCounts == [4, 2])
        }
    }

    @Test func aNameThatIsNotUTF8IsSaid() throws {
        try inFolder { folder in
            try plant(folder)
            // "caf\xe9.png": Latin-1, as old archives have it.
            let bytes =
                Array("\(folder)/a/caf".utf8CString.dropLast()) + [CChar(bitPattern: 0xE9)]
                + Array(".png".utf8CString)
            let file = open(bytes, O_WRONLY | O_CREAT, 0o644)
            #expect(file >= 0)
            close(file)
            let message = sentence { _ = try Dataset.images(in: folder, cache: .none) }
            #expect(
                message
                    == "Dataset.images: \(folder)/a/caf\u{FFFD}.png: has a name that is not UTF-8; rename it; 4 others were read. skippingUnreadable: true leaves such files out."
            )
        }
    }

    @Test(.timeLimit(.minutes(1))) func aPipeIsNotWaitedFor() throws {
        try inFolder { folder in
            try plant(folder)
            mkfifo("\(folder)/a/pipe.png", 0o644)
            let message = sentence { _ = try Dataset.images(in: folder, cache: .none) }
            #expect(
                message.hasPrefix("Dataset.images: \(folder)/a/pipe.png: is a device or a pipe, not a file; 4 others"))
            #expect(
                sentence { _ = try Image("\(folder)/a/pipe.png") }
                    == "\(folder)/a/pipe.png: is a folder or a device, not a file")
        }
    }

    @Test func whatMayNotBeReadIsSaid() throws {
        try inFolder { folder in
            try plant(folder)
            chmod("\(folder)/a/1.png", 0)
            try makeFolder("\(folder)/b/closed")
            chmod("\(folder)/b/closed", 0)
            // The tests may run as root, who may read everything: nobody may not.
            let isRoot = geteuid() == 0
            if isRoot { #expect(seteuid(65_534) == 0) }
            let message = sentence { _ = try Dataset.images(in: folder, cache: .none) }
            if isRoot { #expect(seteuid(0) == 0) }
            chmod("\(folder)/b/closed", 0o755)
            #expect(
                message
                    == "Dataset.images: \(folder)/b/closed: cannot be looked into (Permission denied), and 1 more cannot be read; 3 others were read. skippingUnreadable: true leaves such files out."
            )
        }
    }

    @Test func aFileThatIsNoImageIsSaid() throws {
        try inFolder { folder in
            try plant(folder)
            try writeFile(Array("<html>404</html>".utf8), to: "\(folder)/b/1.png")
            try writeFile([], to: "\(folder)/b/2.jpg")
            let message = sentence { _ = try Dataset.images(in: folder, cache: .none) }
            #expect(
                message
                    == "Dataset.images: \(folder)/b/1.png: is neither a PNG nor a JPEG file, and 1 more cannot be read; 3 others were read. skippingUnreadable: true leaves such files out."
            )
        }
    }
}

@Suite struct TooFewTests {
    @Test func oneImageTeachesNothing() throws {
        try inFolder { folder in
            try write("\(folder)/only.png")
            try writeFile(Array("only.png 1\n".utf8), to: "\(folder)/list.txt")
            let message = sentence { _ = try Dataset.images(listedIn: "\(folder)/list.txt", cache: .none) }
            #expect(
                message == "Dataset.images: \(folder)/list.txt has one image only; a network learns from many")
        }
    }

    @Test func aClassThatAPartLacksIsNamed() throws {
        let labels = [0, 0, 0, 0, 1, 1, 1, 1, 2]
        let data = try Dataset(
            "few", pixels: [UInt8](repeating: 0, count: 9), shape: [1, 1, 1], labels: labels,
            classNames: ["cat", "dog", "cow"])
        let split = data.split(training: 0.75, validation: 0.25, seed: 1)
        #expect(
            sentence { try split.check() }
                == "few: the validation part has no image of class cow, the training part 1; give that class more images, the part a larger share, or leave it out with limited(perClass:)"
        )
        #expect(
            sentence { try data.limited(perClass: 2...9).split(training: 0.75, validation: 0.25, seed: 1).check() }
                == "")
        let none = DatasetSplit(training: data[0..<0], validation: data, test: data)
        #expect(sentence { try none.check() } == "few: the training part has no images; give it a share above 0")
        let alone = DatasetSplit(training: data[8..<9], validation: data[0..<0], test: data)
        #expect(
            sentence { try alone.check() }
                == "few: the training part has 1 image, all of class cow; give it images of two classes or more, or there is nothing to tell apart"
        )
    }

    @Test func aListThatIsNoTextOrHasNoSuchClassIsNamed() throws {
        try inFolder { folder in
            let list = "\(folder)/list.txt"
            try write("\(folder)/0.png")
            func message(_ bytes: [UInt8], _ names: [String]?) throws -> String {
                try writeFile(bytes, to: list)
                return sentence { _ = try Dataset.images(listedIn: list, classNames: names, cache: .none) }
            }
            #expect(try message([0xFF, 0xFE, 0x20], nil) == "\(list): is not a text file in UTF-8")
            #expect(
                try message(Array("0.png 0\n0.png 2\n".utf8), ["a", "b"])
                    == "\(list): line 2 has an image of class 2, but there are 2 classes, 0 to 1")
            #expect(
                try message(Array("0.png 0\n0.png -1\n".utf8), nil)
                    == "\(list): line 2 is not a path, a space and a class from 0")
            #expect(
                try message(Array("0.png 0\n0.png 4000000\n".utf8), nil)
                    == "\(list): has an image of class 4,000,000; classes are numbered from 0, without gaps")
            #expect(
                try message(Array("0.png 0\n0.png tulip\n".utf8), nil)
                    == "\(list): line 2 has the class “tulip”; names of classes need a labels.txt beside the list, or classNames:"
            )
            #expect(
                try message(Array("0.png a\n0.png tulip\n".utf8), ["a", "b"])
                    == "\(list): line 2 has the class “tulip”; the classes are a, b")
            // Spaces at the ends and tabs are no part of anything.
            #expect(try message(Array("  0.png \t 0 \n0.png b  \r\n".utf8), ["a", "b"]) == "")
            #expect(try message(Array("\n\n".utf8), nil) == "\(list): lists no images")
            #expect(
                try message(Array("0.png 0\n0.png 0\n".utf8), nil)
                    == "Dataset.images: \(list) has one class only (0); there is nothing to tell apart")
        }
    }

    @Test(arguments: [
        (Float.nan, "NaN"), (.infinity, "inf"), (1.5, "1.5"), (-0.25, "-0.25"),
    ])
    func aPixelThatIsNoneIsNamedWithItsImage(value: Float, shown: String) {
        var scalars = [Float](repeating: 0.5, count: 12)
        scalars[7] = value
        let message = sentence {
            _ = try Dataset(
                "made", images: Tensor(scalars, shape: [3, 1, 2, 2]), labels: [0, 1, 0], classNames: ["a", "b"])
        }
        #expect(
            message
                == "made: image 1 has a pixel of \(shown); pixels are 0 (black) to 1, so scale them or leave that image out"
        )
    }
}

@Suite struct PartsInPlacesTests {
    @Test func foldersForEachPartAreASplit() throws {
        try inFolder { folder in
            try plant("\(folder)/train", count: 3)
            try plant("\(folder)/val", count: 1)
            let data = try DatasetSplit.images(
                training: "\(folder)/train", validation: "\(folder)/val", cache: .none)
            #expect(data.training.classCounts == [3, 3] && data.validation.classCounts == [1, 1])
            #expect(data.test.count == 0)
            try plant("\(folder)/test", classes: ["a", "b", "c"], count: 1)
            let message = sentence {
                _ = try DatasetSplit.images(
                    training: "\(folder)/train", validation: "\(folder)/val", test: "\(folder)/test", cache: .none)
            }
            #expect(
                message
                    == "DatasetSplit.images: \(folder)/test has a class c, which \(folder)/train lacks; a network cannot recognise what it was never taught"
            )
        }
    }

    @Test func listsForEachPartAreASplitWithTheNamesOfLabels() throws {
        try inFolder { folder in
            try plant(folder)
            try writeFile(Array("cat\ndog\n".utf8), to: "\(folder)/labels.txt")
            try writeFile(Array("a/0.png 0\nb/0.png dog\n".utf8), to: "\(folder)/train.txt")
            try writeFile(Array("a/1.png cat\nb/1.png 1\n".utf8), to: "\(folder)/val.txt")
            let data = try DatasetSplit.images(
                trainingList: "\(folder)/train.txt", validationList: "\(folder)/val.txt", cache: .none)
            #expect(data.training.classNames == ["cat", "dog"])
            #expect(data.training.labels == [0, 1] && data.validation.labels == [0, 1])
        }
    }

    @Test func aSplitMayLeaveProportionsToChance() throws {
        let data = try Dataset(
            "many", pixels: [UInt8](repeating: 0, count: 1_000), shape: [1, 1, 1],
            labels: (0..<1_000).map { $0 % 2 }, classNames: ["a", "b"])
        let even = data.split(training: 0.5, validation: 0.5, seed: 1)
        let loose = data.split(training: 0.5, validation: 0.5, seed: 1, stratified: false)
        #expect(even.training.classCounts == [250, 250])
        #expect(loose.training.count == 500 && loose.training.classCounts != [250, 250])
    }
}

@Suite struct MeansTests {
    /// Two images of 1 × 2 pixels: black and white, and grey.
    private func pair() throws -> Dataset {
        try Dataset("pair", pixels: [0, 255, 100, 155], shape: [1, 1, 2], labels: [0, 1], classNames: ["a", "b"])
    }

    @Test func theMeanImageIsTheMeanOfEachPixel() throws {
        #expect(try pair().meanImage.pixels == [50, 205])
        let values = try pair().normalized(.meanImage).images.scalars
        // -50, 50, 50 and -50 of 255.
        #expect(zip(values, [-50, 50, 50, -50].map { Float($0) / 255 }).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test func theMeanPixelIsTheMeanOfEachChannel() throws {
        let values = try pair().normalized(.meanPixel).images.scalars
        // The mean of all is 127.5.
        #expect(zip(values, [0, 255, 100, 155].map { ($0 - 127.5) / 255 }).allSatisfy { abs($0 - Float($1)) < 1e-6 })
        #expect(try pair().normalized(.none).images.scalars[1] == 1)
    }

    @Test func augmentedImagesLoseTheSameMean() throws {
        let data = try pair().normalized(.meanImage).augmented(.invert(probability: 1))
        let values = data.batches(of: 2, shuffledBy: 1, epoch: 0, shuffles: false)[0].images.scalars
        // 255 - 0 - 50, 255 - 255 - 205 and so on.
        #expect(zip(values, [205, -205, 105, -105].map { Float($0) / 255 }).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test func aSampleShowsItsNumbers() throws {
        let text = try pair()[0].mimeBundle.text
        #expect(text == "a · image 0, 1 × 2 pixels\ngrey: 0 to 255, mean 127.5, deviation 127.5")
        let color = try Dataset(
            "c", pixels: [UInt8](repeating: 7, count: 3 * 64), shape: [3, 8, 8], labels: [0], classNames: ["a"])
        #expect(color[0].mimeBundle.text.contains("blue: 7 to 7, mean 7.0, deviation 0.0"))
        #expect(try pair().classHistogram.text.contains("a  1"))
    }
}
