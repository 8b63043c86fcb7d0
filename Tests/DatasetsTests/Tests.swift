import Display
import Pictures
import Tensors
import Testing

@testable import Datasets

private func bigEndian(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

/// An IDX file of bytes.
private func idx(_ sizes: [Int], _ elements: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(sizes.count)] + sizes.flatMap(bigEndian) + elements
}

/// Four IDX files like MNIST's, of `count` training and 5 test images of 2 × 3 pixels.
private func writeDigits(to folder: String, count: Int = 20) throws {
    try makeFolder(folder)
    for (part, count) in [("train", count), ("t10k", 5)] {
        let pixels = (0..<count * 6).map { UInt8($0 % 251) }
        try writeFile(idx([count, 2, 3], pixels), to: "\(folder)/\(part)-images-idx3-ubyte")
        try writeFile(idx([count], (0..<count).map { UInt8($0 % 10) }), to: "\(folder)/\(part)-labels-idx1-ubyte")
    }
}

/// `count` images of 1 × 2 × 2 in three classes, 60 %, 30 % and 10 % of them; the first byte tells which image it is.
private func threeClasses(count: Int = 100) throws -> Dataset {
    let labels = (0..<count).map { $0 % 10 < 6 ? 0 : $0 % 10 < 9 ? 1 : 2 }
    let pixels = (0..<count).flatMap { [UInt8($0 % 256), 0, 100, 200] as [UInt8] }
    return try Dataset("made", pixels: pixels, shape: [1, 2, 2], labels: labels, classNames: ["a", "b", "c"])
}

@Suite struct IDXTests {
    @Test func aPlainFileIsRead() throws {
        try inFolder { folder in
            try writeFile(idx([2, 1, 3], [1, 2, 3, 4, 5, 6]), to: "\(folder)/images")
            let file = try IDXFile("\(folder)/images")
            #expect(file.sizes == [2, 1, 3])
            #expect(file.elements == [1, 2, 3, 4, 5, 6])
        }
    }

    @Test func aFileThatIsCutShortIsNamedWithBothSizes() throws {
        try inFolder { folder in
            let whole = idx([10, 64, 64], [UInt8](repeating: 0, count: 40_960))
            try writeFile(Array(whole.prefix(3_112)), to: "\(folder)/train-images-idx3-ubyte")
            let error = #expect(throws: FileError.self) { try IDXFile("\(folder)/train-images-idx3-ubyte") }
            // 40,960 pixels and 16 bytes of header.
            #expect(error?.description == "\(folder)/train-images-idx3-ubyte: cut short (3,112 of 40,976 bytes)")
        }
    }

    @Test(.enabled(if: fileExists("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz")))
    func aPackedFileThatIsCutShortIsNamedWithBothSizes() throws {
        try inFolder { folder in
            let packed = try readFile("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz")
            try writeFile(Array(packed.prefix(2_000)), to: "\(folder)/labels.gz")
            let error = #expect(throws: FileError.self) { try IDXFile("\(folder)/labels.gz") }
            let sentence = error?.description ?? ""
            #expect(sentence.hasPrefix("\(folder)/labels.gz: cut short ("))
            // 10,000 labels and 8 bytes of header.
            #expect(sentence.hasSuffix(" of 10,008 bytes)"))
        }
    }

    @Test(
        arguments: [
            ([0x50, 0x4B, 3, 4, 0, 0], "is not an IDX file (it starts with 50 4b 03 04, not with 00 00 08)"),
            ([0, 0, 0x0D, 1, 0, 0, 0, 0], "holds elements of IDX type 13; only bytes (type 8) can be read"),
            ([0, 0], "cut short (2 of at least 8 bytes)"),
            ([0, 0, 8, 3, 0, 0, 0, 1], "cut short (8 of at least 16 bytes)"),
            ([0, 0, 8, 1, 0, 0, 0, 1, 7, 7], "has 10 bytes where its header asks for 9"),
            ([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 255, 255], "is damaged: it cannot be unpacked beyond byte"),
        ] as [([UInt8], String)])
    func anythingElseIsRefusedInASentence(bytes: [UInt8], sentence: String) throws {
        try inFolder { folder in
            try writeFile(bytes, to: "\(folder)/file")
            let error = #expect(throws: FileError.self) { try IDXFile("\(folder)/file") }
            #expect(error?.description.hasPrefix("\(folder)/file: \(sentence)") == true)
        }
    }

