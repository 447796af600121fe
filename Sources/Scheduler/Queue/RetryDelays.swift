/// When jobs that the machine failed are tried again.
package struct RetryDelays: Sendable {
  /// Seconds between looks whether there is room on the disk.
  package var disk: Double
  /// Whether a job waits for room on the disk; where it does not it fails, and may be continued by a person.
  package var waitsForDisk: Bool
  /// Seconds between looks whether others have given back what a job has no room for. When a job of the queue ends there is
  /// a look at once.
  package var room: Double
  /// Seconds before the first retry; each further one waits three times as long, an hour at most.
  package var first: Double

  package init(
    disk: Double = 10, waitsForDisk: Bool = true, room: Double = 10, first: Double = 5
  ) {
    self.disk = disk
    self.room = room
    self.waitsForDisk = waitsForDisk
    self.first = first
  }

  /// For a person who sits before it.
  package static let foreground = RetryDelays(waitsForDisk: false, first: 1)

  func retry(_ count: Int) -> Double {
    min(3600, first * (0..<min(count, 16)).reduce(1) { product, _ in product * 3 })
  }
}
