import Dispatch
import Synchronization
import TensorCore

/// Shows how many threads a team really works with: as many tasks wait for each other.
enum Meeting {
  /// Whether `members` tasks of one loop ran at once.
  static func ofTeam(_ team: Team, members: Int) -> Bool {
    let arrived = Atomic<Int>(0)
    let allMet = Atomic<Bool>(true)
    let deadline = DispatchTime.now() + .seconds(60)
    team.forEach(members) { _, _ in
      arrived.wrappingAdd(1, ordering: .relaxed)
      while arrived.load(ordering: .relaxed) < members && allMet.load(ordering: .relaxed) {
        if DispatchTime.now() > deadline { allMet.store(false, ordering: .relaxed) }
      }
    }
    return allMet.load(ordering: .relaxed)
  }

  /// The slots that took part in a loop of many tasks.
  static func slots(ofTeam team: Team) -> Set<Int> {
    let slots = Mutex(Set<Int>())
    team.forEach(500) { _, slot in slots.withLock { _ = $0.insert(slot) } }
    return slots.withLock { $0 }
  }
}
