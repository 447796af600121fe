import Testing

@testable import Scheduler

/// The decisions alone: folders are lists, times are numbers.
struct SpoolStateTests {
  private static let begin = Duration.seconds(1_000_000)

  private func time(_ seconds: Double) -> SpoolTime {
    SpoolTime(monotonic: Self.exactly(seconds), wall: Self.begin + Self.exactly(seconds))
  }

  /// To the millisecond, since 4.9 less 2.9 is not 2.
  private static func exactly(_ seconds: Double) -> Duration {
    .milliseconds(Int64((seconds * 1000).rounded()))
  }

  /// A file last written at `modified`, in seconds of `time`.
  private func entry(
    _ name: String, modified: Double = -3600, size: Int = 10, inode: UInt64 = 1,
    kind: SpoolEntry.Kind = .regularFile,
    changed: Double = 0
  ) -> SpoolEntry {
    SpoolEntry(
      name: SpoolName(name), kind: kind,
      identity: FileIdentity(
        device: 1, inode: inode, modified: Self.begin + Self.exactly(modified), size: size),
      changed: Self.begin + Self.exactly(changed))
  }

  private let name = SpoolName("a.json")

  @Test func anOldFileIsReadAtFirstSight() {
    var state = SpoolState()
    let file = entry("a.json", modified: -2)
    #expect(state.look(at: [file], time(0)) == [.read(file, .notKnownToBeOpen)])
  }

  @Test func aYoungFileIsReadOnceItIsQuiet() {
    var state = SpoolState()
    let file = entry("a.json", modified: -0.5)
    #expect(state.look(at: [file], time(0)) == [.read(file, .knownToBeClosed)])
    state.finished(name, .open, time(0))
    // No longer than needed: the half second from before counts.
    #expect(state.nextDue == .seconds(1.5))
    #expect(state.names(at: time(1.4)).isEmpty)
    #expect(state.names(at: time(1.5)) == [name])
    #expect(state.look(at: [file], of: [name], time(1.5)) == [.read(file, .notKnownToBeOpen)])
  }

  @Test func eachChangeBeginsTheWaitAgain() {
    var state = SpoolState()
    for (moment, size) in [(0.0, 10), (1.5, 20), (3.0, 30)] {
      let file = entry("a.json", modified: moment - 0.1, size: size)
      #expect(state.look(at: [file], time(moment)) == [.read(file, .knownToBeClosed)])
      state.finished(name, .open, time(moment))
    }
    let last = entry("a.json", modified: 2.9, size: 30)
    #expect(state.look(at: [last], time(4.8)) == [.read(last, .knownToBeClosed)])
    #expect(state.look(at: [last], time(4.9)) == [.read(last, .notKnownToBeOpen)])
  }

  @Test func aTimeInTheFutureSaysNothing() {
    var state = SpoolState()
    let file = entry("a.json", modified: 9e9)
    #expect(state.look(at: [file], time(0)) == [.read(file, .knownToBeClosed)])
    #expect(state.nextDue == .seconds(2))
    #expect(state.look(at: [file], time(2)) == [.read(file, .notKnownToBeOpen)])
  }

  @Test(arguments: [SpoolState.Signal.closed, .movedIn]) func whatIsCompleteIsReadAtOnce(
    signal: SpoolState.Signal
  ) {
    var state = SpoolState()
    state.signal(.created, name)
    state.signal(.written, name)
    state.signal(signal, name)
    #expect(state.names(at: time(0)) == [name])
    let file = entry("a.json", modified: -0.1)
    #expect(state.look(at: [file], of: [name], time(0)) == [.read(file, .notKnownToBeOpen)])
    #expect(!state.hasSignals)
  }

  @Test func writingAfterClosingWaitsAgain() {
    var state = SpoolState()
    state.signal(.closed, name)
    state.signal(.written, name)
    let file = entry("a.json", modified: -0.1)
    #expect(state.look(at: [file], of: [name], time(0)) == [.read(file, .knownToBeClosed)])
  }

  @Test func anEmptyFileWaitsEvenClosed() {
    var state = SpoolState()
    state.signal(.closed, name)
    let file = entry("a.json", modified: -0.5, size: 0)
    #expect(state.look(at: [file], time(0)).isEmpty)
    #expect(state.nextDue == .seconds(1.5))
    #expect(state.look(at: [file], time(1.5)) == [.read(file, .notKnownToBeOpen)])
  }

  @Test func aFileOfThisMomentSettlesFirst() {
    var state = SpoolState()
    state.signal(.closed, name)
    let file = entry("a.json", modified: -0.005)
    #expect(state.look(at: [file], time(0)).isEmpty)
    #expect(state.nextDue == .milliseconds(15))
    #expect(state.look(at: [file], of: [name], time(0.015)) == [.read(file, .notKnownToBeOpen)])
  }

  @Test func anOpenFileIsReadInTheEnd() {
    var state = SpoolState()
    let file = entry("a.json", modified: -5)
    for moment in [0.0, 2, 30, 59.9] {
      #expect(state.look(at: [file], time(moment)) == [.read(file, .notKnownToBeOpen)])
      state.finished(name, .open, time(moment))
      #expect(state.nextDue == .seconds(60))
    }
    #expect(state.look(at: [file], time(60)) == [.read(file, .any)])
  }

