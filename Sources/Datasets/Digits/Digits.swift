import CZlib
import Foundation

/// The 1,797 handwritten digits, 8x8 pixels from 0 to 16, that are part of the program.
///
/// They are the test set of E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
/// Learning Repository, 1998, https://doi.org/10.24432/C50P49, licensed CC BY 4.0, as scikit-learn (BSD-3-Clause)
/// ships them in `sklearn.datasets.load_digits`, in its order. See ATTRIBUTION.txt beside this file.
enum Digits {
  static let count = 1_797

  /// SHA-256 of `content()`.
  static let sha256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"

  /// The first 1,437 for training, the last 360 for validation.
  /// - Throws: `unreadableFile` where there is no memory.
  static func unpacked() throws(DatasetError) -> DatasetContent {
    let facts = DatasetFacts.digits
    let bytes = content()
    let storage = try ByteStorage(copying: bytes, name: "the built-in digits")
    let all = LabeledImages(
      storage: storage, firstPixel: 0, stride: facts.shape.count, shape: facts.shape,
      whiteLevel: facts.whiteLevel,
      labels: ByteColumn(storage, first: bytes.count - count, stride: 1, count: count), classes: facts.classes
    )
    return DatasetContent(
      name: .digits, train: all.prefix(facts.trainCount),
      validation: all.slice(from: facts.trainCount, count: facts.validationCount), hashes: [storage.sha256])
  }

  /// All images, then all labels. That they are not whole is a mistake in the program, not in its input.
  static func content() -> [UInt8] {
    guard let compressed = Data(base64Encoded: compressedDigits, options: .ignoreUnknownCharacters) else {
      preconditionFailure("Digits: the built-in data are not base64")
    }
    let expected = count * (DatasetFacts.digits.shape.count + 1)
    return [UInt8](unsafeUninitializedCapacity: expected) { output, filled in
      var length = uLongf(expected)
      let result = compressed.withUnsafeBytes { input in
        let bytes = input.assumingMemoryBound(to: UInt8.self)
        return uncompress(output.baseAddress, &length, bytes.baseAddress, uLong(input.count))
      }
      precondition(result == Z_OK && length == expected, "Digits: the built-in data are damaged")
      filled = expected
    }
  }
}
