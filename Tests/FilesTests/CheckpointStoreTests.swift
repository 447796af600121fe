import Files
import Foundation
import TestSupport
import Testing

struct CheckpointStoreTests {
  private let files = POSIXFileSystem()

  private func content(_ step: Int) -> SafetensorsFile {
    SafetensorsFile(
      tensors: [.init(name: "w", shape: [2, 2], values: [1, 2, 3, Float(step)])],
      metadata: ["epoch": "\(step / 10)", "curve_length": "120"])
  }

  private func write(_ step: Int, to folder: TemporaryFolder, in fileSystem: (any FileSystem)? = nil) throws {
    try CheckpointStore(folder.path, in: fileSystem ?? files)
      .write(step: step, tensors: content(step).sources, metadata: content(step).metadata)
  }

  @Test func keepsTheNewestTwo() throws {
    let folder = try TemporaryFolder()
    let store = CheckpointStore(folder.path, in: files)
    #expect(try store.loadNewest().checkpoint == nil)
    for step in [5, 90, 100, 2000] { try write(step, to: folder) }
    #expect(try folder.names == ["checkpoint.0000000100.bitlab", "checkpoint.0000002000.bitlab"])
    let (checkpoint, putAside) = try store.loadNewest()
    #expect(checkpoint == Checkpoint(step: 2000, content: content(2000)))
    #expect(putAside == [])
  }

  @Test func isTheSameToTheByteEachTime() throws {
    let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
    try write(7, to: first)
    try write(7, to: second)
    #expect(try first.bytes("checkpoint.0000000007.bitlab") == second.bytes("checkpoint.0000000007.bitlab"))
  }

  @Test func aRunThatBeginsAgainLeavesNoLaterOnes() throws {
    let folder = try TemporaryFolder()
    for step in [80, 90, 10] { try write(step, to: folder) }
    #expect(try folder.names == ["checkpoint.0000000010.bitlab"])
    try folder.put([1], as: "checkpoint.0000000020.bitlab.damaged")
    try CheckpointStore(folder.path, in: files).removeAll()
    #expect(try folder.names == ["checkpoint.0000000020.bitlab.damaged"])
  }

  @Test func earlierOnesCanBeGoneBackTo() throws {
    let folder = try TemporaryFolder()
    let store = CheckpointStore(folder.path, in: files)
    for step in [80, 90] { try write(step, to: folder) }
    #expect(try store.loadNewest(before: 91).checkpoint?.step == 90)
    #expect(try store.loadNewest(before: 90).checkpoint?.step == 80)
    #expect(try store.loadNewest(before: 80).checkpoint == nil)
    try store.removeAll(after: 80)
    #expect(try folder.names == ["checkpoint.0000000080.bitlab"])
  }

  @Test func removesWhatAKilledWriterLeft() throws {
    let folder = try TemporaryFolder()
    try folder.put([1], as: ".checkpoint.0000000001.bitlab.partial-1")
    try folder.put([1], as: ".run.json.partial-1")
    try write(2, to: folder)
    #expect(try folder.names == [".run.json.partial-1", "checkpoint.0000000002.bitlab"])
  }

  @Test func everyCutAndEveryFlippedBitIsFoundAndThePredecessorUsed() throws {
    let folder = try TemporaryFolder()
    try write(1, to: folder)
    try write(2, to: folder)
    let name = "checkpoint.0000000002.bitlab"
    let whole = try folder.bytes(name)
    let cuts = whole.indices.map { Array(whole[..<$0]) } + [whole + [0]]
    let flips = whole.indices.flatMap { index in
      (0..<8).map { bit in
        var bytes = whole
        bytes[index] ^= 1 << UInt8(bit)
        return bytes
      }
    }
    let store = CheckpointStore(folder.path, in: files)
    for damaged in cuts + flips {
      try folder.put(damaged, as: name)
      let (checkpoint, putAside) = try store.loadNewest()
      #expect(checkpoint == Checkpoint(step: 1, content: content(1)))
      try #require(putAside.map(\.newPath) == [folder.file(name + ".damaged")])
      try #require(folder.bytes(name + ".damaged") == damaged)
      try #require(folder.names == ["checkpoint.0000000001.bitlab", name + ".damaged"])
      try files.remove(folder.file(name + ".damaged"))
    }
  }

  @Test func damagedOnesAreNeverOverwritten() throws {
    let folder = try TemporaryFolder()
    let store = CheckpointStore(folder.path, in: files)
    for number in 1...3 {
      try folder.put([UInt8(number)], as: "checkpoint.0000000004.bitlab")
      let (checkpoint, putAside) = try store.loadNewest()
      #expect(checkpoint == nil)
      #expect(putAside.first?.problem == "is 1 bytes long, too short for a checkpoint")
    }
    #expect(try folder.bytes("checkpoint.0000000004.bitlab.damaged") == [1])
    #expect(try folder.bytes("checkpoint.0000000004.bitlab.damaged-2") == [2])
    #expect(try folder.bytes("checkpoint.0000000004.bitlab.damaged-3") == [3])
  }

  @Test func aCheckpointUnderAnotherStepsNameIsNotUsed() throws {
    let folder = try TemporaryFolder()
    try write(3, to: folder)
    try files.rename(
      folder.file("checkpoint.0000000003.bitlab"), to: folder.file("checkpoint.0000000009.bitlab"))
    let (checkpoint, putAside) = try CheckpointStore(folder.path, in: files).loadNewest()
    #expect(checkpoint == nil)
    #expect(putAside.map(\.problem) == ["holds step 3, another than its name says"])
  }

  @Test func everyFaultWhileWritingLeavesTheNewOneOrItsPredecessor() throws {
    let runs = try FaultyFileSystem.forEveryFault { fileSystem, isPassing in
      let folder = try TemporaryFolder()
      try write(1, to: folder)
      try write(2, to: folder)
      let succeeded = (try? write(3, to: folder, in: fileSystem)) != nil
      let (checkpoint, putAside) = try CheckpointStore(folder.path, in: files).loadNewest()
      let step = try #require(checkpoint?.step)
      #expect(succeeded ? step == 3 : step == 2 || step == 3, "after \(fileSystem.failed)")
      #expect(checkpoint?.content == content(step))
      #expect(putAside == [])
      if isPassing { #expect(try !folder.names.contains(where: DurableFile.isTemporary)) }
    }
    #expect(runs > 40)
  }

  @Test func everyFaultWhileLoadingThrowsOrFallsBackAndLosesNothing() throws {
    _ = try FaultyFileSystem.forEveryFault { fileSystem, _ in
      let folder = try TemporaryFolder()
      try write(1, to: folder)
      try write(2, to: folder)
      if let (checkpoint, putAside) = try? CheckpointStore(folder.path, in: fileSystem).loadNewest() {
        #expect((checkpoint?.step ?? 0) + putAside.count >= 2, "after \(fileSystem.failed)")
        if let checkpoint { #expect(checkpoint.content == content(checkpoint.step)) }
      }
      #expect(try folder.names.count == 2)
    }
  }
}