  @Test func eachVersionOnce() {
    var state = SpoolState()
    let file = entry("a.json")
    #expect(state.look(at: [file], time(0)).count == 1)
    state.finished(name, .taken(file), time(0))
    #expect(state.nextDue == nil)
    // Events that come late, and another mode, make no other version.
    for signal in [SpoolState.Signal.created, .written, .closed, .movedIn] {
      state.signal(signal, name)
      #expect(state.look(at: [file], of: [name], time(1)).isEmpty)
    }
    let changed = entry("a.json", changed: 5)
    #expect(state.look(at: [changed], time(100)).isEmpty)
    for other in [entry("a.json", modified: -3599), entry("a.json", size: 11), entry("a.json", inode: 2)] {
      #expect(state.look(at: [other], time(200)) == [.read(other, .notKnownToBeOpen)])
      state.finished(name, .taken(other), time(200))
    }
  }

  @Test func aCopyWithTheSameTimesAndInodeIsNew() {
    var state = SpoolState()
    let file = entry("a.json")
    _ = state.look(at: [file], time(0))
    state.finished(name, .taken(file), time(0))
    state.signal(.created, name)
    let copy = entry("a.json", changed: 5)
    #expect(state.look(at: [copy], of: [name], time(6)) == [.read(copy, .notKnownToBeOpen)])
  }

  @Test func whatWasGoneIsNew() {
    var state = SpoolState()
    let file = entry("a.json")
    for _ in 0..<2 {
      #expect(state.look(at: [file], time(0)).count == 1)
      state.finished(name, .taken(file), time(0))
      #expect(state.look(at: [], time(1)).isEmpty)
      #expect(state.look(at: [file], of: [name], time(2)).count == 1)
      state.finished(name, .taken(file), time(2))
      #expect(state.look(at: [], of: [name], time(3)).isEmpty)
    }
  }

  @Test func aLookAtSomeForgetsNoOthers() {
    var state = SpoolState()
    let files = [entry("a.json"), entry("b.json", inode: 2)]
    _ = state.look(at: files, time(0))
    for file in files { state.finished(file.name, .taken(file), time(0)) }
    _ = state.look(at: [], of: [name], time(1))
    #expect(state.look(at: files, time(2)) == [.read(files[0], .notKnownToBeOpen)])
  }

  @Test func aChangedFileIsLookedAtSoon() {
    var state = SpoolState()
    let file = entry("a.json")
    _ = state.look(at: [file], time(0))
    state.finished(name, .changed, time(0))
    #expect(state.nextDue == .milliseconds(20))
    state.finished(name, .missing, time(0))
    #expect(state.nextDue == nil)
  }

  @Test func offeredAgainOnRequest() {
    var state = SpoolState()
    let file = entry("a.json")
    _ = state.look(at: [file], time(0))
    state.finished(name, .taken(file), time(0))
    state.offerAgain(name, at: time(5))
    #expect(state.names(at: time(5)) == [name])
    #expect(state.look(at: [file], of: [name], time(5)).count == 1)
  }

  @Test(arguments: [SpoolEntry.Kind.folder, .symbolicLink, .fifo, .socket, .device])
  func whatIsNoFileIsRefusedOnce(kind: SpoolEntry.Kind) {
    var state = SpoolState()
    let odd = entry("a.json", modified: 0, kind: kind)
    #expect(state.look(at: [odd], time(0)) == [.refuse(odd, .notAFile(kind))])
    // Its times may change by themselves.
    #expect(state.look(at: [entry("a.json", modified: 1, size: 5, kind: kind)], time(1)).isEmpty)
    let file = entry("a.json")
    #expect(state.look(at: [file], time(2)) == [.read(file, .notKnownToBeOpen)])
  }

  @Test func aNameThatIsNotUTF8IsRefused() {
    var state = SpoolState()
    let bad = SpoolEntry(
      name: SpoolName(bytes: [0xFF] + Array(".json".utf8)), kind: .regularFile,
      identity: FileIdentity(device: 1, inode: 1, modified: .zero, size: 1), changed: .zero)
    #expect(state.look(at: [bad], time(0)) == [.refuse(bad, .nameIsNotUTF8)])
    #expect(state.look(at: [bad], time(9)).isEmpty)
  }

  @Test func otherFilesThatStayAreMentionedOnce() {
    var state = SpoolState()
    let files = [entry("a.yaml"), entry(".hidden"), entry("b.json.tmp"), entry("rejected", kind: .folder)]
    state.signal(.closed, SpoolName("b.json.tmp"))
    #expect(!state.hasSignals)
    #expect(state.look(at: files, time(0)).isEmpty)
    #expect(state.look(at: files, time(1.9)).isEmpty)
    #expect(state.nextDue == .seconds(2))
    #expect(state.look(at: files, time(2)) == [.mention(SpoolName("a.yaml"))])
    #expect(state.look(at: files, time(10)).isEmpty)
    #expect(state.nextDue == nil)
  }

  @Test func stepsComeInOrderOfName() {
    var state = SpoolState()
    let names = ["b.json", "10.json", "9.json", "a.json", "B.json"]
    let steps = state.look(at: names.map { entry($0) }, time(0))
    let read = steps.compactMap { step in if case .read(let entry, _) = step { entry.name.text } else { nil }
    }
    #expect(read == ["10.json", "9.json", "B.json", "a.json", "b.json"])
  }
}