    @Test func countsOfImagesAndLabelsMustAgree() throws {
        try inFolder { folder in
            try writeFile(idx([3, 1, 1], [1, 2, 3]), to: "\(folder)/images")
            try writeFile(idx([2], [0, 1]), to: "\(folder)/labels")
            let error = #expect(throws: FileError.self) {
                _ = try MNIST.labelled("\(folder)/images", "\(folder)/labels", classes: 10)
            }
            #expect(error?.description == "\(folder)/labels: has 2 labels for the 3 images of \(folder)/images")
        }
    }

    @Test func aLabelWithoutAClassIsNamed() throws {
        try inFolder { folder in
            try writeFile(idx([2, 1, 1], [1, 2]), to: "\(folder)/images")
            try writeFile(idx([2], [0, 12]), to: "\(folder)/labels")
            let error = #expect(throws: FileError.self) {
                _ = try MNIST.labelled("\(folder)/images", "\(folder)/labels", classes: 10)
            }
            #expect(
                error?.description == "\(folder)/labels: gives image 1 the label 12; there are 10 classes, 0 to 9")
        }
    }
}

@Suite struct MNISTTests {
    private func never(_ name: String, _ path: String) throws(Download.Failure) {
        Issue.record("\(name) must not be downloaded")
    }
    private func offline(_ name: String, _ path: String) throws(Download.Failure) {
        throw Download.Failure(reason: "the mirror cannot be reached")
    }

    @Test func filesInTheDataFolderComeFirst() throws {
        try inFolder { folder in
            try writeDigits(to: "\(folder)/mnist")
            let digits = try MNIST.load(from: folder, fetch: never)
            #expect(digits.count == 25)
            #expect(digits.source.hasSuffix("read from \(folder)/mnist"))
            #expect(digits[3].image.pixels == [18, 19, 20, 21, 22, 23])
        }
    }

    @Test func missingFilesAreDownloadedAndKept() throws {
        try inFolder { folder in
            try inFolder { mirror in
                try writeDigits(to: mirror)
                var fetched: [String] = []
                let digits = try MNIST.load(from: folder) { (name, path) throws(Download.Failure) in
                    fetched.append(name)
                    // The mirror's files are not packed here; the reader sees which they are.
                    let plain = String(name.dropLast(3))
                    do { try writeFile(try readFile("\(mirror)/\(plain)"), to: path) } catch {
                        throw Download.Failure(reason: "\(error)")
                    }
                }
                #expect(fetched == MNIST.digests.keys.sorted())
                #expect(digits.count == 25)
                #expect(digits.source.contains("downloaded to \(folder)/mnist"))
                #expect(try MNIST.load(from: folder, fetch: never).count == 25)
            }
        }
    }

    @Test func offlineTheSmallFileServesAndSaysSo() throws {
        try inFolder { folder in
            // 784 pixels and a class; that a file is packed, its first bytes say and not its name.
            let line = [String](repeating: "64", count: 784).joined(separator: ",") + ",7\n"
            try writeFile(Array((line + line).utf8), to: "\(folder)/\(MNIST.smallFile)")
            let digits = try MNIST.load(from: folder, fetch: offline)
            #expect(digits.labels == [7, 7] && digits.imageShape == [1, 28, 28])
            #expect(
                digits.source.hasSuffix(
                    "; the full 70,000 are not here and could not be downloaded (the mirror cannot be reached)"))
        }
    }

    @Test func withoutAnyDigitsItSaysWhereTheyCanComeFrom() throws {
        try inFolder { folder in
            let error = #expect(throws: DatasetError.self) { try MNIST.load(from: folder, fetch: offline) }
            let sentence = error?.description ?? ""
            #expect(sentence.contains("no digits in \(folder)"))
            #expect(sentence.contains("the mirror cannot be reached") && sentence.contains("make lab"))
        }
    }

    @Test(.enabled(if: fileExists(DataFolder.path + "/" + MNIST.smallFile), "`make lab` puts the digits there"))
    func theFiveThousandDigitsAreFiveHundredOfEach() throws {
        let digits = try Dataset.mnistSmall()
        #expect(digits.count == 5_000)
        #expect(digits.classCounts == [Int](repeating: 500, count: 10))
        #expect(digits.imageShape == [1, 28, 28])
        #expect(digits.pixelRange == 0...255)
    }

    @Test(.enabled(if: fileExists("/usr/share/datasets/fashion-mnist"), "Debian's dataset-fashion-mnist"))
    func fashionMNISTHasItsSeventyThousandImages() throws {
        let fashion = try Dataset.fashionMNIST()
        #expect(fashion.count == 70_000)
        #expect(fashion.classCounts == [Int](repeating: 7_000, count: 10))
        let parts = fashion.officialSplit(validation: 0.1, seed: 1)
        #expect([parts.training.count, parts.validation.count, parts.test.count] == [54_000, 6_000, 10_000])
        #expect(parts.test.positions == Array(60_000..<70_000))
        // The first image of the training file is an ankle boot (the data set's own README shows it).
        #expect(fashion[0].className == "Ankle boot")
    }
}

