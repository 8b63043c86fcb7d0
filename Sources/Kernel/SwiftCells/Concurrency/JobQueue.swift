internal import CCells
@_spi(ExperimentalCustomExecutors) internal import _Concurrency

/// Jobs in line, each with the cell that started its task. What belongs to a cell that was given up is passed over, and
/// never runs: its loops would take the processors from all that comes.
struct JobQueue {
    private var jobs: [UnownedJob] = []
    /// Those before it are taken. Moving the rest forward each time would cost the square of their number.
    private var first = 0

    var count: Int { jobs.count - first }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ job: UnownedJob) { jobs.append(job) }

    /// The next job of a cell that was not given up, and that cell; 0 where it is not known.
    mutating func take() -> (job: UnownedJob, cell: Int32)? {
        while first < jobs.count {
            let job = jobs[first]
            first += 1
            if first == jobs.count || first == 1024 {
                jobs.removeFirst(first)
                first = 0
            }
            let cell = TaskMark.cell(of: job)
            if !ccells_is_abandoned(cell) { return (job, cell) }
        }
        return nil
    }

    /// Takes the jobs out that are not to be run.
    mutating func drop(where isDropped: (UnownedJob) -> Bool) {
        jobs = jobs[first...].filter { !isDropped($0) }
        first = 0
    }

    mutating func dropAbandoned() { drop { ccells_is_abandoned(TaskMark.cell(of: $0)) } }
}

/// A note in a task of which cell started it.
///
/// Whoever has a job run for the first time is the one that made its task. What has it run again, after it waited, may be
/// any thread, so the note stays in the task: in the second of the words that belong to the executor, of which the
/// runtime uses the first while the task waits. Memory of a task is used again by others: the note holds a part of the
/// task's number, which is not.
enum TaskMark {
    /// To be called when a job comes to an executor, on the thread that it comes from.
    static func note(_ job: UnownedJob) {
        withWord(of: job) { word, number in
            if word >> 32 != number { word = number << 32 | UInt64(UInt32(bitPattern: ccells_cell_of_caller())) }
        }
    }

    /// The cell that was noted; 0 where none was, and for what is no task: the work of an actor is of many.
    static func cell(of job: UnownedJob) -> Int32 {
        withWord(of: job) { word, number in
            word >> 32 == number ? Int32(bitPattern: UInt32(truncatingIfNeeded: word)) : 0
        } ?? 0
    }

    private static func withWord<Result>(
        of job: UnownedJob, _ body: (_ word: inout UInt64, _ number: UInt64) -> Result
    ) -> Result? {
        let executorJob = ExecutorJob(job)
        guard executorJob.kind == .task else { return nil }
        // Not 0, which untouched memory has; and a mark, because so does a task's number the first words.
        let number = (taskNumber(job) ^ 0xce11_0000) & 0xffff_ffff
        return executorJob.withUnsafeExecutorPrivateData { words in
            words.withMemoryRebound(to: UInt64.self) { $0.count < 2 ? nil : body(&$0[1], number) }
        }
    }
}

@_silgen_name("swift_task_getJobTaskId")
private func taskNumber(_ job: UnownedJob) -> UInt64
