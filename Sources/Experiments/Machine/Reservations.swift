import Foundation
import Synchronization

/// What a run takes of the machine.
package struct RunNeed: Sendable, Hashable {
  /// Bytes that it writes to.
  package var memory = 0
  /// Bytes of addresses: `memory`, what is only mapped, and its threads' stacks.
  package var addresses = 0
  /// Files that it has open at once.
  package var descriptors = 0

  package init(memory: Int = 0, addresses: Int = 0, descriptors: Int = 0) {
    self.memory = memory
    self.addresses = addresses
    self.descriptors = descriptors
  }

  fileprivate func raised(to other: RunNeed) -> RunNeed {
    RunNeed(
      memory: max(memory, other.memory), addresses: max(addresses, other.addresses),
      descriptors: max(descriptors, other.descriptors))
  }
}

/// The one place where runs say what they will take of the machine, before they take it.
///
/// Runs that begin together all see the same free memory. So what a run has reserved, and has not written to yet, counts
/// as taken for the others.
package final class Reservations: Sendable {
  /// A run's need that cannot be met.
  package struct Refusal: Error, Hashable, CustomStringConvertible {
    /// All that the run would have with it.
    package var need: RunNeed
    /// What is lacking, and how much of it there is.
    package var description: String
    /// Whether it cannot be met whatever ends.
    package var isForGood: Bool
  }

  private struct Held {
    var need = RunNeed()
    /// Whether the process has the addresses already, so that they are among those that the system counts.
    var isAllocated = false
  }

  private struct State {
    var held: [String: Held] = [:]
    /// The process's own pages when no run had any.
    var pagesWithoutRuns = 0
    /// The most that was free of each bound, by its name, when no run had any. What ended runs leave to the process's
    /// allocator still counts as taken, and is there for the next.
    var mostFree: [String: Int] = [:]
  }

  private let memory: @Sendable () -> MemoryBounds
  /// For all runs.
  private let descriptors: Int
  private let state = Mutex(State())

  /// - Parameters:
  ///   - descriptors: files that all runs together may have open.
  ///   - memory: looks what memory there is.
  package init(descriptors: Int, memory: @escaping @Sendable () -> MemoryBounds) {
    self.descriptors = descriptors
    self.memory = memory
  }

  /// Of this process, with its limits as they are now.
  ///
  /// - Parameter clients: of a control socket; each takes a file descriptor.
  package convenience init(clients: Int = 0) {
    // The rest is for the process's own files: the journal, the log, reports, Dispatch. A limit that is lower than that is
    // shared, and so is too much of it for either side.
    let limit = DescriptorLimit.soft
    self.init(
      descriptors: limit - min(Self.ownDescriptors + clients, limit / 2),
      memory: MemoryBounds.ofThisProcess)
  }

  private static let ownDescriptors = 32
  /// Bytes that are left to the process itself, and to what the needs do not count, of small bounds a part.
  private static let margin = 64 << 20

  private static func margin(_ bound: MemoryBounds.Bound) -> Int { min(margin, bound.total / 16) }

  /// Reserves for a run, on top of what it has reserved, so that it has this much of each; throws `Refusal`, and changes
  /// nothing, where that is not to be had now.
  ///
  /// - Parameters:
  ///   - purpose: begins the sentence that says how much that takes.
  ///   - having: bytes of it that the run has taken already, and that the system counts.
  package func reserve(
    _ need: RunNeed, for run: String, to purpose: String = "training", having taken: Int = 0
  ) throws(Refusal) {
    // A closure that throws a type of its own cannot be handed to a mutex's lock.
    let refusal = state.withLock { state -> Refusal? in
      let old = state.held[run]?.need ?? RunNeed()
      let new = old.raised(to: need)
      guard new != old else { return nil }
      var others = state.held
      others[run] = nil
      if new.descriptors > old.descriptors, let refusal = lackOfDescriptors(new, others) { return refusal }
      if new.memory > old.memory || new.addresses > old.addresses,
        let refusal = lackOfMemory(new, others, &state, purpose, taken)
      {
        return refusal
      }
      state.held[run, default: Held()].need = new
      return nil
    }
    if let refusal { throw refusal }
  }

  /// The run has allocated all that it reserved.
  package func allocated(_ run: String) { state.withLock { $0.held[run]?.isAllocated = true } }

  /// Gives back all that the run has reserved.
  package func release(_ run: String) { state.withLock { _ = $0.held.removeValue(forKey: run) } }

  private func lackOfDescriptors(_ need: RunNeed, _ others: [String: Held]) -> Refusal? {
    let free = descriptors - others.values.reduce(0) { $0 + $1.need.descriptors }
    guard need.descriptors > free else { return nil }
    let isForGood = need.descriptors > descriptors
    return Refusal(
      need: need,
      description: isForGood
        ? "a run has \(need.descriptors) files open at once, and the limit (ulimit -n) leaves \(descriptors) to "
          + "runs: raise it"
        : "\(need.descriptors) file descriptors (\(free) of \(descriptors) are free for runs)",
      isForGood: isForGood)
  }

  private func lackOfMemory(
    _ need: RunNeed, _ all: [String: Held], _ state: inout State, _ purpose: String, _ taken: Int
  ) -> Refusal? {
    let others = all.values.filter { $0.need.memory > 0 }
    let look = memory()
    if others.isEmpty {
      state.pagesWithoutRuns = look.ownPages - taken
      for bound in look.bounds where bound.isOwn {
        state.mostFree[bound.name] = max(bound.free, state.mostFree[bound.name] ?? 0)
      }
    }
    let reserved = others.reduce(0) { $0 + $1.need.memory }
    let untouched = max(0, reserved - max(0, look.ownPages - state.pagesWithoutRuns - taken))
    // What it has stays, and is there when it asks again.
    var open = need
    open.memory -= taken
    open.addresses -= taken
    let unallocated = others.filter { !$0.isAllocated }.reduce(0) { $0 + $1.need.addresses }
    var lacking: (bound: MemoryBounds.Bound, wanted: Int, free: Int)?
    for bound in look.bounds {
      // The most that was free is from before it took anything.
      let counted = bound.isOwn && others.isEmpty ? need : open
      let wanted = bound.measure == .pages ? counted.memory : counted.addresses
      let pending = bound.measure == .pages ? untouched : unallocated
      let isFree = bound.isOwn && others.isEmpty ? state.mostFree[bound.name] ?? bound.free : bound.free
      let free = max(0, isFree - pending - Self.margin(bound))
      guard wanted > free else { continue }
      if wanted > bound.total - Self.margin(bound) || bound.isOwn && others.isEmpty {
        let most = others.isEmpty && bound.isOwn ? free : bound.total - Self.margin(bound)
        return Refusal(need: open, description: Self.tooMuch(purpose, wanted, most, bound), isForGood: true)
      }
      // What is lacking most is said.
      if lacking.map({ wanted - free > $0.wanted - $0.free }) ?? true { lacking = (bound, wanted, free) }
    }
    return lacking.map { bound, wanted, free in
      Refusal(need: open, description: Self.notNow(wanted, free, bound), isForGood: false)
    }
  }

  private static func tooMuch(
    _ purpose: String, _ wanted: Int, _ most: Int, _ bound: MemoryBounds.Bound
  ) -> String {
    "\(purpose) takes \(megabytes(wanted, .up)) MB of \(noun(bound)), and \(bound.name) leaves "
      + "\(megabytes(most, .down)) MB to runs: make "
      + (purpose == "training" ? "the model or the batch" : "the files") + " smaller, or raise the limit"
  }

  private static func notNow(_ wanted: Int, _ free: Int, _ bound: MemoryBounds.Bound) -> String {
    "\(megabytes(wanted, .up)) MB of \(noun(bound)) (\(megabytes(free, .down)) MB of the "
      + "\(megabytes(bound.total, .down)) MB of \(bound.name) are free for runs)"
  }

  private static func noun(_ bound: MemoryBounds.Bound) -> String {
    bound.measure == .pages ? "memory" : "address space"
  }

  /// Millions of bytes, in groups of three digits.
  private static func megabytes(_ bytes: Int, _ rule: FloatingPointRoundingRule) -> String {
    var digits = Array("\(Int((Double(bytes) / 1e6).rounded(rule)))")
    for place in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: place) }
    return String(digits)
  }
}