@Suite struct CSVTests {
    @Test(arguments: [
        ("1,2,3,4,0\n1,2,3,0\n", "line 2 has 4 values instead of 5"),
        ("1,2,3,256,0\n", "line 1 has a pixel of 256; 255 is the brightest"),
        ("1,2,x,4,0\n", "line 1 has “x” where only whole numbers from 0 to 255 and commas belong"),
        ("1,2,3,4,0\n1,nan,3,4,0\n", "line 2 has “nan” where only whole numbers from 0 to 255 and commas belong"),
        ("a,b,c,d,label\n1,2,3,0.5,0\n", "line 2 has “0.5” where only whole numbers from 0 to 255 and commas belong"),
        ("1,,3,4,0\n", "line 1 has an empty value"),
        ("\n\n", "holds no images"),
        ("1,2,3,4,0\n1,2,3,4,9\n", "made.csv: image 1 has label 9, but there are 2 classes (0 to 1)"),
    ])
    func aWrongLineIsNamed(text: String, sentence: String) throws {
        try inFolder { folder in
            try writeFile(Array(text.utf8), to: "\(folder)/made.csv")
            let error = #expect(throws: FileError.self) {
                try Dataset.csv("\(folder)/made.csv", shape: [1, 2, 2], classNames: ["a", "b"])
            }
            #expect(error?.description == "\(folder)/made.csv: \(sentence)")
        }
    }

    @Test func aFirstLineOfNamesIsPassedOver() throws {
        try inFolder { folder in
            try writeFile(Array("\"p0\",p1,p2,p3,label\n1,2,3,4,0\n5,6,7,8,1\n".utf8), to: "\(folder)/named.csv")
            let data = try Dataset.csv("\(folder)/named.csv", shape: [1, 2, 2])
            #expect(data.labels == [0, 1] && data[1].image.pixels == [5, 6, 7, 8])
        }
    }

    @Test func whatSpreadsheetsWriteIsRead() throws {
        try inFolder { folder in
            // A mark of UTF-8, names, lines that end with CR and LF, numbers in quotation marks, an empty last line.
            let text = "\u{FEFF}p0,p1,p2,p3,label\r\n\"1\",\"2\",\"3\",\"4\",\"0\"\r\n5, 6,7,8,1\r\n\r\n"
            try writeFile(Array(text.utf8), to: "\(folder)/sheet.csv")
            let data = try Dataset.csv("\(folder)/sheet.csv", shape: [1, 2, 2])
            #expect(
                data.labels == [0, 1] && data[0].image.pixels == [1, 2, 3, 4] && data[1].image.pixels == [5, 6, 7, 8])
        }
    }

    @Test func theClassMayStandFirst() throws {
        try inFolder { folder in
            try writeFile(Array("2,10,20,30,40\r\n0,1,2,3,4".utf8), to: "\(folder)/first.csv")
            let data = try Dataset.csv("\(folder)/first.csv", label: .first, shape: [1, 2, 2])
            #expect(data.labels == [2, 0])
            #expect(data[0].image.pixels == [10, 20, 30, 40])
            #expect(data.classNames == ["0", "1", "2"])
            // A first line that says so is believed, unless the caller knows better.
            let named = "\(folder)/kaggle.csv"
            try writeFile(Array("label,pixel0,pixel1,pixel2,pixel3\n2,10,20,30,40\n0,1,2,3,4".utf8), to: named)
            #expect(try Dataset.csv(named, shape: [1, 2, 2]).labels == [2, 0])
            #expect(try Dataset.csv(named, label: .last, shape: [1, 2, 2]).labels == [40, 4])
        }
    }
}

@Suite struct SplitTests {
    @Test func everyClassIsInEveryPartInProportion() throws {
        let parts = try threeClasses().split(training: 0.6, validation: 0.2, test: 0.2, seed: 7)
        #expect(parts.training.classCounts == [36, 18, 6])
        #expect(parts.validation.classCounts == [12, 6, 2])
        #expect(parts.test.classCounts == [12, 6, 2])
    }

