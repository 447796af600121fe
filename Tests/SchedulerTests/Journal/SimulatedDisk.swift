import Dispatch
import Files
import Foundation
import Synchronization

/// A disk in memory with one folder, that forgets what was not synced when the power fails.
///
/// As a real one it keeps what is written in memory until a sync. A sync that fails forgets that there was
/// something to write: the next one succeeds without it. Operations are counted from 0, and a chosen one fails.
final class SimulatedDisk: FileSystem {
  enum Fault: Hashable, Sendable {
    case error(Int32)
    /// A write takes half of its bytes and then fails.
    case tornWrite(Int32)
    /// A write takes half of its bytes and says so; other operations work.
    case shortWrite
  }

  enum Aftermath: CaseIterable, Sendable {
    /// The process is gone, the machine goes on.
    case kill
    /// Only what was synced is there.
    case powerFailure
    /// Half of what was being written is there too.
    case tornPowerFailure
  }

  private struct Inode {
    var cached: [UInt8] = []
    var durable: [UInt8] = []
    var dirty: [Range<Int>] = []
    var lengthIsDirty = false

    mutating func synchronize() {
      if dirty.isEmpty && !lengthIsDirty { return }
      durable = Array(durable.prefix(cached.count))
      durable += [UInt8](repeating: 0, count: cached.count - durable.count)
      for range in dirty {
        let range = range.clamped(to: 0..<cached.count)
        durable.replaceSubrange(range, with: cached[range])
      }
      forget()
    }

    mutating func forget() {
      dirty = []
      lengthIsDirty = false
    }
  }

  private struct Handle {
    var inode: Int
    var position = 0
  }

  private struct State {
    var inodes: [Int: Inode] = [:]
    var entries: [String: Int] = [:]
    var durableEntries: [String: Int] = [:]
    var handles: [Int32: Handle] = [:]
    var next: Int32 = 3
    var room = Int.max
    var fault: (fault: Fault, number: Int, persists: Bool)?
    var count = 0
    var counts: [FileError.Operation: Int] = [:]
    var failed: [FileError.Operation] = []
    var failedSyncZeroesPage = false
  }

  private let state = Mutex(State())
  private let open = DispatchGroup()
  private let onSynchronize: @Sendable () -> Void

  init(onSynchronize: @escaping @Sendable () -> Void = {}) {
    self.onSynchronize = onSynchronize
  }

  /// From now on operation `number`, counted from 0, fails, and with `persists` all that follow.
  func fail(_ fault: Fault, at number: Int, persists: Bool = false) {
    state.withLock {
      $0.fault = (fault, number, persists)
      $0.count = 0
      $0.failed = []
    }
  }

  func heal() { state.withLock { $0.fault = nil } }

  /// What has failed since `fail`.
  var failed: [FileError.Operation] { state.withLock { $0.failed } }
  var openCount: Int { state.withLock { $0.handles.count } }

  /// Waits for a journal that nobody holds any more to close its file, which it does on its own queue.
  func allIsClosed() -> Bool { open.wait(timeout: .now() + 60) == .success }

  func count(_ operation: FileError.Operation) -> Int { state.withLock { $0.counts[operation, default: 0] } }

  /// All files together can be so many bytes.
  var room: Int {
    get { state.withLock { $0.room } }
    set { state.withLock { $0.room = newValue } }
  }

  /// A failed sync destroys the page that the unwritten bytes begin in, in memory and on the device.
  var failedSyncZeroesPage: Bool {
    get { state.withLock { $0.failedSyncZeroesPage } }
    set { state.withLock { $0.failedSyncZeroesPage = newValue } }
  }

  /// The disk that the next process finds.
  func after(_ aftermath: Aftermath) -> SimulatedDisk {
    var next = state.withLock { $0 }
    next.handles = [:]
    next.fault = nil
    next.counts = [:]
    next.failed = []
    if aftermath != .kill {
      next.entries = next.durableEntries
      for (number, var inode) in next.inodes {
        if aftermath == .tornPowerFailure, let range = inode.dirty.last {
          inode.dirty[inode.dirty.count - 1] = range.lowerBound..<range.lowerBound + range.count / 2
          inode.cached = Array(inode.cached.prefix(range.lowerBound + range.count / 2))
          inode.synchronize()
        }
        inode.cached = inode.durable
        inode.forget()
        next.inodes[number] = inode
      }
    }
    let disk = SimulatedDisk()
    disk.state.withLock { [next] in $0 = next }
    return disk
  }

  /// The files' names, without the folder.
  var names: [String] { state.withLock { $0.entries.keys.map { FilePath.name(of: $0) }.sorted() } }

  func bytes(_ path: String) -> [UInt8]? {
    state.withLock { state in state.entries[path].map { state.inodes[$0]!.cached } }
  }

  /// Puts a file on the device, as if it had always been there.
  func put(_ bytes: [UInt8], at path: String) {
    state.withLock { state in
      let number = Int(state.next)
      state.next += 1
      state.inodes[number] = Inode(cached: bytes, durable: bytes)
      state.entries[path] = number
      state.durableEntries[path] = number
    }
  }

  // MARK: - FileSystem

