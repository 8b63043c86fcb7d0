import Display
import Glibc
import Pictures
import Tensors
import Testing

@testable import Datasets

/// A folder of its own for a test, with two classes of two images each, removed afterwards.
private func inFolder(_ body: (_ images: String, _ cache: ImageCache) throws -> Void) throws {
    let folder = "/tmp/swift-lab-cache-\(UInt32.random(in: 0...UInt32.max))"
    for (label, name) in ["a", "b"].enumerated() {
        try makeFolder("\(folder)/images/\(name)")
        for index in 0..<2 { try write(UInt8(label * 10 + index), to: "\(folder)/images/\(name)/\(index).png") }
    }
    defer { removeFolder(folder) }
    try body("\(folder)/images", ImageCache(folder: "\(folder)/cache"))
}

private func write(_ value: UInt8, to path: String) throws {
    try Image(width: 4, height: 4, pixels: [UInt8](repeating: value, count: 16)).write(to: path)
}

/// The first byte of each image: the test tells by it what was read.
private func values(_ folder: String, _ cache: ImageCache, size: ImageSize? = nil) throws -> [UInt8] {
    let dataset = try Dataset.images(in: folder, size: size, cache: cache)
    return (0..<dataset.count).map { dataset[$0].image.pixels[0] }
}

@Suite struct ImageCacheTests {
    /// Changes the one entry so that the test sees whether it is used: its pixels are all 99, its checksum fits.
    private func mark(_ cache: ImageCache, _ folder: String) throws {
        let paths = ["a/0", "a/1", "b/0", "b/1"].map { "\(folder)/\($0).png" }
        let key = try #require(ImageCache.key(paths, settings: "- squash -"))
        var content = try #require(cache.content(for: key))
        content.pixels = [UInt8](repeating: 99, count: content.pixels.count)
        cache.keep(content, for: key)
    }

    @Test func theSecondReadingComesFromTheCache() throws {
        try inFolder { folder, cache in
            #expect(try values(folder, cache) == [0, 1, 10, 11])
            #expect(cache.files.count == 1)
            try mark(cache, folder)
            #expect(try values(folder, cache) == [99, 99, 99, 99])
            #expect(try values(folder, .none) == [0, 1, 10, 11])
        }
    }

    @Test func whateverChangesIsReadAnew() throws {
        try inFolder { folder, cache in
            _ = try values(folder, cache)
            try mark(cache, folder)
            // Another size is another key.
            #expect(try values(folder, cache, size: [2, 2]) == [0, 1, 10, 11])
            // A file that was written again, of the same length.
            try write(7, to: "\(folder)/a/1.png")
            #expect(try values(folder, cache) == [0, 7, 10, 11])
            // One that was written in place: only its time tells.
            try write(3, to: "\(folder)/written.png")
            let file = open("\(folder)/a/1.png", O_WRONLY)
            let bytes = try readFile("\(folder)/written.png")
            #expect(pwrite(file, bytes, bytes.count, 0) == bytes.count)
            // The clock of files may stand still for some milliseconds.
            let times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
            #expect(futimens(file, times) == 0)
            close(file)
            unlink("\(folder)/written.png")
            #expect(try values(folder, cache) == [0, 3, 10, 11])
            try write(7, to: "\(folder)/a/1.png")
            // One more, and one less.
            try write(8, to: "\(folder)/a/2.png")
            #expect(try values(folder, cache) == [0, 7, 8, 10, 11])
            unlink("\(folder)/a/0.png")
            #expect(try values(folder, cache) == [7, 8, 10, 11])
        }
    }

    @Test func aDamagedEntryCountsAsNone() throws {
        try inFolder { folder, cache in
            _ = try values(folder, cache)
            let path = try #require(cache.files.first?.path)
            let whole = try readFile(path)
            for damage in [Array(whole.dropLast()), [], Array(whole.prefix(9)), whole.map { $0 ^ 1 }] {
                try writeFile(damage, to: path)
                #expect(try values(folder, cache) == [0, 1, 10, 11])
            }
            #expect(try readFile(path) == whole)
        }
    }

    @Test func aFolderWithUnreadableFilesIsNotKept() throws {
        try inFolder { folder, cache in
            try writeFile([1, 2, 3], to: "\(folder)/a/1.png")
            let rest = try Dataset.images(in: folder, skippingUnreadable: true, cache: cache)
            #expect(rest.count == 3 && cache.files.isEmpty)
        }
    }

    @Test func theLimitRemovesWhatWasNotUsedForLongest() throws {
        try inFolder { folder, cache in
            _ = try values(folder, cache, size: [4, 4])
            _ = try values(folder, cache, size: [3, 3])
            let oldest = try #require(cache.files.last?.path)
            var small = cache
            small.limit = cache.size + 10
            _ = try values(folder, small, size: [5, 5])
            #expect(!fileExists(oldest))
            #expect(small.size <= small.limit && !small.files.isEmpty)
        }
    }

    @Test func itSaysWhatItHoldsAndCanBeCleared() throws {
        try inFolder { folder, cache in
            _ = try values(folder, cache)
            let text = cache.mimeBundle.text
            #expect(text.contains("images  ") && text.contains("4 × 4") && text.contains(cache.folder!))
            cache.clear()
            #expect(cache.size == 0 && cache.files.isEmpty)
        }
        #expect(ImageCache.standard.folder?.hasSuffix("/swift-lab/images") == true)
    }

    @Test func aCacheThatCannotBeWrittenCostsNothingElse() throws {
        try inFolder { folder, _ in
            let read = try values(folder, ImageCache(folder: "/proc/nowhere"))
            #expect(read == [0, 1, 10, 11])
        }
    }
}
