import TensorCore

/// Samples in file order: images as bytes, planes of rows of pixels, and a label for each.
///
/// Immutable, and all copies and views share the same bytes, so that any number of training runs can use one set at
/// once. Pixels stay bytes and are converted a batch at a time. Labels are checked when the set is made: a label is always
/// below `classes`.
package struct LabeledImages: Sendable {
  package let count: Int
  package let shape: ImageShape
  package let classes: Int
  /// The largest value a pixel can have, which normalization maps to 1.
  package let whiteLevel: UInt8

  package var channels: Int { shape.channels }
  package var height: Int { shape.height }
  package var width: Int { shape.width }

  /// One label a sample, of all samples: a view has a smaller `count` and the same labels.
  private let labels: ByteColumn
  private let storage: ByteStorage
  /// Where image 0 begins in `storage`.
  private let firstPixel: Int
  /// Bytes from the beginning of one image to the next: more than an image where a format has labels between.
  private let stride: Int

  /// Image `i` is the `shape.count` bytes of `storage` from `firstPixel + i * stride` on. The formats' readers
  /// have checked the sizes; a set that does not fit its storage is their mistake and traps.
  init(
    storage: ByteStorage, firstPixel: Int, stride: Int, shape: ImageShape, whiteLevel: UInt8,
    labels: ByteColumn,
    classes: Int
  ) {
    precondition(
      labels.isEmpty
        || firstPixel + (labels.count - 1) * stride + shape.count <= storage.count,
      "LabeledImages: \(labels.count) images of \(shape) do not fit \(storage.count) bytes")
    precondition(
      labels.allSatisfy { $0 < classes }, "LabeledImages: a label is not below \(classes)")
    self.count = labels.count
    self.shape = shape
    self.classes = classes
    self.whiteLevel = whiteLevel
    self.labels = labels
    self.storage = storage
    self.firstPixel = firstPixel
    self.stride = stride
  }

  private init(_ whole: LabeledImages, count: Int) {
    self.count = count
    self.shape = whole.shape
    self.classes = whole.classes
    self.whiteLevel = whole.whiteLevel
    self.labels = whole.labels
    self.storage = whole.storage
    self.firstPixel = whole.firstPixel
    self.stride = whole.stride
  }

  /// The first `limit` samples, or all where there are no more: a view, no copy.
  package func prefix(_ limit: Int) -> LabeledImages {
    precondition(limit >= 0, "LabeledImages.prefix: \(limit) samples")
    return LabeledImages(self, count: min(limit, count))
  }

  /// The `count` samples from `start` on: a view, no copy.
  func slice(from start: Int, count: Int) -> LabeledImages {
    precondition(start >= 0 && count >= 0 && start + count <= self.count)
    return LabeledImages(
      storage: storage, firstPixel: firstPixel + start * stride, stride: stride, shape: shape,
      whiteLevel: whiteLevel, labels: labels.part(from: start, count: count), classes: classes)
  }

  /// The class of all samples where there are several and they have but one.
  var onlyLabel: Int? {
    let own = labels.part(from: 0, count: count)
    return own.isUniform ? label(0) : nil
  }

  /// The class of a sample, from 0, below `classes`.
  package func label(_ index: Int) -> Int {
    precondition(index >= 0 && index < count, "LabeledImages.label: sample \(index) of \(count)")
    return Int(labels[index])
  }

  /// Calls `body` with the bytes of an image: channel by channel, row by row. They are valid during the call only.
  package func withImage<Result, Failure: Error>(
    _ index: Int, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(index >= 0 && index < count, "LabeledImages.withImage: sample \(index) of \(count)")
    let start = firstPixel + index * stride
    return try storage.withBytes { bytes throws(Failure) in
      try body(UnsafeBufferPointer(rebasing: bytes[start..<(start + shape.count)]))
    }
  }

  /// The input value of every pixel value of this set.
  package func table(_ normalization: Normalization) -> PixelTable {
    normalization.table(whiteLevel: whiteLevel)
  }

  /// Writes an image's input values to `output`, which holds `shape.count`.
  package func convert(
    _ index: Int, with table: PixelTable, into output: UnsafeMutableBufferPointer<Float>
  ) {
    withImage(index) { table.convert($0, into: output) }
  }

  /// Writes a batch's inputs `[batch, channels, height, width]` and labels `[batch]`. The buffers may be longer than
  /// a short last batch needs; what is beyond it is left alone.
  package func convert(
    _ batch: Batch, with table: PixelTable, into inputs: UnsafeMutableBufferPointer<Float>,
    labels output: UnsafeMutableBufferPointer<Int32>
  ) {
    let pixels = shape.count
    precondition(
      inputs.count >= batch.count * pixels && output.count >= batch.count,
      "LabeledImages.convert: batch [\(batch.count), \(shape)] into \(inputs.count) values and "
        + "\(output.count) labels")
    for (place, index) in batch.enumerated() {
      convert(index, with: table, into: .init(rebasing: inputs[(place * pixels)..<((place + 1) * pixels)]))
      output[place] = Int32(label(index))
    }
  }
}