  private func strikes(_ operation: FileError.Operation) -> Fault? {
    state.withLock { state in
      state.counts[operation, default: 0] += 1
      defer { state.count += 1 }
      guard let (fault, number, persists) = state.fault,
        state.count == number || persists && state.count > number
      else { return nil }
      state.failed.append(operation)
      return fault
    }
  }

  private func attempt(_ operation: FileError.Operation, _ path: String) throws(FileError) {
    switch strikes(operation) {
    case .error(let code), .tornWrite(let code): throw FileError(operation, path, code: code)
    case .shortWrite, nil: break
    }
  }

  func open(_ path: String, _ mode: OpenMode) throws(FileError) -> OpenFile {
    try attempt(mode == .replace ? .create : .open, path)
    let number: Int32? = state.withLock { state in
      if state.entries[path] == nil {
        if mode == .read { return nil }
        state.entries[path] = Int(state.next)
        state.inodes[Int(state.next)] = Inode()
        state.next += 1
      }
      let inode = state.entries[path]!
      if mode == .replace {
        state.inodes[inode]!.cached = []
        state.inodes[inode]!.lengthIsDirty = true
      }
      state.handles[state.next] = Handle(inode: inode)
      state.next += 1
      return state.next - 1
    }
    guard let number else { throw FileError(.open, path, code: ENOENT) }
    open.enter()
    return OpenFile(number: number, path: path)
  }

  func read(_ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    try attempt(.read, file.path)
    let bytes = state.withLock { state in
      let handle = state.handles[file.number]!
      let bytes = Array(state.inodes[handle.inode]!.cached.dropFirst(handle.position).prefix(buffer.count))
      state.handles[file.number]!.position += bytes.count
      return bytes
    }
    buffer.copyBytes(from: bytes)
    return bytes.count
  }

  func write(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    let fault = strikes(.write)
    if case .error(let code) = fault { throw FileError(.write, file.path, code: code) }
    let bytes = Array(fault == nil ? bytes[...] : bytes.prefix(max(1, bytes.count / 2)))
    let count = state.withLock { state in
      let used = state.entries.values.reduce(0) { $0 + state.inodes[$1]!.cached.count }
      let count = min(bytes.count, max(0, state.room - used))
      let inode = state.handles[file.number]!.inode
      let start = state.inodes[inode]!.cached.count
      state.inodes[inode]!.cached += bytes.prefix(count)
      state.inodes[inode]!.dirty.append(start..<start + count)
      return count
    }
    if case .tornWrite(let code) = fault { throw FileError(.write, file.path, code: code) }
    if count == 0 { throw FileError(.write, file.path, code: ENOSPC) }
    return count
  }

  func synchronize(_ file: OpenFile) throws(FileError) {
    onSynchronize()
    do throws(FileError) {
      try attempt(.synchronize, file.path)
    } catch {
      state.withLock { state in
        let inode = state.handles[file.number]!.inode
        if state.failedSyncZeroesPage, let dirty = state.inodes[inode]!.dirty.first {
          for offset in dirty.lowerBound / 4096 * 4096..<dirty.lowerBound {
            state.inodes[inode]!.cached[offset] = 0
            state.inodes[inode]!.durable[offset] = 0
          }
        }
        state.inodes[inode]!.forget()
      }
      throw error
    }
    state.withLock { $0.inodes[$0.handles[file.number]!.inode]!.synchronize() }
  }

  func truncate(_ file: OpenFile, to length: Int) throws(FileError) {
    try attempt(.truncate, file.path)
    state.withLock { state in
      let inode = state.handles[file.number]!.inode
      let cached = state.inodes[inode]!.cached
      precondition(length <= cached.count, "truncate: \(file.path) would grow")
      state.inodes[inode]!.cached = Array(cached.prefix(length))
      state.inodes[inode]!.lengthIsDirty = true
    }
  }

  func size(_ file: OpenFile) throws(FileError) -> Int {
    try attempt(.measure, file.path)
    return state.withLock { $0.inodes[$0.handles[file.number]!.inode]!.cached.count }
  }

  func close(_ file: OpenFile) throws(FileError) {
    let wasOpen = state.withLock { $0.handles.removeValue(forKey: file.number) != nil }
    precondition(wasOpen, "close: \(file.path) was closed twice")
    open.leave()
    try attempt(.close, file.path)
  }

  func rename(_ path: String, to newPath: String) throws(FileError) {
    try attempt(.rename, path)
    state.withLock { $0.entries[newPath] = $0.entries.removeValue(forKey: path)! }
  }

  func remove(_ path: String) throws(FileError) {
    try attempt(.remove, path)
    let wasThere = state.withLock { $0.entries.removeValue(forKey: path) != nil }
    if !wasThere { throw FileError(.remove, path, code: ENOENT) }
  }

  func exists(_ path: String) -> Bool { state.withLock { $0.entries[path] != nil } }

  func createFolder(_ path: String) throws(FileError) -> Bool {
    try attempt(.createFolder, path)
    return false
  }

  func list(_ path: String) throws(FileError) -> [String] {
    try attempt(.list, path)
    return names
  }

  func synchronizeFolder(_ path: String) throws(FileError) {
    try attempt(.synchronizeFolder, path)
    state.withLock { $0.durableEntries = $0.entries }
  }
}
