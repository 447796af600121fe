import Datasets
import Dispatch
import Files
import Foundation
import Synchronization
import Testing

@testable import Experiments

/// What is in memory once, what is read again, and who waits for whom.
struct DatasetLibraryTests {
  /// Looks that were taken, by the file's folder; and what happens at each.
  private final class Looks: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    private let happens: @Sendable (_ path: String) -> Void

    init(_ happens: @escaping @Sendable (_ path: String) -> Void = { _ in }) { self.happens = happens }

    /// - Parameter age: seconds that seem to have passed since the files were written.
    func library(age: Double = 3_600) -> DatasetLibrary {
      let reader = DatasetReader(
        DataFolder("no data"),
        version: { path in
          self.happens(path)
          // The first of four files stands for its set.
          if path.hasSuffix("train-images") {
            self.counts.withLock { $0[FilePath.folder(of: path), default: 0] += 1 }
          }
          return FileVersion(path: path)
        }, now: { Int((Date().timeIntervalSince1970 + age) * 1e9) })
      return DatasetLibrary(reader)
    }

    func callAsFunction(_ files: OwnFiles) -> Int { counts.withLock { $0[files.folder] ?? 0 } }
  }

  /// Looks that a set takes which is read, and one that is found.
  private static let (read, found) = (2, 1)

  private static func files(_ folder: TrainingFolder, _ name: String, seed: Int = 0) throws -> OwnFiles {
    let files = OwnFiles(folder: folder.file(name))
    try FileManager.default.createDirectory(atPath: files.folder, withIntermediateDirectories: true)
    try files.write(seed: seed)
    return files
  }

  private static func configuration(_ rest: String = "") throws -> DatasetConfiguration {
    var text = ExperimentText.digits()
    text.dataset = OwnFiles.dataset(rest)
    return Plan(try text.experiment()).runs[0].dataset
  }

  private static func address(_ dataset: Dataset) -> UnsafePointer<UInt8>? {
    dataset.train.withImage(0) { $0.baseAddress }
  }

  private static func image(_ dataset: Dataset) -> [UInt8] { dataset.train.withImage(0) { Array($0) } }

  @Test func limitsAndSpellingsShareOneCopy() throws {
    let folder = try TrainingFolder()
    let (files, looks) = (try Self.files(folder, "own"), Looks())
    let library = looks.library()
    let whole = try library.dataset(Self.configuration(), configFolder: files.folder)
    let limits = #", "train_limit": 3, "validation_limit": 2"#
    let limited = try library.dataset(Self.configuration(limits), configFolder: files.folder + "/../own/.")
    #expect(limited.train.count == 3 && limited.validation.count == 2 && whole.train.count == 20)
    #expect(Self.address(whole) == Self.address(limited) && whole.sha256 == limited.sha256)
    #expect(looks(files) == Self.read, "the other spelling's look is at another path")
    _ = try library.dataset(Self.configuration(), configFolder: files.folder)
    #expect(looks(files) == Self.read + Self.found)
  }

  @Test(arguments: OwnFiles.Change.allCases)
  func changedFilesAreReadAgainAndWhoHasTheOldOnesKeepsThem(change: OwnFiles.Change) throws {
    let folder = try TrainingFolder()
    // As old as files are that have just been written.
    let (files, library) = (try Self.files(folder, "own"), Looks().library(age: 0))
    let old = try library.dataset(Self.configuration(), configFolder: files.folder)
    let image = Self.image(old)
    try files.write(seed: 1, change)
    let new = try library.dataset(Self.configuration(), configFolder: files.folder)
    #expect(new.sha256 != old.sha256 && Self.image(new) != image && Self.image(old) == image)
    #expect(new.train.label(0) == 1 && old.train.label(0) == 0)
    try FileManager.default.removeItem(atPath: files.path("train-labels"))
    #expect(throws: DatasetError.self) {
      try library.dataset(Self.configuration(), configFolder: files.folder)
    }
    #expect(Self.image(new) != image)
  }

  /// New dates and the same bytes: whoever asks gets what others have.
  @Test func filesWrittenAgainWithTheSameContentAreInMemoryOnce() throws {
    let folder = try TrainingFolder()
    let (files, looks) = (try Self.files(folder, "own"), Looks())
    let library = looks.library()
    let first = try library.dataset(Self.configuration(), configFolder: files.folder)
    try files.write(seed: 0)
    let second = try library.dataset(Self.configuration(), configFolder: files.folder)
    #expect(Self.address(first) == Self.address(second))
    #expect(looks(files) == Self.read + Self.found + Self.read)
    _ = try library.dataset(Self.configuration(), configFolder: files.folder)
    #expect(looks(files) == Self.read + Self.found + Self.read + Self.found)
  }

  @Test func theTwoAskedForLastStayAndTheOthersGoWithTheirLastUser() throws {
    let folder = try TrainingFolder()
    let looks = Looks()
    let library = looks.library()
    let sets = try (0..<3).map { try Self.files(folder, "own-\($0)", seed: $0) }
    func ask(_ index: Int) throws -> Dataset {
      try library.dataset(Self.configuration(), configFolder: sets[index].folder)
    }
    for round in 0..<3 {
      for index in 0...1 { _ = try ask(index) }
      #expect(looks(sets[0]) == Self.read + round * Self.found)
    }
    _ = try ask(2)
    _ = try ask(0)
    #expect(looks(sets[0]) == 2 * Self.read + 2 * Self.found, "nobody had it any more")
    try withExtendedLifetime(try ask(0)) {
      for index in 1...2 { _ = try ask(index) }
      let before = looks(sets[0])
      _ = try ask(0)
      #expect(looks(sets[0]) == before + Self.found, "somebody has it")
    }
  }

  @Test func whatFilesHeldBeforeKeepsNobodysPlace() throws {
    let folder = try TrainingFolder()
    let looks = Looks()
    let library = looks.library()
    let (first, second) = (try Self.files(folder, "first"), try Self.files(folder, "second", seed: 1))
    for files in [first, second] {
      _ = try library.dataset(Self.configuration(), configFolder: files.folder)
    }
    try second.write(seed: 2)
    _ = try library.dataset(Self.configuration(), configFolder: second.folder)
    _ = try library.dataset(Self.configuration(), configFolder: first.folder)
    #expect(looks(first) == Self.read + Self.found)
  }

  @Test func whoWantsAnotherSetDoesNotWait() throws {
    let folder = try TrainingFolder()
    let (slow, quick) = (try Self.files(folder, "slow"), try Self.files(folder, "quick", seed: 1))
    let (began, go) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let isFirst = Atomic(true)
    let wasLetGo = Atomic(false)
    let looks = Looks { path in
      guard path.hasPrefix(slow.folder), isFirst.exchange(false, ordering: .relaxed) else { return }
      began.signal()
      wasLetGo.store(go.wait(timeout: .now() + 60) == .success, ordering: .relaxed)
    }
    let library = looks.library()
    let configuration = try Self.configuration()
    let group = DispatchGroup()
    // Nobody who wants the set that is being read reads it again.
    for _ in 0..<3 {
      DispatchQueue.global().async(group: group) {
        #expect(throws: Never.self) { try library.dataset(configuration, configFolder: slow.folder) }
      }
    }
    began.wait()
    #expect(try library.dataset(configuration, configFolder: quick.folder).train.count == 20)
    go.signal()
    group.wait()
    let didNotWait = wasLetGo.load(ordering: .relaxed)
    #expect(didNotWait, "the other set waited for this one")
    #expect(looks(slow) == Self.read + 2 * Self.found)
  }
}
