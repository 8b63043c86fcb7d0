import Display
import Foundation
import Testing

@testable import SwiftCells

@Suite struct SessionFolderTests {
    private let parent = FileManager.default.temporaryDirectory.appending(path: "folders-\(UUID())").path

    @Test func whatAKernelThatIsGoneLeftBehindIsRemovedAndWhatIsInUseStays() throws {
        try makeFolder(parent)
        defer { removeFolder(parent) }
        // Nobody holds its lock: its process is gone.
        try makeFolder(parent + "/swift-lab-kernel-killed/cells")
        try makeFolder(parent + "/another-program")
        let first = try SessionFolder(in: parent)
        let second = try SessionFolder(in: parent)
        #expect(!fileExists(parent + "/swift-lab-kernel-killed"))
        #expect(fileExists(parent + "/another-program"))
        #expect(fileExists(first.path))
        second.remove()
        #expect(!fileExists(second.path))
        withExtendedLifetime(first) {}
    }

    @Test func aPlaceThatCannotBeWrittenIsNamed() {
        let error = #expect(throws: SystemError.self) { try SessionFolder(in: "/nowhere") }
        #expect(error?.description.contains("/nowhere") == true)
    }
}
