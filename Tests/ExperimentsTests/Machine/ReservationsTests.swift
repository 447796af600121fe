import Synchronization
import Testing

@testable import Experiments

/// Runs that begin together, and see the same free memory.
struct ReservationsTests {
  private static let mega = 1_000_000
  private final class Look: Sendable {
    let bounds: Mutex<MemoryBounds>
    init(_ bounds: MemoryBounds) { self.bounds = Mutex(bounds) }
    var reservations: Reservations {
      Reservations(descriptors: 20) { [self] in bounds.withLock { $0 } }
    }
  }

  /// Of 3,200 MB, of which 200 MB are left to the program at the most.
  private func machine(free: Int) -> Look {
    Look(MemoryBounds([.init("this machine", .pages, total: 3200 * Self.mega, free: free * Self.mega)]))
  }

  private func need(_ megabytes: Int) -> RunNeed { RunNeed(memory: megabytes * Self.mega) }

  private func refusal(_ reservations: Reservations, _ need: RunNeed, _ run: String) -> Reservations.Refusal?
  {
    do throws(Reservations.Refusal) {
      try reservations.reserve(need, for: run)
      return nil
    } catch { return error }
  }

  @Test func whatIsReservedIsNotThereForOthers() throws {
    let reservations = machine(free: 2100).reservations
    try reservations.reserve(need(1200), for: "a")
    let refusal = try #require(self.refusal(reservations, need(1200), "b"))
    #expect(!refusal.isForGood && refusal.need == need(1200))
    #expect(
      refusal.description == "1,200 MB of memory (832 MB of the 3,200 MB of this machine are free for runs)")
    try reservations.reserve(need(800), for: "c")
    reservations.release("a")
    try reservations.reserve(need(1200), for: "b")
  }

  /// Pages that a run has touched are missing in what the system says is free: they count once.
  @Test func whatIsTouchedCountsOnce() throws {
    let look = machine(free: 2100)
    let reservations = look.reservations
    try reservations.reserve(need(1200), for: "a")
    look.bounds.withLock {
      $0.bounds[0].free -= 1000 * Self.mega
      $0.ownPages += 1000 * Self.mega
    }
    #expect(refusal(reservations, need(850), "b") != nil)
    try reservations.reserve(need(800), for: "b")
  }

  /// What has been reserved once is not taken again, and more is taken on top.
  @Test func aRunReservesOnce() throws {
    let look = machine(free: 2100)
    let reservations = look.reservations
    try reservations.reserve(RunNeed(descriptors: 8), for: "a")
    try reservations.reserve(need(1200), for: "a")
    look.bounds.withLock { $0.bounds[0].free = 0 }
    try reservations.reserve(RunNeed(memory: 1200 * Self.mega, descriptors: 8), for: "a")
    #expect(refusal(reservations, RunNeed(descriptors: 13), "b") != nil)
    try reservations.reserve(RunNeed(descriptors: 12), for: "b")
  }

  @Test func whatCanNeverBe() throws {
    let reservations = machine(free: 3200).reservations
    let refusal = try #require(self.refusal(reservations, need(3300), "a"))
    #expect(refusal.isForGood)
    #expect(
      refusal.description.hasPrefix(
        "training takes 3,300 MB of memory, and this machine leaves 3,132 MB to runs: make the model"))
    let descriptors = try #require(self.refusal(reservations, RunNeed(descriptors: 21), "a"))
    #expect(descriptors.isForGood && descriptors.description.contains("(ulimit -n) leaves 20 to runs"))
  }

  /// Memory that a run has taken for its data is missing in what the system says is free: it counts once, and is said as what it
  /// is.
  @Test func dataThatAreReadCountOnce() throws {
    let look = machine(free: 2100)
    let reservations = look.reservations
    let refusal = try #require(
      { () -> Reservations.Refusal? in
        do throws(Reservations.Refusal) {
          try reservations.reserve(need(3300), for: "a", to: "reading the data")
          return nil
        } catch { return error }
      }())
    #expect(
      refusal.description.hasPrefix(
        "reading the data takes 3,300 MB of memory, and this machine leaves 3,132 MB to runs: make the files smaller"
      ))
    try reservations.reserve(need(1000), for: "a", to: "reading the data")
    #expect(self.refusal(reservations, need(1200), "b") != nil)
    look.bounds.withLock {
      $0.bounds[0].free -= 1000 * Self.mega
      $0.ownPages += 1000 * Self.mega
    }
    try reservations.reserve(need(1900), for: "a", having: 1000 * Self.mega)
    #expect(self.refusal(reservations, need(100), "b") == nil)
    #expect(self.refusal(reservations, need(200), "c") != nil)
  }

  /// What an ended run leaves to the process's allocator counts as taken, and is there for the next one.
  @Test func whatEndedRunsLeaveIsUsedAgain() throws {
    let look = Look(
      MemoryBounds([.init("ulimit -v", .addresses, total: 3200 * Self.mega, free: 2100 * Self.mega)]))
    let reservations = look.reservations
    let need = RunNeed(memory: 1, addresses: 1800 * Self.mega)
    try reservations.reserve(need, for: "a")
    reservations.release("a")
    look.bounds.withLock { $0.bounds[0].free = 900 * Self.mega }
    try reservations.reserve(need, for: "b")
    let refusal = try #require(self.refusal(reservations, RunNeed(memory: 1, addresses: 1 << 20), "c"))
    #expect(!refusal.isForGood)
  }

  /// The process's own limit: what is lacking while none of its runs has anything, nobody gives back.
  @Test func addresses() throws {
    let look = Look(
      MemoryBounds([.init("ulimit -v", .addresses, total: 3200 * Self.mega, free: 2000 * Self.mega)]))
    let reservations = look.reservations
    let large = RunNeed(memory: 100 * Self.mega, addresses: 1950 * Self.mega)
    #expect(refusal(reservations, large, "a")?.isForGood == true)
    let need = RunNeed(memory: 100 * Self.mega, addresses: 1000 * Self.mega)
    try reservations.reserve(need, for: "a")
    let second = try #require(self.refusal(reservations, need, "b"))
    #expect(!second.isForGood && second.description.contains("1,000 MB of address space (932 MB of the "))
    // Once they are allocated the system counts them.
    look.bounds.withLock { $0.bounds[0].free -= 900 * Self.mega }
    reservations.allocated("a")
    #expect(refusal(reservations, need, "b") == nil)
  }

  /// The tightest bound is told of.
  @Test func severalBounds() throws {
    // Both lack something.
    let look = machine(free: 620)
    look.bounds.withLock {
      $0.bounds.append(.init("the control group /g", .pages, total: 1600 * Self.mega, free: 500 * Self.mega))
    }
    let refusal = try #require(self.refusal(look.reservations, need(600), "a"))
    #expect(refusal.description.contains("MB of the 1,600 MB of the control group /g are free"))
  }
}
