import Dispatch
import Files
import Glibc

/// Watches the folder that configs are dropped into and delivers them in batches.
///
/// Events of the system wake it; a slow rescan finds what events miss: when too many came at once, on network
/// file systems, and when the folder itself was replaced. What is ready when is `SpoolState`'s business.
///
/// Everything happens on one serial queue, the delivery included: while a batch is being handled nothing more is
/// read, and what arrives meanwhile makes the next batch. So a caller that journals a batch with one sync
/// keeps up with any number of files, and one batch at a time is in memory.
///
///     let watcher = SpoolWatcher(folder) { batch in
///       journal.append(batch.files)
///       try folder.accept(batch.files)
///       for refusal in batch.refusals { try folder.reject(refusal.entry, "\(refusal.reason)") }
///     }
///     watcher.start()
///
/// Unchecked: everything that changes is touched on `queue` alone.
package final class SpoolWatcher: @unchecked Sendable {
  /// How often the folder is looked at, and how long files are waited for.
  package struct Settings: Sendable {
    package var readiness = SpoolState.Settings()
    package var rescanInterval: Duration = .seconds(5)
    /// The first event after a silence is followed at once; soon after a look, more are waited for: so long each time,
    /// and no longer than `longestGathering` in all.
    package var gathering: Duration = .milliseconds(20)
    package var longestGathering: Duration = .milliseconds(200)
    /// The largest config, in bytes.
    package var largestFile = 1 << 20
    /// Bytes of files in one batch, at least one file is in each; and how many files. Each batch is held in memory
    /// several times over while it is being judged.
    package var batchBytes = 8 << 20
    package var batchFiles = 500

    package init() {}
  }

  package let folder: SpoolFolder
  private let settings: Settings
  private let queue: DispatchQueue
  private let clock: @Sendable () -> SpoolTime
  private let deliver: @Sendable (SpoolBatch) -> Void

  private var state: SpoolState
  private var events: FolderEvents?
  private var source: (any DispatchSourceRead)?
  private var rescanTimer: (any DispatchSourceTimer)?
  private var dueTimer: (any DispatchSourceTimer)?
  /// The folder that is watched: device and inode.
  private var attended: [UInt64]?
  private var reader: SpoolReader
  private var isStopped = false

  private var gatheringSince: Duration?
  private var lastEvent = Duration.zero
  /// When a look had ended that followed an event.
  private var lastLook = Duration.zero
  private var mustLookAtAll = false
  /// What was mentioned and still holds.
  private var troubles: Set<SpoolNotice> = []

  /// Batches are delivered one after the other, on a serial queue of the watcher's own, which `target` may
  /// bring together with others.
  package init(
    _ folder: SpoolFolder, _ settings: Settings = Settings(), target: DispatchQueue? = nil,
    clock: @escaping @Sendable () -> SpoolTime = { .now }, deliver: @escaping @Sendable (SpoolBatch) -> Void
  ) {
    self.folder = folder
    self.settings = settings
    self.clock = clock
    self.deliver = deliver
    queue = DispatchQueue(label: "bitlab.spool", qos: .utility, target: target)
    state = SpoolState(settings.readiness)
    reader = SpoolReader(folder: folder.path, limit: settings.largestFile, knowsEveryWriter: false)
  }

  deinit { close() }

  /// Begins to watch, with what is in the folder already.
  package func start() {
    queue.async { [self] in
      precondition(rescanTimer == nil && !isStopped, "SpoolWatcher: started twice")
      rescanTimer = timer { $0.look(atAll: true) }
      rescanTimer?.schedule(
        deadline: .now() + settings.rescanInterval.forDispatch, repeating: settings.rescanInterval.forDispatch
      )
      dueTimer = timer { $0.look(atAll: false) }
      look(atAll: true)
    }
  }

  /// Once it returned nothing more is delivered. Not to be called while handling a batch.
  package func stop() {
    dispatchPrecondition(condition: .notOnQueue(queue))
    queue.sync { close() }
  }

  /// Looks at the whole folder now.
  package func rescan() {
    queue.async { [self] in look(atAll: true) }
  }

  /// Delivers files again that were delivered but could be neither accepted nor rejected.
  package func offerAgain(_ names: [SpoolName]) {
    queue.async { [self] in
      for name in names { state.offerAgain(name, at: clock()) }
      look(atAll: false)
    }
  }

  /// Returns once everything asked for before is done. Not to be called while handling a batch.
  func waitUntilDone() {
    dispatchPrecondition(condition: .notOnQueue(queue))
    queue.sync {}
  }

  /// Takes events as if the system had sent them.
  func receive(_ events: [FolderEvents.Event]) {
    queue.async { [self] in
      take(events)
      gather()
    }
  }

  private func close() {
    isStopped = true
    rescanTimer?.cancel()
    dueTimer?.cancel()
    source?.cancel()
    rescanTimer = nil
    dueTimer = nil
    source = nil
    events = nil
  }

  private func timer(_ body: @escaping @Sendable (SpoolWatcher) -> Void) -> any DispatchSourceTimer {
    let timer = DispatchSource.makeTimerSource(queue: queue)
    timer.setEventHandler { [weak self] in
      if let self { body(self) }
    }
    timer.activate()
    return timer
  }
}

