// A queue may have been a thousand times longer than it is: collections keep the room of the most that was ever in them.

/// Capacity that is not worth giving back.
private let smallCapacity = 1_024

/// Whether a collection has eight times the room that it needs; after shrinking it grows by as much before that comes again.
private func isSparse(_ count: Int, in capacity: Int) -> Bool {
  capacity > smallCapacity && 8 * count < capacity
}

extension Dictionary {
  /// Gives back most of the room that a larger content has left. Takes constant time, spread over what was removed.
  mutating func shrink() {
    guard isSparse(count, in: capacity) else { return }
    // Not by an initializer or a filter: these hand out the same storage where all is kept.
    var small = Self(minimumCapacity: count)
    for (key, value) in self { small[key] = value }
    self = small
  }
}

extension Array {
  /// The same.
  mutating func shrink() {
    guard isSparse(count, in: capacity) else { return }
    var small = Self()
    small.reserveCapacity(count)
    small += self
    self = small
  }
}
