import Display

/// Where a run shows itself, where it is kept, and how it hears that it shall stop: the process's, or a test's own.
struct Host: Sendable {
    /// `nil` where nothing is to be shown.
    var frontend: (any Frontend)?
    /// The folder of all runs; `nil` where nothing is to be kept.
    var home: String?
    var isInterrupted: @Sendable () -> Bool

    /// Set where the runs of a comparison are trained, which has a picture of its own.
    @TaskLocal static var isQuiet = false
    /// What the runs of a comparison are called where they were given no name.
    @TaskLocal static var runName = ""
    /// Where the runs of a comparison are counted up.
    @TaskLocal static var trials: TrialFolders?

    static func current(quietly: Bool) -> Host {
        Host(
            frontend: quietly || isQuiet ? nil : Display.frontend, home: RunFolder.home,
            isInterrupted: { Interruption.isRequested })
    }
}