    @Test func noImageIsInTwoPartsAndNoneIsLost() throws {
        let parts = try threeClasses().split(training: 0.33, validation: 0.33, test: 0.34, seed: 3)
        let places = parts.training.positions + parts.validation.positions + parts.test.positions
        #expect(places.sorted() == Array(0..<100))
    }

    @Test func theSeedDecides() throws {
        let data = try threeClasses()
        let one = data.split(training: 0.5, validation: 0.5, seed: 1)
        #expect(one.training.positions == data.split(training: 0.5, validation: 0.5, seed: 1).training.positions)
        #expect(one.training.positions != data.split(training: 0.5, validation: 0.5, seed: 2).training.positions)
        // The first ten of this split, written down from the first run: other machines must draw the same.
        #expect(Array(one.training.positions.prefix(10)) == [6, 4, 43, 30, 40, 79, 89, 7, 72, 32])
    }

    @Test func onlyTheTrainingPartDecidesTheNormalization() throws {
        // Training images are 0 and 200 in turn; the others are brighter by far.
        let data = try Dataset(
            "made", pixels: [0, 200, 0, 200, 255, 255, 255, 255], shape: [1, 1, 2], labels: [0, 0, 0, 0],
            classNames: ["a"])
        let split = DatasetSplit(training: data[0..<2], validation: data[2..<3], test: data[3..<4]).normalized()
        #expect(split.test.normalization == split.training.normalization)
        // Mean 100, standard deviation 100: (0 - 100) / 100 and (200 - 100) / 100; 255 becomes 1.55.
        let training = split.training.images.scalars
        #expect(zip(training, [-1, 1, -1, 1]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(split.validation.images.scalars.allSatisfy { abs($0 - 1.55) < 1e-6 })
    }

    @Test func aChannelWithoutVariationStaysFinite() throws {
        let data = try Dataset("flat", pixels: [9, 9, 9, 9], shape: [1, 2, 2], labels: [0], classNames: ["a"])
        #expect(data.normalized().images.scalars == [0, 0, 0, 0])
    }

    @Test func colorsAreNormalisedChannelByChannel() throws {
        let data = try Dataset(
            "color", pixels: [0, 100, 50, 50, 10, 30], shape: [3, 1, 2], labels: [0], classNames: ["a"])
        let scalars = data.normalized().images.scalars
        #expect(zip(scalars, [-1, 1, 0, 0, -1, 1]).allSatisfy { abs($0 - $1) < 1e-6 })
        // Channels lie one after the other in the data and side by side in an image.
        #expect(data[0].image[0, 1] == [100, 50, 30])
    }
}

@Suite struct BatchesTests {
    @Test func theLastBatchHoldsWhatIsLeft() throws {
        let batches = try threeClasses().batches(of: 32)
        #expect(batches.count == 4)
        #expect(batches.map(\.count) == [32, 32, 32, 4])
        #expect(batches[3].images.shape == [4, 1, 2, 2])
        #expect(batches[3].labels.dtype == .int32)
    }

    @Test func anEpochHasEveryImageOnceInAnOrderOfItsOwn() throws {
        let data = try threeClasses()
        let first = data.batches(of: 7, shuffledBy: 1, epoch: 0).flatMap(\.places)
        #expect(first.sorted() == Array(0..<100))
        #expect(first != Array(0..<100))
        #expect(first == data.batches(of: 7, shuffledBy: 1, epoch: 0).flatMap(\.places))
        #expect(first != data.batches(of: 7, shuffledBy: 1, epoch: 1).flatMap(\.places))
        #expect(first != data.batches(of: 7, shuffledBy: 2, epoch: 0).flatMap(\.places))
    }

    @Test func imagesAndLabelsStayTogether() throws {
        let data = try threeClasses()
        for batch in data.batches(of: 16, shuffledBy: 5, epoch: 2) {
            let images = batch.images.scalars
            let labels = batch.labels.scalars
            for (row, place) in batch.places.enumerated() {
                // The first byte of each image is its place in the data.
                #expect((images[row * 4] * 255).rounded() == Float(place))
                #expect(Int(labels[row]) == data.labels[place])
            }
        }
    }
}

@Suite struct ManyImagesTests {
    /// Thousands of images are made in parts, on several threads.
    @Test func eachOfThousandsOfImagesIsInItsPlace() throws {
        let pixels = (0..<5_000).map { UInt8($0 % 251) }
        let data = try Dataset(
            "many", pixels: pixels, shape: [1, 1, 1], labels: [Int](repeating: 0, count: 5_000), classNames: ["a"])
        #expect(data.images.scalars.map { UInt8(($0 * 255).rounded()) } == pixels)
    }