// MARK: - Events

extension SpoolWatcher {
  private func take(_ events: [FolderEvents.Event]) {
    for event in events {
      switch event {
      case .entry(let signal, let name): state.signal(signal, name)
      case .overflow: mustLookAtAll = true
      case .folderGone:
        attended = nil
        mustLookAtAll = true
      }
    }
  }

  /// Files often come by the hundred: waits until there is a moment without events, but not for long.
  private func gather() {
    guard state.hasSignals || mustLookAtAll else { return }
    lastEvent = clock().monotonic
    if gatheringSince != nil { return }
    gatheringSince = lastEvent
    if lastEvent - lastLook > settings.longestGathering {
      gatheringSince = nil
      look(atAll: false)
    } else {
      waitForMore(than: lastEvent)
    }
  }

  private func waitForMore(than seen: Duration) {
    queue.asyncAfter(deadline: .now() + settings.gathering.forDispatch) { [weak self] in
      guard let self, let since = gatheringSince else { return }
      if lastEvent > seen, clock().monotonic - since < settings.longestGathering {
        waitForMore(than: lastEvent)
      } else {
        gatheringSince = nil
        look(atAll: false)
      }
    }
  }

  /// Sees to it that the folder is there and watched; `false` where it cannot be there.
  private func attend(_ notices: inout [SpoolNotice]) -> Bool {
    var current = Self.identity(of: folder.path)
    if current == nil || attended != current {
      // Not on the first look: `SpoolFolder` has just prepared it.
      let wasWatched = events != nil
      if current == nil || wasWatched {
        do throws(FileError) {
          try folder.prepare()
        } catch {
          notices.append(.failed(error))
          attended = nil
          return false
        }
        current = Self.identity(of: folder.path)
        if wasWatched { notices.append(.folderReplaced(path: folder.path)) }
      }
    }
    if attended != current || events?.isWatching != true {
      // Looked at before it is watched: should it be replaced in between, the next rescan sees the difference.
      attended = current
      mustLookAtAll = true
      reader = SpoolReader(
        folder: folder.path, limit: settings.largestFile, knowsEveryWriter: knowsEveryWriter(current))
      do throws(FileError) {
        try watch()
      } catch {
        notices.append(.notWatching(error))
      }
    }
    return true
  }

  private func watch() throws(FileError) {
    if let events { return try events.watch(folder.path) }
    let events = try FolderEvents()
    let source = DispatchSource.makeReadSource(fileDescriptor: events.descriptor, queue: queue)
    source.setEventHandler { [weak self] in
      guard let self, let events = self.events else { return }
      take(events.take())
      gather()
    }
    source.setCancelHandler { [descriptor = events.descriptor] in _ = Glibc.close(descriptor) }
    source.activate()
    self.events = events
    self.source = source
    try events.watch(folder.path)
  }

  private func knowsEveryWriter(_ identity: [UInt64]?) -> Bool {
    guard let identity, let mounts = try? POSIXFileSystem().readText("/proc/self/mountinfo") else {
      return false
    }
    return SpoolReader.knowsEveryWriter(device: identity[0], mounts: mounts)
  }

  private static func identity(of path: String) -> [UInt64]? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
    return [UInt64(status.st_dev), UInt64(status.st_ino)]
  }
}

// MARK: - Looking

