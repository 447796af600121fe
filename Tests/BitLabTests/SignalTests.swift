import Foundation
import TestSupport
import Testing

/// Signals to `bitlab run` as shells, `nohup` and `timeout` send them.
struct SignalTests {
  private static let endless = ConfigText(
    epochs: 1_000_000, training: #", "checkpoint_every_steps": 50"#,
    variants: #"{"name": "full", "bits": 32}"#,
    seeds: "[0]"
  ).text

  /// As `nohup` begins a program, and a script's shell one in the background.
  @Test(arguments: [("HUP", SIGHUP), ("INT", SIGINT)])
  func whatIsIgnoredAtTheStartStaysIgnored(name: String, signal: Int32) throws {
    let program = try Program()
    try program.put(Self.endless, as: "tiny.json")
    let running = try RunningProgram(program.shellProcess(#"trap '' \#(name); exec "$0" run tiny.json"#))
    try running.read(until: "epoch 3:")
    running.send(signal)
    // More than the pipe can have held when the signal came.
    let epoch = try #require(running.said.matches(of: /epoch (\d+):/).last.flatMap { Int($0.1) })
    try running.read(until: "epoch \(epoch + 60):")
    running.send(SIGTERM)
    #expect(running.finish() == 143)
    #expect(running.said.contains("asked to end: checkpoints are written"))
  }

  /// GNU `timeout` signals its child and then the child's group.
  @Test func sigtermTwiceAtOnceIsOneRequest() throws {
    let program = try Program()
    // The run cannot stop before it has its weights.
    let lease = try Lease(program.file("weights"))
    try program.put(
      ConfigText(
        training: #", "initial_weights": "weights""#, variants: #"{"name": "full", "bits": 32}"#, seeds: "[0]"
      ).text, as: "tiny.json")
    let running = try program.start("run", "tiny.json")
    try #require(lease.waitUntilWanted(), "\(running.said)")
    running.send(SIGTERM)
    try running.read(until: "asked to end: checkpoints are written")
    running.send(SIGTERM)
    running.send(SIGHUP)
    // Nothing tells that they have come.
    usleep(100_000)
    lease.release()
    #expect(running.finish() == 143)
    #expect(running.said.contains("stopped; the same command goes on from here"))
  }
}
