import Foundation
import Testing

@testable import bitlab

struct StopSignalsTests {
  private var signals = StopSignals()

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) mutating func theFirstAsks(signal: Int32) {
    #expect(signals.receive(signal, at: .seconds(5)) == .stop)
    #expect(signals.first == signal)
  }

  /// GNU `timeout` signals the child and its group; who shuts down sends both.
  @Test(arguments: [SIGTERM, SIGHUP]) mutating func theSameRequestTwiceIsOne(signal: Int32) {
    #expect(signals.receive(SIGTERM, at: .seconds(5)) == .stop)
    #expect(signals.receive(signal, at: .seconds(5)) == .nothing)
    #expect(signals.receive(signal, at: .milliseconds(6_999)) == .nothing)
    #expect(signals.receive(signal, at: .seconds(7)) == .end)
  }

  @Test mutating func aSecondControlCEnds() {
    #expect(signals.receive(SIGINT, at: .seconds(5)) == .stop)
    #expect(signals.receive(SIGINT, at: .milliseconds(5_001)) == .nothing)
    #expect(signals.receive(SIGINT, at: .milliseconds(5_020)) == .end)
  }

  /// Whoever types it has seen that a SIGTERM was not enough.
  @Test mutating func aControlCAfterAnotherSignalEnds() {
    #expect(signals.receive(SIGTERM, at: .seconds(5)) == .stop)
    #expect(signals.receive(SIGINT, at: .seconds(5)) == .end)
  }

  @Test mutating func nothingLeftToDo() {
    signals.isDone = true
    #expect(signals.receive(SIGTERM, at: .zero) == .end)
  }
}
