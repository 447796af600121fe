import Dispatch
import Foundation
import Scheduler
import Synchronization
import TestSupport
import Testing

@testable import bitlab

struct FinishHookTests {
  private let folder: TemporaryFolder
  private let said = Said()

  private final class Said: Sendable {
    let lines = Mutex<[String]>([])
    let told = DispatchSemaphore(value: 0)
  }

  init() throws { folder = try TemporaryFolder() }

  private func hook(_ command: String) -> FinishHook {
    FinishHook(.init(onFinish: command), results: folder.path) { [said] line in
      said.lines.withLock { $0.append(line) }
    }!
  }

  private func tell(_ hook: FinishHook, _ name: String, _ ends: [JobEnd]? = [JobEnd(.completed)]) {
    hook.tell(name, ends: { ends }, told: { [said] in said.told.signal() })
  }

  private func wait(_ count: Int) {
    for _ in 0..<count { #expect(said.told.wait(timeout: .now() + 60) == .success) }
  }

  /// Each command's beginning and end stand together, whatever the others do.
  @Test func oneAfterTheOther() throws {
    let log = folder.file("log")
    let hook = hook(
      "echo begin $BITLAB_EXPERIMENT >> \(log); sleep 0.02; echo end $BITLAB_EXPERIMENT >> \(log)")
    for number in 0..<10 { tell(hook, "e\(number)") }
    wait(10)
    while try folder.text("log").split(separator: "\n").count < 20 { usleep(1000) }
    let expected = (0..<10).flatMap { ["begin e\($0)", "end e\($0)"] }
    #expect(try folder.text("log").split(separator: "\n").map(String.init) == expected)
  }

  /// The next process tells of those whose turn has not come.
  @Test func nothingBeginsOnceItIsClosed() throws {
    #expect(mkfifo(folder.file("gate"), 0o600) == 0)
    let hook = hook("echo $BITLAB_EXPERIMENT >> \(folder.file("log")); cat \(folder.file("gate"))")
    tell(hook, "first")
    wait(1)
    for number in 0..<3 { tell(hook, "e\(number)") }
    hook.close()
    // Lets the first one end.
    close(open(folder.file("gate"), O_WRONLY))
    tell(hook, "last")
    #expect(said.told.wait(timeout: .now() + 0.1) == .timedOut)
    #expect(try folder.text("log") == "first\n")
  }

  /// What has gone on by the time of its turn ends again.
  @Test func whatGoesOnIsNotTold() throws {
    let hook = hook("echo $BITLAB_EXPERIMENT $BITLAB_STATUS >> \(folder.file("log"))")
    tell(hook, "goes-on", nil)
    tell(hook, "half", [JobEnd(.completed), JobEnd(.failed)])
    wait(1)
    while !folder.hasLine("log") { usleep(1000) }
    #expect(try folder.text("log") == "half partial\n")
  }

  /// Its variables come byte for byte, and SIGPIPE ends what writes for nobody, as where a shell begins it.
  @Test func aCommandRunsAsInAShell() throws {
    defer { unsetenv("BITLAB_TEST_BYTES") }
    let value: [CChar] = [0x41, -1, 0]
    setenv("BITLAB_TEST_BYTES", value, 1)
    let log = folder.file("log")
    tell(hook("printf %s $BITLAB_TEST_BYTES > \(log).bytes; yes | head -n 1; echo done > \(log)"), "tiny")
    wait(1)
    while !folder.hasLine("log") { usleep(1000) }
    #expect(try folder.bytes("log.bytes") == [0x41, 0xFF])
  }

  @Test func aCommandThatFailsIsLogged() throws {
    tell(hook("exit 3"), "tiny")
    tell(hook("kill -TERM $$"), "other")
    let expected: Set = ["tiny: --on-finish ended with code 3", "other: --on-finish was ended by signal 15"]
    let deadline = Date(timeIntervalSinceNow: 60)
    while said.lines.withLock({ $0.count }) < 2, Date() < deadline { usleep(1000) }
    #expect(Set(said.lines.withLock { $0 }) == expected)
  }
}

extension TemporaryFolder {
  fileprivate func hasLine(_ name: String) -> Bool { (try? text(name))?.hasSuffix("\n") == true }
}
