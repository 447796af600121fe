import Scheduler

/// Keeps nothing: the queue of a process in the foreground lasts no longer than the process.
struct VolatileStore: RecordStore {
  var needsSnapshot: Bool { false }
  func append(_ records: [[UInt8]]) {}
  func compact(_ records: [[UInt8]]) {}
  var length: Int { 0 }
}
