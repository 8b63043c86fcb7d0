import ArgumentParser
import SwiftCells
import Lab

@main struct SwiftLab: ParsableCommand {
    func run() { print(declared("let a = 1\nlet b = 2")) }
}
