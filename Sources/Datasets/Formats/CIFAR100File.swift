/// A file of CIFAR-100's binary version: records of a coarse label, a fine label and 3,072 pixels, a plane of 32 rows
/// of 32 for red, green and blue each. The fine label is the class.
///
/// Source: https://www.cs.toronto.edu/~kriz/cifar.html
enum CIFAR100File {
  static let coarseClasses = 20
  static let labelBytes = 2

  /// Reads a file of exactly `count` records. There is no header: its official length is the only sign that a file is
  /// whole.
  ///
  /// - Throws: `missingFile`, `unreadableFile`, `damagedGzip`, `truncatedFile`, `tooLongFile`, `labelOutOfRange`.
  static func read(_ file: SourceFile, count: Int) throws(DatasetError) -> LabeledImages {
    let facts = DatasetFacts.cifar100
    let recordLength = labelBytes + facts.shape.pixelCount
    let storage = try ByteStorage.content(of: file, prefixLength: 0) { _ throws(DatasetError) in
      count * recordLength
    }
    return LabeledImages(
      storage: storage, firstPixel: labelBytes, stride: recordLength, shape: facts.shape,
      whiteLevel: facts.whiteLevel, labels: try fineLabels(storage, of: file, recordLength: recordLength),
      classes: facts.classes)
  }

  /// - Throws: `labelOutOfRange`.
  private static func fineLabels(
    _ storage: ByteStorage, of file: SourceFile, recordLength: Int
  ) throws(DatasetError) -> [UInt8] {
    let classes = DatasetFacts.cifar100.classes
    var labels: [UInt8] = []
    labels.reserveCapacity(storage.count / recordLength)
    try storage.withBytes { bytes throws(DatasetError) in
      for offset in stride(from: 0, to: bytes.count, by: recordLength) {
        let (coarse, fine) = (bytes[offset], bytes[offset + 1])
        if coarse >= coarseClasses {
          throw .labelOutOfRange(
            file, "coarse label", value: coarse, offset: offset, largest: coarseClasses - 1)
        }
        if fine >= classes {
          throw .labelOutOfRange(file, "fine label", value: fine, offset: offset + 1, largest: classes - 1)
        }
        labels.append(fine)
      }
    }
    return labels
  }
}