    @Test func aLimitKeepsARandomChoiceOfEachClass() throws {
        func kept(_ seed: Int) throws -> [Int] {
            try threeClasses().limited(perClass: 1...10, seed: seed).only(label: 0).positions
        }
        let (one, again, other) = (try kept(1), try kept(1), try kept(2))
        #expect(one.count == 10 && one == again && one != other)
        // The first ten of class 0 would end at image 13.
        #expect(one.max()! > 50)
    }

    @Test func theMeanOfEachClassIsAnImage() throws {
        let data = try Dataset(
            "made", pixels: [10, 20, 200], shape: [1, 1, 1], labels: [0, 0, 1], classNames: ["a", "b"])
        #expect(data.meanImages.items.map(\.image.pixels) == [[15], [200]])
    }
}

@Suite struct DatasetTests {
    @Test func labelsWithoutAClassAreRefused() {
        let error = #expect(throws: DatasetError.self) {
            try Dataset("made", pixels: [1, 2], shape: [1, 1, 1], labels: [0, 3], classNames: ["a", "b"])
        }
        #expect(error?.description == "made: image 1 has label 3, but there are 2 classes (0 to 1)")
    }

    @Test func sizesThatDoNotFitAreRefused() {
        let error = #expect(throws: DatasetError.self) {
            try Dataset("made", pixels: [1, 2, 3], shape: [1, 1, 2], labels: [0, 0], classNames: ["a"])
        }
        #expect(error?.description == "made: 3 bytes are not 2 images of shape [1, 1, 2]")
        // More images than labels are not cut to their number either.
        let more = #expect(throws: DatasetError.self) {
            try Dataset("made", pixels: [1, 2, 3, 4], shape: [1, 1, 2], labels: [0], classNames: ["a"])
        }
        #expect(more?.description == "made: 4 bytes are not 1 image of shape [1, 1, 2]")
    }

    @Test func aPlaceThatIsNoneEndsInASentence() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let data = try Dataset(
                "two", pixels: [0, 1], shape: [1, 1, 1], labels: [0, 1], classNames: ["a", "b"])
            _ = data.images(at: [0, 9_999])
        }
        let sentence = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(sentence.contains("Dataset.images(at:): there is no image 9999 in two; it has 2, numbered from 0."))
    }

    @Test func aPartKeepsItsImages() throws {
        let data = try threeClasses()
        let part = data.only(label: 2)[2..<4]
        #expect(part.positions == [29, 39])
        #expect(part[1].image.pixels[0] == 39)
        #expect(part[1].className == "c")
    }

    @Test func aDataSetTellsItsSizesAndSourceInWords() throws {
        let bundle = try threeClasses().mimeBundle
        #expect(
            bundle.text == """
                made: 100 images, 2 × 2 pixels, grey · 3 classes · pixels from 0 to 200
                a: 60, b: 30, c: 10
                made in this program
                """)
        #expect(bundle.contents["image/png"] != nil)
    }

    @Test func aSplitIsATable() throws {
        let split = try threeClasses().split(training: 0.6, validation: 0.2, test: 0.2, seed: 7).normalized()
        #expect(split.mimeBundle.text.contains("training        60   60 %  36  18  6"))
        #expect(split.mimeBundle.text.contains("normalised by the training part: (pixel / 255 - 0."))
    }

    @Test func theClassesOfASplitThatFillALineGoDownThePage() throws {
        let names = (0..<120).map { "class number \($0)" }
        let many = try Dataset(
            "many", pixels: [UInt8](repeating: 0, count: 1_200), shape: [1, 1, 1], labels: (0..<1_200).map { $0 % 120 },
            classNames: names)
        let lines = many.split(training: 0.5, validation: 0.5, seed: 1).mimeBundle.text.split(separator: "\n")
        #expect(lines[1].split(separator: " ") == ["class", "training", "validation", "test"])
        #expect(lines[3].split(whereSeparator: { $0 == " " }).suffix(3) == ["5", "5", "0"])
        #expect(lines.contains { $0 == "and 20 more classes" })
        #expect(lines.last?.hasPrefix("images") == true && lines.last?.hasSuffix("0 (0 %)") == true)
        #expect(lines.allSatisfy { $0.count <= 60 })
    }

    @Test(arguments: [
        // FIPS 180-4's examples, as NIST publishes them with "abc" and the empty message; and one that fills two blocks.
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func digestsAreThoseOfTheStandard(message: String, digest: String) {
        #expect(SHA256.digest(Array(message.utf8)) == digest)
    }
}
