/// The checkpoints of one run, in its folder: the newest two, so that one is left when the other is damaged.
///
/// They are named `checkpoint.<step>.bitlab`, the step with ten digits so that names sort as steps do.
package struct CheckpointStore: Sendable {
  /// A checkpoint that could not be used, and where it is now.
  package struct PutAside: Sendable, Hashable, CustomStringConvertible {
    package let path: String
    package let newPath: String
    package let problem: String

    package var description: String { "\(path): \(problem): kept as \(FilePath.name(of: newPath))" }
  }

  package let folder: String
  private let fileSystem: any FileSystem

  /// `folder` must be there.
  package init(_ folder: String, in fileSystem: any FileSystem) {
    self.folder = folder
    self.fileSystem = fileSystem
  }

  /// Writes a checkpoint durably, then removes all but it and the newest of an earlier step.
  ///
  /// Sync the appended files whose lengths it records first. Throws `FileError`; the checkpoints that were
  /// there are then still there.
  package func write(step: Int, tensors: [TensorSource], metadata: [String: String]) throws {
    precondition(step >= 0, "CheckpointStore: step \(step)")
    try DurableFile.write(to: path(step), in: fileSystem) { writer in
      try CheckpointFormat.encode(step: step, tensors: tensors, metadata: metadata) { try writer.write($0) }
    }
    // Later ones are left from a course of the run that was given up: resuming from them would be wrong. A
    // failure to remove a file is none of the checkpoint's: the next one tries again.
    guard let names = try? fileSystem.list(folder) else { return }
    let steps = names.compactMap(Self.step(of:))
    let predecessor = steps.filter { $0 < step }.max()
    for other in steps where other != step && other != predecessor { try? fileSystem.remove(path(other)) }
    for name in names where DurableFile.isTemporary(name) && name.hasPrefix(".checkpoint.") {
      try? fileSystem.remove(FilePath.join(folder, name))
    }
  }

  /// The newest checkpoint that is whole, if any; damaged ones found before it are put aside under another
  /// name, never removed or overwritten.
  ///
  /// - Parameter bound: only checkpoints of steps before this one count.
  ///
  /// Throws `FileError` where a file cannot be read for a reason that may pass, and `FileContentError` for
  /// a checkpoint of another version of the program.
  package func loadNewest(before bound: Int = .max) throws -> (checkpoint: Checkpoint?, putAside: [PutAside])
  {
    var putAside: [PutAside] = []
    for step in try fileSystem.list(folder).compactMap(Self.step(of:)).sorted(by: >) where step < bound {
      let path = path(step)
      do {
        return (try load(path, step: step), putAside)
      } catch CheckpointFormat.Defect.damaged(let problem) {
        putAside.append(try self.putAside(path, problem))
      } catch CheckpointFormat.Defect.unsupported(let version) {
        throw FileContentError(
          path: path,
          problem: "is of version \(version) of the format; this program reads \(CheckpointFormat.version)",
          remedy: "go on with the program that wrote it, or remove the run's folder to begin the run again")
      } catch let error as FileError where error.isDeviceFailure || error.isNoFile {
        putAside.append(try self.putAside(path, "\(error)"))
      }
    }
    return (nil, putAside)
  }

  /// Removes all checkpoints, for a run that begins again, or those of later steps, for one that goes on from an earlier
  /// one; those put aside stay. Throws `FileError`.
  package func removeAll(after bound: Int = -1) throws(FileError) {
    for step in try fileSystem.list(folder).compactMap(Self.step(of:)) where step > bound {
      try fileSystem.remove(path(step))
    }
  }

  /// The step of the newest checkpoint, judged by its name; nil where there is none.
  package var newestStep: Int? {
    (try? fileSystem.list(folder))?.compactMap(Self.step(of:)).max()
  }

  /// The metadata of the newest checkpoint, where that is whole.
  package var newestMetadata: [String: String]? {
    guard let step = newestStep, let checkpoint = try? load(path(step), step: step) else { return nil }
    return checkpoint.content.metadata
  }

  /// The path of a step's checkpoint.
  package func path(_ step: Int) -> String {
    let digits = String(step)
    let zeros = String(repeating: "0", count: max(0, Self.digitCount - digits.count))
    return FilePath.join(folder, Self.prefix + zeros + digits + Self.suffix)
  }

  private static let prefix = "checkpoint."
  private static let suffix = ".bitlab"
  private static let digitCount = 10

  /// The step that a file is the checkpoint of, judged by its name.
  private static func step(of name: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
    guard digits.count >= digitCount, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
    return Int(digits)
  }

  private func load(_ path: String, step: Int) throws -> Checkpoint {
    let checkpoint = try fileSystem.readAll(path).withUnsafeBytes { try CheckpointFormat.decode($0) }
    guard checkpoint.step == step else {
      throw CheckpointFormat.Defect.damaged("holds step \(checkpoint.step), another than its name says")
    }
    return checkpoint
  }

  private func putAside(_ path: String, _ problem: String) throws(FileError) -> PutAside {
    PutAside(path: path, newPath: try DamagedFile.putAside(path, in: fileSystem), problem: problem)
  }
}
