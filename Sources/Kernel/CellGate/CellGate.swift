// Nothing. A compiler that is started before its cell is there loads the modules that cells import, this one as the
// last, and stops where it opens it: see `WaitingCompiler`.
