/// A file of CIFAR-100's binary version: records of a coarse label, a fine label and 3,072 pixels, a plane of 32 rows
/// of 32 for red, green and blue each. The fine label is the class.
///
/// Source: https://www.cs.toronto.edu/~kriz/cifar.html
enum CIFAR100File {
  static let coarseClasses = 20
  static let labelBytes = 2
  private static let fineLabelOffset = 1

  /// Reads a file of exactly `count` records. There is no header: its official length is the only sign that a file is
  /// whole.
  ///
  /// - Throws: `missingFile`, `unreadableFile`, `damagedGzip`, `truncatedFile`, `tooLongFile`, `labelOutOfRange`.
  static func read(
    _ file: SourceFile, count: Int
  ) throws(DatasetError) -> (images: LabeledImages, sha256: String) {
    let facts = DatasetFacts.cifar100
    let recordLength = labelBytes + facts.shape.count
    let storage = try ByteStorage.content(of: file, prefixLength: 0) { _ throws(DatasetError) in
      count * recordLength
    }
    try checkLabels(storage, of: file, recordLength: recordLength)
    let images = LabeledImages(
      storage: storage, firstPixel: labelBytes, stride: recordLength, shape: facts.shape,
      whiteLevel: facts.whiteLevel,
      labels: ByteColumn(storage, first: fineLabelOffset, stride: recordLength, count: count),
      classes: facts.classes)
    return (images, storage.sha256)
  }

  /// - Throws: `labelOutOfRange`.
  private static func checkLabels(
    _ storage: ByteStorage, of file: SourceFile, recordLength: Int
  ) throws(DatasetError) {
    let classes = DatasetFacts.cifar100.classes
    try storage.withBytes { bytes throws(DatasetError) in
      for offset in stride(from: 0, to: bytes.count, by: recordLength) {
        let (coarse, fine) = (bytes[offset], bytes[offset + fineLabelOffset])
        if coarse >= coarseClasses {
          throw .labelOutOfRange(
            file, "coarse label", value: coarse, offset: offset, largest: coarseClasses - 1)
        }
        if fine >= classes {
          throw .labelOutOfRange(
            file, "fine label", value: fine, offset: offset + fineLabelOffset, largest: classes - 1)
        }
      }
    }
  }
}
