/// The cell that the calling code belongs to.
///
/// The kernel binds it around `Interpreter.execute`; an interpreter that runs cells on threads of its own binds it there
/// as well. Tasks inherit it, so what they display late still lands under the cell that started them.
///
///     RunningCell.$output.withValue(output) { run() }
public enum RunningCell {
    @TaskLocal public static var output: (any CellOutput)?
}
