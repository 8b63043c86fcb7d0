import Display
import Foundation
import JupyterWire
import Logging
import Testing

@testable import JupyterKernel

@Suite struct HistoryTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "history-\(UUID())").path
    private var file: String { folder + "/deep/below/history.sqlite" }
    private let log = RecordedLog()

    private func history(_ path: String? = nil) -> History {
        History(path: path, logger: Logger(label: "test") { _ in log })
    }

    private func request(_ fields: JSON) throws -> HistoryRequest {
        try JSONText.decode(HistoryRequest.self, from: JSONText.encode(fields), part: "content")
    }

    private func inputs(_ history: History, _ fields: JSON) throws -> [String] {
        try history.answer(request(fields)).history.map(\.input)
    }

    @Test func theLastCellsComeInTheOrderInWhichTheyWereRun() throws {
        let history = history()
        for number in 1...5 { history.add(line: number, input: "cell \(number)", output: number == 5 ? "five" : nil) }
        #expect(try inputs(history, ["hist_access_type": "tail", "n": 2]) == ["cell 4", "cell 5"])
        #expect(try inputs(history, ["hist_access_type": "tail", "n": -1]) == [])
        let entries = try history.answer(request(["hist_access_type": "tail", "n": 2, "output": true])).history
        #expect(entries.map(\.output) == [.some(nil), .some("five")])
        #expect(entries.map(\.line) == [4, 5])
    }

    @Test func aRangeIsOfOneSession() throws {
        do {
            let earlier = history(file)
            for number in 1...3 { earlier.add(line: number, input: "earlier \(number)", output: nil) }
        }
        let history = history(file)
        for number in 1...3 { history.add(line: number, input: "now \(number)", output: nil) }
        #expect(try inputs(history, ["hist_access_type": "range", "session": 0, "start": 2, "stop": 3]) == ["now 2"])
        #expect(
            try inputs(history, ["hist_access_type": "range", "session": -1, "start": 2]) == ["earlier 2", "earlier 3"])
        #expect(
            try inputs(history, ["hist_access_type": "range", "session": 1, "start": 1, "stop": 2]) == ["earlier 1"])
        #expect(try inputs(history, ["hist_access_type": "tail", "n": 4]) == ["earlier 3", "now 1", "now 2", "now 3"])
        #expect(log.lines.isEmpty)
    }

    @Test func aSearchFindsPatternsAndEachTextOnceIfAsked() throws {
        let history = history()
        for (line, input) in ["let a = 1", "print(a)", "let a = 1", "let b = 2", "LET"].enumerated() {
            history.add(line: line, input: input, output: nil)
        }
        let pattern: JSON = ["hist_access_type": "search", "pattern": "let ?*"]
        #expect(try inputs(history, pattern) == ["let a = 1", "let a = 1", "let b = 2"])
        let unique: JSON = ["hist_access_type": "search", "pattern": "let *", "unique": true]
        #expect(try inputs(history, unique) == ["let a = 1", "let b = 2"])
        let last: JSON = ["hist_access_type": "search", "pattern": "*a*", "n": 2]
        #expect(try inputs(history, last) == ["print(a)", "let a = 1"])
    }

    @Test func onlyStarsAndQuestionMarksAreWildcards() throws {
        let history = history()
        for (line, input) in ["a[0] = 1", "a0 = 1", "b]"].enumerated() {
            history.add(line: line, input: input, output: nil)
        }
        func found(_ pattern: String) throws -> [String] {
            try inputs(history, ["hist_access_type": "search", "pattern": .string(pattern)])
        }
        #expect(try found("a[0]*") == ["a[0] = 1"])
        #expect(try found("a[?*") == ["a[0] = 1"])
        #expect(try found("?]") == ["b]"])
    }

    @Test func textIsKeptAsItIs() throws {
        let history = history(file)
        let text = "'; DROP TABLE cells; -- \"é🙂\n\t%"
        history.add(line: 1, input: text, output: text)
        let entry = try #require(
            try history.answer(request(["hist_access_type": "tail", "n": 1, "output": true])).history.first)
        #expect(entry.input == text && entry.output == .some(text))
    }

    @Test func onlyItsOwnerMayReadTheFolder() throws {
        _ = history(file)
        let mode = try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int
        #expect(mode == 0o700)
    }

    @Test func whereNothingCanBeWrittenItLivesInMemory() throws {
        let history = history("/proc/nowhere/history.sqlite")
        history.add(line: 1, input: "kept", output: nil)
        #expect(try inputs(history, ["hist_access_type": "tail", "n": 1]) == ["kept"])
        #expect(log.lines.count == 1)
        #expect(log.lines[0].hasPrefix("The history of /proc/nowhere/history.sqlite is neither read nor written"))
    }

    @Test func aDamagedFileIsLeftAlone() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let damaged = folder + "/history.sqlite"
        try Data("this is no database, and long enough to be looked at".utf8).write(to: URL(filePath: damaged))
        let history = history(damaged)
        history.add(line: 1, input: "kept", output: nil)
        #expect(try inputs(history, ["hist_access_type": "tail", "n": 1]) == ["kept"])
        #expect(log.lines.count == 1)
    }

    @Test func onlyStoredCellsAreRemembered() throws {
        let client = try TestClient(historyFile: file)
        for (code, options) in [("value 1", [:]), ("value 2", ["store_history": false]), ("value 3", ["silent": true])]
            as [(String, [String: JSON])]
        {
            _ = try client.run(code, options)
        }
        let id = client.send("history_request", ["hist_access_type": "tail", "n": 9, "output": true, "raw": true])
        #expect(try client.reply(to: id).content["history"] == [[1, 1, ["value 1", "1"]]])
    }
}
