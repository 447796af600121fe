import Foundation

/// Reads data sets from their files, and sees whether the files are still those that were read.
package struct DatasetReader: Sendable {
  /// The files of a set where they were found, as they were at that moment.
  package struct Look: Sendable {
    let files: [SourceFile]
    let versions: [FileVersion?]
    /// Nanoseconds since 1970.
    let time: Int

    /// Whether the content read after this look is that of a later one. A change so recent that another one might not
    /// show in the versions counts as one.
    package func isSure(ofTheSameContentAs later: Look) -> Bool {
      isEqual(to: later) && versions.allSatisfy { $0?.isSettled(at: time) ?? false }
    }

    /// Paths do not count: a version says which file it is.
    func isEqual(to other: Look) -> Bool { versions == other.versions }
  }

  /// How often files that change while they are read are read, before that is an error.
  private static let attempts = 3

  private let folder: DataFolder
  private let version: @Sendable (_ path: String) -> FileVersion?
  private let now: @Sendable () -> Int

  /// - Parameters:
  ///   - version: looks at a file.
  ///   - now: nanoseconds since 1970.
  package init(
    _ folder: DataFolder,
    version: @escaping @Sendable (_ path: String) -> FileVersion? = { FileVersion(path: $0) },
    now: @escaping @Sendable () -> Int = { Int(Date().timeIntervalSince1970 * 1e9) }
  ) {
    self.folder = folder
    self.version = version
    self.now = now
  }

  /// Finds the set's files and looks at them, without opening one.
  ///
  /// - Throws: `missingFile` for one of a named set.
  package func look(_ source: DatasetSource) throws(DatasetError) -> Look {
    let time = now()
    let files = try files(source)
    return Look(files: files, versions: files.map { version($0.path) }, time: time)
  }

  /// Reads the whole set: all files, every header, length and label checked; the source's limits are passed over.
  ///
  /// MNIST and Fashion-MNIST may have any number of samples, which their headers state, and a notice says so;
  /// CIFAR's files have no header and must have their official length. The classes of `idx` are the largest
  /// training label + 1.
  ///
  /// - Returns: the content, and the look at the files that it is of.
  /// - Throws: `DatasetError`; `changedFile`, which may pass, where the files do not stay the same while they are read.
  package func read(
    _ source: DatasetSource
  ) throws(DatasetError) -> (content: DatasetContent, look: Look) {
    var changed: SourceFile?
    for _ in 0..<Self.attempts {
      let before = try look(source)
      let result = Result { () throws(DatasetError) in try content(source.name, before.files) }
      // What a file that was being written looks like, damage included, is not what it will be.
      let after = try look(source)
      if before.isEqual(to: after) { return (try result.get(), before) }
      changed = zip(after.files, zip(before.versions, after.versions)).first { $1.0 != $1.1 }?.0 ?? changed
    }
    throw DatasetError(
      .changedFile, file: changed?.path ?? source.name.rawValue,
      problem: "changed while it was read, \(Self.attempts) times",
      remedy: "let whoever writes it finish, and try again", mayPass: true)
  }

  /// Bytes that the whole set takes in memory, as far as its files say it without being read; 0 for files that are not there.
  package func byteCount(_ source: DatasetSource) -> Int {
    ((try? files(source)) ?? []).reduce(0) { $0 + ((try? FileReader($1))?.contentCount ?? 0) }
  }

  private func files(_ source: DatasetSource) throws(DatasetError) -> [SourceFile] {
    guard let own = source.idxFiles else {
      var files: [SourceFile] = []
      for file in OfficialFile.files(of: source.name) { files.append(try folder.source(file)) }
      return files
    }
    return [own.trainImages, own.trainLabels, own.validationImages, own.validationLabels].map {
      SourceFile(path: DataFolder.existing($0) ?? $0)
    }
  }

  private func content(
    _ name: DatasetName, _ files: [SourceFile]
  ) throws(DatasetError) -> DatasetContent {
    switch name {
    case .digits: try Digits.unpacked()
    case .mnist, .fashionMNIST: try official(name, files)
    case .cifar10: try cifar(.cifar10, name, train: files.dropLast(), validation: files.suffix(1))
    case .cifar100: try cifar(.cifar100, name, train: files.prefix(1), validation: files.dropFirst())
    case .idx: try own(files)
    }
  }

  private func official(_ name: DatasetName, _ files: [SourceFile]) throws(DatasetError) -> DatasetContent {
    let facts = name.facts!
    let trainSamples = try IDXSamples(images: files[0], labels: files[1], ranks: [3])
    let train = try trainSamples.samples(shape: facts.shape, classes: facts.classes)
    let validationSamples = try IDXSamples(images: files[2], labels: files[3], ranks: [3])
    let validation = try validationSamples.samples(shape: facts.shape, classes: facts.classes)
    var notices: [String] = []
    if train.count != facts.trainCount || validation.count != facts.validationCount {
      notices.append(
        "\(name.rawValue) has \(train.count) training and \(validation.count) validation images, the official one "
          + "\(facts.trainCount) and \(facts.validationCount)")
    }
    return DatasetContent(
      name: name, train: train, validation: validation,
      hashes: trainSamples.hashes + validationSamples.hashes, notices: notices)
  }

  private func cifar(
    _ format: CIFARFile, _ name: DatasetName, train: ArraySlice<SourceFile>,
    validation: ArraySlice<SourceFile>
  ) throws(DatasetError) -> DatasetContent {
    let train = try format.read(Array(train), count: format.facts.trainCount)
    let validation = try format.read(Array(validation), count: format.facts.validationCount)
    return DatasetContent(
      name: name, train: train.images, validation: validation.images, hashes: train.hashes + validation.hashes
    )
  }

  private func own(_ files: [SourceFile]) throws(DatasetError) -> DatasetContent {
    let train = try IDXSamples(images: files[0], labels: files[1], ranks: [3, 4])
    let validation = try IDXSamples(images: files[2], labels: files[3], ranks: [3, 4])
    let (shape, classes) = (train.shape, train.classes)
    return DatasetContent(
      name: .idx, train: try train.samples(shape: shape, classes: classes),
      validation: try validation.samples(shape: shape, classes: classes),
      hashes: train.hashes + validation.hashes, notices: [train.channelNotice].compactMap { $0 })
  }
}
