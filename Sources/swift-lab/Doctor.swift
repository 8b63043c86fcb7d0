import ArgumentParser
import Glibc

/// `swift-lab doctor`: what is found and what is missing, a line each.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what is found and what is missing, a line each.",
        discussion: "Exit code 0 if the labs can run, 2 if something that they need is missing.")

    func run() throws {
        let findings =
            Examination.toolchain() + [Examination.space(), Examination.cell()] + Examination.libraries()
            + Examination.data()
            + Examination.jupyter() + Examination.machine() + Examination.gpu()
        let width = findings.map(\.subject.count).max() ?? 0
        for finding in findings {
            let subject = finding.subject.padding(to: width)
            print("\(finding.isGood ? "✓" : "✗") \(subject)  \(finding.detail)")
        }
        let missing = findings.filter { !$0.isGood && $0.isNeeded }
        guard missing.isEmpty else {
            throw Refusal("The labs cannot run yet: \(missing.map(\.subject).joined(separator: ", ")).")
        }
        print("The labs can run.")
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
