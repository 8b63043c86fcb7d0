internal import CSQLite
import Glibc
internal import JupyterWire
internal import Logging
import Synchronization

/// Where an application keeps the history of cells: `$XDG_DATA_HOME/<application>/history.sqlite`, by default below
/// `~/.local/share`. `nil` without a home.
public func historyFile(application: String) -> String? {
    func variable(_ name: String) -> String? {
        // A relative path is to be ignored, says the XDG specification.
        getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    let folder = variable("XDG_DATA_HOME") ?? variable("HOME").map { $0 + "/.local/share" }
    return folder.map { "\($0)/\(application)/history.sqlite" }
}

/// The cells that were run, in this session and in those before it.
final class History: Sendable {
    private let database: Mutex<Database>
    private let session: Int
    private let logger: Logger

    /// Opens the file at `path`, or makes it. Without a path, or where the file cannot be written, the history lives in
    /// memory for this session, and the log says so.
    init(path: String?, logger: Logger) {
        self.logger = logger
        if let path {
            do {
                // A full disk lets the file be opened, and refuses the session.
                let (opened, session) = try Self.begin(path)
                self.database = Mutex(opened)
                self.session = session
                return
            } catch {
                logger.notice("The history of \(path) is neither read nor written, because \(error).")
            }
        }
        do {
            let (opened, session) = try Self.begin(":memory:")
            self.database = Mutex(opened)
            self.session = session
        } catch {
            fatalError("SQLite cannot keep a history in memory: \(error)")
        }
    }

    private static func begin(_ path: String) throws -> sending (Database, Int) {
        let database = try Database(path: path)
        let session = try database.insert("INSERT INTO sessions (started) VALUES (?)", [.text(Timestamp.now())])
        return (database, session)
    }

    /// Adds a cell. `output` is its value's text.
    func add(line: Int, input: String, output: String?) {
        do {
            _ = try database.withLock { database in
                try database.insert(
                    "INSERT INTO cells (session, line, input, output) VALUES (?, ?, ?, ?)",
                    [.number(session), .number(line), .text(input), output.map(Database.Value.text) ?? .null])
            }
        } catch {
            logger.warning("A cell is missing in the history, because \(error).")
        }
    }

    func answer(_ request: HistoryRequest) throws -> HistoryReply {
        let all = "SELECT session, line, input, output FROM cells"
        let (query, values): (String, [Database.Value]) =
            switch request.access {
            case .range(let session, let start, let stop):
                (
                    "\(all) WHERE session = ? AND line >= ? AND line < ? ORDER BY id",
                    [
                        .number(session > 0 ? session : self.session + max(session, -self.session)), .number(start),
                        .number(stop ?? .max),
                    ]
                )
            case .tail(let count):
                (
                    "SELECT * FROM (SELECT session, line, input, output, id FROM cells ORDER BY id DESC LIMIT ?) ORDER BY id",
                    [.number(max(count, 0))]
                )
            case .search(let pattern, let count, let unique):
                (
                    """
                    SELECT * FROM (
                        SELECT session, line, input, output, \(unique ? "max(id)" : "id") AS id FROM cells
                        WHERE input GLOB ? \(unique ? "GROUP BY input" : "") ORDER BY id DESC LIMIT ?
                    ) ORDER BY id
                    """,
                    // To the protocol `*` and `?` are the only wildcards; SQLite knows sets of characters as well.
                    [.text(pattern.replacing("[", with: "[[]")), .number(count.map { max($0, 0) } ?? -1)]
                )
            }
        let cells = try database.withLock { try $0.cells(query, values) }
        return HistoryReply(
            history: cells.map { cell in
                .init(
                    session: cell.session, line: cell.line, input: cell.input,
                    output: request.includesOutput ? .some(cell.output) : nil)
            })
    }
}

/// A connection to the file, used by one thread at a time.
private final class Database {
    enum Value {
        case null
        case number(Int)
        case text(String)
    }

    private let connection: OpaquePointer

    init(path: String) throws {
        if path != ":memory:" { try Self.makeFolder(of: path) }
        var connection: OpaquePointer?
        let result = sqlite3_open(path, &connection)
        guard result == SQLITE_OK, let connection else {
            let error = DatabaseError(String(cString: sqlite3_errstr(result)))
            sqlite3_close(connection)
            throw error
        }
        self.connection = connection
        sqlite3_busy_timeout(connection, 500)
        // The file outlives a crash of the kernel in either mode; `NORMAL` saves a disk write a cell.
        for statement in [
            "PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL",
            "CREATE TABLE IF NOT EXISTS sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, started TEXT NOT NULL)",
            """
            CREATE TABLE IF NOT EXISTS cells (
                id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, line INTEGER NOT NULL,
                input TEXT NOT NULL, output TEXT)
            """,
        ] {
            guard sqlite3_exec(connection, statement, nil, nil, nil) == SQLITE_OK else { throw error() }
        }
    }

    deinit { sqlite3_close(connection) }

    /// Adds a row and returns its id.
    func insert(_ statement: String, _ values: [Value]) throws -> Int {
        let statement = try prepare(statement, values)
        defer { sqlite3_finalize(statement) }
        guard sqlite3_step(statement) == SQLITE_DONE else { throw error() }
        return Int(sqlite3_last_insert_rowid(connection))
    }

    struct Cell {
        var session: Int
        var line: Int
        var input: String
        var output: String?
    }

    func cells(_ query: String, _ values: [Value]) throws -> [Cell] {
        let statement = try prepare(query, values)
        defer { sqlite3_finalize(statement) }
        var cells: [Cell] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW:
                cells.append(
                    Cell(
                        session: Int(sqlite3_column_int64(statement, 0)), line: Int(sqlite3_column_int64(statement, 1)),
                        input: text(statement, column: 2) ?? "", output: text(statement, column: 3)))
            case SQLITE_DONE: return cells
            default: throw error()
            }
        }
    }

    private func text(_ statement: OpaquePointer, column: Int32) -> String? {
        sqlite3_column_text(statement, column).map { String(cString: $0) }
    }

    private func prepare(_ text: String, _ values: [Value]) throws -> OpaquePointer {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(connection, text, -1, &statement, nil) == SQLITE_OK, let statement else {
            throw error()
        }
        // SQLite's own mark for "copy this text".
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        for (index, value) in values.enumerated() {
            let place = Int32(index + 1)
            switch value {
            case .null: sqlite3_bind_null(statement, place)
            case .number(let number): sqlite3_bind_int64(statement, place, Int64(number))
            case .text(let text): sqlite3_bind_text(statement, place, text, -1, copied)
            }
        }
        return statement
    }

    private func error() -> DatabaseError { DatabaseError(String(cString: sqlite3_errmsg(connection))) }

    private static func makeFolder(of path: String) throws {
        var made = ""
        for part in path.split(separator: "/").dropLast() {
            made += "/" + part
            // Only for its owner: cells hold what people type.
            guard mkdir(made, 0o700) == 0 || errno == EEXIST else {
                throw DatabaseError("the folder \(made) cannot be made (\(String(cString: strerror(errno))))")
            }
        }
    }
}

private struct DatabaseError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
