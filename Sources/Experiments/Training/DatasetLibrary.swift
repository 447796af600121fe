import Datasets
import Files
import Synchronization

/// The data sets of a process: each is in memory once, whatever the limits of the runs that use it.
///
/// The files are looked at whenever somebody asks, and read again if they are not those that were read. Who has a set
/// keeps the one that he has. The two sets asked for last stay in memory, so that many short runs, also of two experiments
/// in turn, do not read them again and again; another one goes with its last user.
package final class DatasetLibrary: Sendable {
  private static let keptCount = 2

  private let reader: DatasetReader
  private let slots = Mutex<[DatasetSource: Slot]>([:])
  /// The last ones asked for, the newest at the end.
  private let kept = Mutex<[DatasetContent]>([])

  /// Where a set is, if it is in memory. The lock is held while the set is read: who wants the same one waits for that
  /// reading, who wants another one does not.
  private final class Slot: Sendable {
    let holding = Mutex<Holding?>(nil)
  }

  private struct Holding {
    weak var content: DatasetContent?
    var look: DatasetReader.Look
  }

  package init(_ reader: DatasetReader) {
    self.reader = reader
  }

  package convenience init(_ folder: DataFolder) {
    self.init(DatasetReader(folder))
  }

  /// Reads the configured data set, or finds it read and its files unchanged.
  ///
  /// - Parameter configFolder: what the config's paths are relative to.
  package func dataset(
    _ configuration: DatasetConfiguration, configFolder: String
  ) throws(DatasetError) -> Dataset {
    let source = configuration.source(configFolder: configFolder)
    let (content, outdated) = try slot(of: source.wholeFiles).holding.withLock {
      holding -> Result<(DatasetContent, DatasetContent?), DatasetError> in
      let known = holding?.content
      return Result { () throws(DatasetError) in
        let content = try current(source, &holding)
        return (content, known === content ? nil : known)
      }
    }.get()
    keep(content, inPlaceOf: outdated)
    return try Dataset(content, limitedAs: source)
  }

  /// Bytes that reading the set would take, 0 where it is in memory.
  func bytesToRead(_ configuration: DatasetConfiguration, configFolder: String) -> Int {
    let source = configuration.source(configFolder: configFolder)
    let isThere = slot(of: source.wholeFiles).holding.withLock { $0?.content != nil }
    return isThere ? 0 : reader.byteCount(source)
  }

  private func current(
    _ source: DatasetSource, _ holding: inout Holding?
  ) throws(DatasetError) -> DatasetContent {
    let known = holding?.content
    if let known, let read = holding?.look, read.isSure(ofTheSameContentAs: try reader.look(source)) {
      return known
    }
    let (content, look) = try reader.read(source)
    // The same bytes under new dates need not be in memory twice.
    if let known, known.sha256 == content.sha256 {
      holding?.look = look
      return known
    }
    holding = Holding(content: content, look: look)
    return content
  }

  private func slot(of files: DatasetSource) -> Slot {
    slots.withLock { slots in
      if let slot = slots[files] { return slot }
      // Whatever was ever asked for would have a slot for good.
      slots = slots.filter { _, slot in slot.holding.withLockIfAvailable { $0?.content != nil } ?? true }
      let slot = Slot()
      slots[files] = slot
      return slot
    }
  }

  /// - Parameter outdated: what the same files held before.
  private func keep(_ content: DatasetContent, inPlaceOf outdated: DatasetContent?) {
    // Freed after the lock: it may be the last reference to a set.
    let gone = kept.withLock { kept -> DatasetContent? in
      kept.removeAll { $0 === content || $0 === outdated }
      kept.append(content)
      return kept.count > Self.keptCount ? kept.removeFirst() : nil
    }
    withExtendedLifetime(gone) {}
  }
}

extension DatasetConfiguration {
  fileprivate func source(configFolder: String) -> DatasetSource {
    guard let idx else {
      return DatasetSource(name, trainLimit: trainLimit, validationLimit: validationLimit)
    }
    func resolve(_ path: String) -> String { FilePath.resolve(path, in: configFolder) }
    let files = IDXFiles(
      trainImages: resolve(idx.trainImages), trainLabels: resolve(idx.trainLabels),
      validationImages: resolve(idx.validationImages), validationLabels: resolve(idx.validationLabels))
    return DatasetSource(idx: files, trainLimit: trainLimit, validationLimit: validationLimit)
  }
}
