/// One line of the report.
struct Finding {
    let subject: String
    let isGood: Bool
    /// What was found; where it is not good, what to do.
    let detail: String
    /// Whether the labs cannot run without it.
    var isNeeded = true
}
