import Testing

@testable import SwiftCells

@Suite struct StoppingTests {
    private let start = ContinuousClock.now

    @Test func nothingHappensBeforeAnyoneAsks() {
        var stopping = Stopping()
        #expect(stopping.step(isCooperating: false, at: start) == .wait)
        #expect(!stopping.isForced)
    }

    @Test func aCellThatDoesNotListenIsParkedAndAtLastAnywhere() {
        var stopping = Stopping()
        stopping.begin(at: start)
        #expect(stopping.step(isCooperating: false, at: start + Stopping.patience / 2) == .wait)
        #expect(stopping.step(isCooperating: false, at: start + Stopping.patience) == .park)
        #expect(stopping.step(isCooperating: false, at: start + Stopping.limit) == .parkAnywhere)
        #expect(stopping.isForced)
    }

    @Test func askingAgainDoesNotBeginAnew() {
        var stopping = Stopping()
        stopping.begin(at: start)
        stopping.begin(at: start + Stopping.patience)
        #expect(stopping.step(isCooperating: false, at: start + Stopping.patience) == .park)
    }

    /// The kernel looks every 10 ms; a step that never ends its promise must not be waited for for ever.
    @Test func aCooperatingStepHasItsTimeAndNoMore() {
        var stopping = Stopping()
        stopping.begin(at: start)
        var now = start
        while now < start + Stopping.cooperativeLimit {
            #expect(stopping.step(isCooperating: true, at: now) == .wait)
            now += .milliseconds(10)
        }
        #expect(stopping.step(isCooperating: true, at: now + Stopping.afterCooperation) == .park)
    }

    @Test func whatFollowsACooperatingStepHasAPatienceOfItsOwn() {
        var stopping = Stopping()
        stopping.begin(at: start)
        let end = start + .seconds(1)
        #expect(stopping.step(isCooperating: true, at: end) == .wait)
        #expect(stopping.step(isCooperating: false, at: end + .milliseconds(10)) == .wait)
        // As long as it takes to hand a result over on a busy machine.
        #expect(stopping.step(isCooperating: false, at: end + .milliseconds(290)) == .wait)
        #expect(stopping.step(isCooperating: false, at: end + Stopping.afterCooperation) == .park)
    }
}