extension SpoolWatcher {
  private func look(atAll wantsAll: Bool) {
    if isStopped { return }
    if let events { take(events.take()) }
    let followsEvents = state.hasSignals || mustLookAtAll
    defer { if followsEvents { lastLook = clock().monotonic } }
    var batch = SpoolBatch()
    var trouble: [SpoolNotice] = []
    var isWhole = wantsAll
    var hasLooked = false
    if attend(&trouble) {
      isWhole = wantsAll || mustLookAtAll
      do throws(FileError) {
        let names = isWhole ? nil : state.names(at: clock())
        let entries = if let names { self.entries(names) } else { try allEntries() }
        mustLookAtAll = false
        hasLooked = true
        perform(state.look(at: entries, of: names, clock()), &batch, &trouble)
      } catch {
        trouble.append(.failed(error))
      }
    }
    mention(trouble, isWhole, &batch)
    if !batch.isEmpty { deliver(batch) }
    // Where nothing can be looked at, what is due stays due: only the rescan tries again.
    if hasLooked { waitUntilDue() } else { dueTimer?.schedule(deadline: .distantFuture) }
  }

  private func perform(_ steps: [SpoolState.Step], _ batch: inout SpoolBatch, _ trouble: inout [SpoolNotice])
  {
    var bytes = 0
    for step in steps {
      switch step {
      case .mention(let name): batch.notices.append(.ignored(name))
      case .refuse(let entry, let reason): batch.refusals.append(SpoolRefusal(entry: entry, reason: reason))
      case .read(let entry, let condition):
        let result = reader.read(entry, condition)
        state.finished(entry.name, result.reading, clock())
        switch result {
        case .file(let file):
          let isFull =
            bytes + file.bytes.count > settings.batchBytes || batch.files.count == settings.batchFiles
          if !batch.files.isEmpty, isFull {
            deliver(batch)
            batch = SpoolBatch()
            bytes = 0
          }
          batch.files.append(file)
          bytes += file.bytes.count
        case .refused(let refusal): batch.refusals.append(refusal)
        case .failed(let error): trouble.append(.failed(error))
        case .open, .changed, .missing: break
        }
      }
    }
  }

  /// Each trouble is worth one line for as long as it lasts.
  private func mention(_ trouble: [SpoolNotice], _ isWhole: Bool, _ batch: inout SpoolBatch) {
    for notice in trouble where !troubles.contains(notice) { batch.notices.append(notice) }
    if isWhole { troubles = [] }
    for notice in trouble {
      if case .folderReplaced = notice { continue }
      troubles.insert(notice)
    }
  }

  private func waitUntilDue() {
    let wait = state.nextDue.map { max(.milliseconds(1), $0 - clock().monotonic) }
    dueTimer?.schedule(deadline: wait.map { .now() + $0.forDispatch } ?? .distantFuture)
  }

  private func entries(_ names: Set<SpoolName>) -> [SpoolEntry] {
    names.compactMap { SpoolEntry.look(at: SpoolPath.join(folder.path, $0), named: $0) }
  }

  private func allEntries() throws(FileError) -> [SpoolEntry] {
    guard let stream = opendir(folder.path) else { throw FileError(.list, folder.path, code: errno) }
    defer { closedir(stream) }
    var entries: [SpoolEntry] = []
    while true {
      errno = 0
      guard let found = readdir(stream) else {
        if errno != 0 { throw FileError(.list, folder.path, code: errno) }
        return entries
      }
      let bytes = withUnsafeBytes(of: &found.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      let name = SpoolName(bytes: bytes)
      if name.category == .ignored { continue }
      if let entry = SpoolEntry.look(at: SpoolPath.join(folder.path, name), named: name) {
        entries.append(entry)
      }
    }
  }
}

extension SpoolReader.Result {
  var reading: SpoolState.Reading {
    switch self {
    case .file(let file): .taken(file.entry)
    case .refused(let refusal): .taken(refusal.entry)
    case .open: .open
    case .changed: .changed
    case .missing: .missing
    case .failed: .failed
    }
  }
}

extension SpoolTime {
  /// What the machine's clocks say.
  package static var now: SpoolTime {
    var monotonic = timespec()
    var wall = timespec()
    clock_gettime(CLOCK_MONOTONIC, &monotonic)
    clock_gettime(CLOCK_REALTIME, &wall)
    return SpoolTime(monotonic: Duration(monotonic), wall: Duration(wall))
  }
}

extension Duration {
  fileprivate var forDispatch: DispatchTimeInterval {
    let (seconds, attoseconds) = components
    return .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
  }
}
