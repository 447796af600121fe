/// Lines on their way to something that may stand still, a terminal or a disk: so many bytes of them wait. What comes on top
/// is left out and counted, and a line says so where the others are missing.
struct BoundedLines: Sendable {
  /// What is to be written in one piece.
  struct Batch: Sendable, Equatable {
    var bytes: [UInt8] = []
    /// The lines in it, and those that it says are missing.
    var count = 0
  }

  /// Bytes.
  private let capacity: Int
  private let notice: @Sendable (Int) -> String
  private var waiting = Batch()
  /// Lines left out before those that wait, since they could not be written, and after them, for want of room.
  private var (missingBefore, missingAfter) = (0, 0)

  /// - Parameters:
  ///   - capacity: in bytes.
  ///   - notice: the line that says how many are missing.
  init(capacity: Int, notice: @escaping @Sendable (Int) -> String) {
    self.capacity = capacity
    self.notice = notice
  }

  mutating func add(_ line: String) { add(bytes: Array((line + "\n").utf8)) }

  /// Adds bytes that end with a line feed, or go on with what is added next.
  mutating func add(bytes: [UInt8]) {
    // What finds nothing before it is taken whatever its length.
    guard waiting.bytes.isEmpty || waiting.bytes.count + bytes.count <= capacity else {
      missingAfter += 1
      return
    }
    tellMissing()
    waiting.bytes += bytes
    waiting.count += 1
  }

  /// What waits, to be written now; nil for nothing.
  mutating func take() -> Batch? {
    tellMissing()
    // What could not be written is not told of alone: that could fail without an end.
    guard waiting.count > 0 else { return nil }
    if missingBefore > 0 {
      waiting.bytes = Array((notice(missingBefore) + "\n").utf8) + waiting.bytes
      waiting.count += missingBefore
      missingBefore = 0
    }
    defer { waiting = Batch() }
    return waiting
  }

  /// Takes note that a batch could not be written.
  mutating func lost(_ batch: Batch) { missingBefore += batch.count }

  private mutating func tellMissing() {
    guard missingAfter > 0 else { return }
    waiting.bytes += Array((notice(missingAfter) + "\n").utf8)
    waiting.count += missingAfter
    missingAfter = 0
  }
}
