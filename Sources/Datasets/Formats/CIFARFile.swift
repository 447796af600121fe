/// A file of CIFAR's binary versions: records of labels and 3,072 pixels, a plane of 32 rows of 32 for red, green and blue
/// each. CIFAR-10 has one label, CIFAR-100 a coarse one and a fine one; the last is the class.
///
/// Source: https://www.cs.toronto.edu/~kriz/cifar.html
struct CIFARFile {
  let facts: DatasetFacts
  /// A record's first bytes, and how many values each may have.
  let labels: [(name: String, count: Int)]

  static let cifar10 = CIFARFile(facts: .cifar10, labels: [("label", 10)])
  static let cifar100 = CIFARFile(facts: .cifar100, labels: [("coarse label", 20), ("fine label", 100)])

  /// Bytes.
  var recordLength: Int { labels.count + facts.shape.count }

  /// Reads files of exactly `count` records in all, as many in each, as one set. There is no header: its official length is the
  /// only sign that a file is whole.
  ///
  /// - Returns: the images, and each file's hash.
  /// - Throws: `missingFile`, `unreadableFile`, `damagedGzip`, `truncatedFile`, `tooLongFile`, `labelOutOfRange`.
  func read(
    _ files: [SourceFile], count: Int
  ) throws(DatasetError) -> (images: LabeledImages, hashes: [String]) {
    precondition(
      !files.isEmpty && count % files.count == 0, "CIFARFile: \(count) records in \(files.count) files")
    let length = count / files.count * recordLength
    var hashes: [String] = []
    let content: ByteStorage
    if files.count == 1 {
      content = try part(files[0], length, &hashes)
    } else {
      // One part at a time is in memory twice.
      content = try ByteStorage.joined(files.map(\.path), length: length) { index throws(DatasetError) in
        try part(files[index], length, &hashes)
      }
    }
    let images = LabeledImages(
      storage: content, firstPixel: labels.count, stride: recordLength, shape: facts.shape,
      whiteLevel: facts.whiteLevel,
      labels: ByteColumn(content, first: labels.count - 1, stride: recordLength, count: count),
      classes: facts.classes)
    return (images, hashes)
  }

  private func part(
    _ file: SourceFile, _ length: Int, _ hashes: inout [String]
  ) throws(DatasetError) -> ByteStorage {
    let storage = try ByteStorage.content(of: file, prefixLength: 0) { _ throws(DatasetError) in length }
    try checkLabels(storage, of: file)
    hashes.append(storage.sha256)
    return storage
  }

  /// - Throws: `labelOutOfRange`.
  private func checkLabels(_ storage: ByteStorage, of file: SourceFile) throws(DatasetError) {
    try storage.withBytes { bytes throws(DatasetError) in
      for record in stride(from: 0, to: bytes.count, by: recordLength) {
        for (place, label) in labels.enumerated() where bytes[record + place] >= label.count {
          throw .labelOutOfRange(
            file, label.name, value: bytes[record + place], offset: record + place, largest: label.count - 1)
        }
      }
    }
  }
}
