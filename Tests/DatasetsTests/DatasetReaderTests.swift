import Foundation
import Synchronization
import Testing

@testable import Datasets

/// Files that others change: before, while and after they are read.
struct DatasetReaderTests {
  /// Looks at files, and does something at certain looks.
  private final class Meddler: Sendable {
    private let looks = Atomic(0)
    private let meddle: @Sendable (_ look: Int) -> Void

    /// - Parameter meddle: called before each look at a file, with its number from 0.
    init(_ meddle: @escaping @Sendable (_ look: Int) -> Void) { self.meddle = meddle }

    func reader(_ folder: TemporaryFolder) -> DatasetReader {
      DatasetReader(
        folder.data,
        version: { path in
          self.meddle(self.looks.add(1, ordering: .relaxed).oldValue)
          return FileVersion(path: path)
        })
    }
  }

  private static func overwrite(_ path: String, _ bytes: [UInt8]) {
    let descriptor = open(path, O_WRONLY | O_TRUNC)
    #expect(descriptor >= 0 && write(descriptor, bytes, bytes.count) == bytes.count)
    close(descriptor)
  }

  private static func lines(_ files: [[UInt8]]) -> String {
    SHA256.hexadecimal(of: Array(files.map { SHA256.hexadecimal(of: $0) + "\n" }.joined().utf8))
  }

  @Test func whatIsReadStaysWhateverBecomesOfTheFiles() throws {
    let folder = try TemporaryFolder()
    let small = SmallSet()
    let files = try small.write(to: folder)
    let set = try Dataset.load(DatasetSource(idx: files), in: folder.data)
    Self.overwrite(files.trainImages, [])
    #expect((0..<4).flatMap(set.train.image) == pattern(24))
    Self.overwrite(files.trainImages, idx([4, 2, 3], [UInt8](repeating: 9, count: 24)))
    Self.overwrite(files.trainLabels, idx([4], [1, 1, 1, 1]))
    #expect((0..<4).flatMap(set.train.image) == pattern(24) && set.train.allLabels == [0, 2, 1, 2])
  }

  @Test(arguments: ["", ".gz"]) func theHashIsOfTheWholeFilesDecompressed(suffix: String) throws {
    let folder = try TemporaryFolder()
    let small = SmallSet()
    let all = [small.trainImages, small.trainLabels, small.validationImages, small.validationLabels]
    let stored = suffix.isEmpty ? all : all.map(gzip)
    let files = try SmallSet(
      trainImages: stored[0], trainLabels: stored[1], validationImages: stored[2], validationLabels: stored[3]
    ).write(to: folder, suffix: suffix)
    let whole = try Dataset.load(DatasetSource(idx: files), in: folder.data)
    #expect(whole.sha256 == Self.lines(all))
    let limited = try Dataset.load(
      DatasetSource(idx: files, trainLimit: 1, validationLimit: 2), in: folder.data)
    #expect(limited.sha256 == whole.sha256)
    let digits = try Dataset.load(DatasetSource(.digits), in: folder.data)
    #expect(digits.sha256 == Self.lines([Digits.content()]))
  }

  /// A file that is replaced, or written over, between the look at it and its reading's end.
  @Test(arguments: [false, true]) func aFileThatChangesWhileItIsReadIsReadAgain(inPlace: Bool) throws {
    let folder = try TemporaryFolder()
    let files = try SmallSet().write(to: folder)
    let (labels, new) = (idx([4], [2, 2, 0, 1]), folder.path + "/new")
    // The fifth look is the first after reading.
    let meddler = Meddler { look in
      guard look == 4 else { return }
      if inPlace { return Self.overwrite(files.trainLabels, labels) }
      #expect(throws: Never.self) { try Data(labels).write(to: URL(fileURLWithPath: new)) }
      #expect(rename(new, files.trainLabels) == 0)
    }
    let (content, look) = try meddler.reader(folder).read(DatasetSource(idx: files))
    #expect(content.train.allLabels == [2, 2, 0, 1])
    let later = try DatasetReader(folder.data).look(DatasetSource(idx: files))
    #expect(look.isEqual(to: later))
  }

  /// What a writer has done so far is not taken for damage.
  @Test func aFileThatIsBeingWrittenIsReadAgain() throws {
    let folder = try TemporaryFolder()
    let files = try SmallSet().write(to: folder)
    let images = try Data(contentsOf: URL(fileURLWithPath: files.trainImages))
    Self.overwrite(files.trainImages, Array(images.prefix(20)))
    let meddler = Meddler { if $0 == 4 { Self.overwrite(files.trainImages, Array(images)) } }
    let (content, _) = try meddler.reader(folder).read(DatasetSource(idx: files))
    #expect(content.train.count == 4)
  }

  @Test func aFileThatNeverStaysTheSameIsAnErrorThatMayPass() throws {
    let folder = try TemporaryFolder()
    let files = try SmallSet().write(to: folder)
    let meddler = Meddler { look in
      Self.overwrite(files.validationLabels, idx([3 + look], [UInt8](repeating: 0, count: 3 + look)))
    }
    let error = try #require(throws: DatasetError.self) {
      try meddler.reader(folder).read(DatasetSource(idx: files))
    }
    #expect(error.kind == .changedFile && error.mayPass && error.file == files.validationLabels)
    #expect(error.problem == "changed while it was read, 3 times")
  }

  /// Size and date may be what they were: the time of the change is not.
  @Test func aChangeShowsWhateverTheDateSays() throws {
    let folder = try TemporaryFolder()
    let files = try SmallSet().write(to: folder)
    let now = Atomic(Int(Date().timeIntervalSince1970 * 1e9) + 60_000_000_000)
    let reader = DatasetReader(folder.data, now: { now.load(ordering: .relaxed) })
    let source = DatasetSource(idx: files)
    let first = try reader.look(source)
    #expect(first.isSure(ofTheSameContentAs: try reader.look(source)))
    var before = stat()
    #expect(stat(files.trainImages, &before) == 0)
    usleep(20_000)
    Self.overwrite(files.trainImages, idx([4, 2, 3], [UInt8](repeating: 9, count: 24)))
    var times = [before.st_atim, before.st_mtim]
    #expect(utimensat(AT_FDCWD, files.trainImages, &times, 0) == 0)
    #expect(!first.isSure(ofTheSameContentAs: try reader.look(source)))
  }

  /// Two changes within a tick of the file system's clock leave the same version.
  @Test func aRecentChangeIsNotSureToBeTheLast() throws {
    let folder = try TemporaryFolder()
    let source = DatasetSource(idx: try SmallSet().write(to: folder))
    let written = Int(Date().timeIntervalSince1970 * 1e9)
    for (age, isSure) in [(-5_000_000_000, false), (100_000_000, false), (10_000_000_000, true)] {
      let reader = DatasetReader(folder.data, now: { written + age })
      let look = try reader.look(source)
      #expect(look.isSure(ofTheSameContentAs: look) == isSure, "\(age)")
    }
  }

  @Test(arguments: [false, true]) func memoryThatIsNotThereMayBeLater(isCompressed: Bool) throws {
    let folder = try TemporaryFolder()
    let images = idx([40_000, 2, 3], pattern(240_000))
    let file = try folder.source(isCompressed ? gzip(images) : images, "images")
    let error = try #require(throws: DatasetError.self) {
      try ByteStorage.content(
        of: file, prefixLength: 16,
        allocate: { memory, count in count > 100_000 ? nil : realloc(memory, count) },
        expectedLength: { _ in images.count })
    }
    #expect(error.mayPass && error.kind == .unreadableFile)
    #expect(error.problem.contains("cannot be held in memory"))
  }
}
