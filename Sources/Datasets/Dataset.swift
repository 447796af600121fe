/// A training and a validation set of one shape and one set of classes.
package struct Dataset: Sendable {
  package let name: DatasetName
  package let train: LabeledImages
  package let validation: LabeledImages
  /// What is worth telling the user though the data can be used: a named set that has not its official size.
  package let notices: [String]

  package var shape: ImageShape { train.shape }
  package var classes: Int { train.classes }

  init(name: DatasetName, train: LabeledImages, validation: LabeledImages, notices: [String] = []) {
    self.name = name
    self.train = train
    self.validation = validation
    self.notices = notices
  }

  /// Reads a data set: all files, every header, length and label checked, whatever the limits.
  ///
  /// MNIST and Fashion-MNIST may have any number of samples, which their headers state, and a notice says so;
  /// CIFAR-100's files have no header and must have their official length. The classes of `idx` are the largest
  /// training label + 1.
  ///
  /// Uncompressed files are mapped, not copied: they must not be cut as long as the set is used.
  ///
  /// - Throws: `DatasetError`.
  package static func load(_ source: DatasetSource, in folder: DataFolder) throws(DatasetError) -> Dataset {
    let whole =
      switch source.name {
      case .digits: Digits.dataset
      case .mnist, .fashionMNIST: try official(source.name, in: folder)
      case .cifar100: try cifar100(in: folder)
      case .idx: try own(source.idxFiles!)
      }
    return Dataset(
      name: whole.name, train: try limit(whole.train, source.trainLimit, "train_limit"),
      validation: try limit(whole.validation, source.validationLimit, "validation_limit"),
      notices: whole.notices)
  }

  private static func limit(
    _ images: LabeledImages, _ limit: Int?, _ key: String
  ) throws(DatasetError) -> LabeledImages {
    guard let limit else { return images }
    guard limit > 0 else {
      throw DatasetError(
        .emptySet, file: "dataset.\(key)", problem: "\(limit) leaves no sample", remedy: "give at least 1")
    }
    return images.prefix(limit)
  }

  private static func official(
    _ name: DatasetName, in folder: DataFolder
  ) throws(DatasetError) -> Dataset {
    let facts = name.facts!
    let files = OfficialFile.files(of: name)
    let sources = [
      try folder.source(files[0]), try folder.source(files[1]), try folder.source(files[2]),
      try folder.source(files[3]),
    ]
    let train = try IDXSamples(images: sources[0], labels: sources[1], ranks: [3])
      .samples(shape: facts.shape, classes: facts.classes)
    let validation = try IDXSamples(images: sources[2], labels: sources[3], ranks: [3])
      .samples(shape: facts.shape, classes: facts.classes)
    var notices: [String] = []
    if train.count != facts.trainCount || validation.count != facts.validationCount {
      notices.append(
        "\(name.rawValue) has \(train.count) training and \(validation.count) validation images, the official one "
          + "\(facts.trainCount) and \(facts.validationCount)")
    }
    return Dataset(name: name, train: train, validation: validation, notices: notices)
  }

  private static func cifar100(in folder: DataFolder) throws(DatasetError) -> Dataset {
    let facts = DatasetFacts.cifar100
    let files = OfficialFile.files(of: .cifar100)
    let (train, validation) = (try folder.source(files[0]), try folder.source(files[1]))
    return Dataset(
      name: .cifar100, train: try CIFAR100File.read(train, count: facts.trainCount),
      validation: try CIFAR100File.read(validation, count: facts.validationCount))
  }

  private static func own(_ files: IDXFiles) throws(DatasetError) -> Dataset {
    func source(_ path: String) -> SourceFile { SourceFile(path: DataFolder.existing(path) ?? path) }
    let train = try IDXSamples(
      images: source(files.trainImages), labels: source(files.trainLabels), ranks: [3, 4])
    let validation = try IDXSamples(
      images: source(files.validationImages), labels: source(files.validationLabels), ranks: [3, 4])
    let (shape, classes) = (train.shape, train.classes)
    return Dataset(
      name: .idx, train: try train.samples(shape: shape, classes: classes),
      validation: try validation.samples(shape: shape, classes: classes))
  }
}
