/// How pixels become network inputs; the raw value is how a config spells it.
///
/// With `white` the largest pixel value (255; 16 for the digits), in float32 throughout and so equal to the bit to
/// torchvision's `ToTensor` and `Normalize(0.5, 0.5)`:
///
///     unit   p / white
///     half   (p / white - 0.5) / 0.5
package enum Normalization: String, Sendable, Hashable, CaseIterable {
  case unit
  case half

  /// The input value of every pixel value.
  package func table(whiteLevel: UInt8) -> PixelTable {
    precondition(whiteLevel > 0, "Normalization.table: white level 0")
    let white = Float(whiteLevel)
    return PixelTable(
      values: (0...255).map { pixel in
        let unit = Float(pixel) / white
        return self == .unit ? unit : (unit - 0.5) / 0.5
      })
  }
}

/// A float32 for each of the 256 values of a byte.
///
/// A look-up rather than a product with `1 / 255`, which differs from the division in the last bit.
package struct PixelTable: Sendable, Hashable {
  private let values: [Float]

  fileprivate init(values: [Float]) {
    self.values = values
  }

  package subscript(pixel: UInt8) -> Float { values[Int(pixel)] }

  /// Writes the value of each of `pixels` to `output`. Both have the same length.
  package func convert(_ pixels: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<Float>) {
    precondition(
      pixels.count == output.count,
      "PixelTable.convert: \(pixels.count) pixels into a buffer of \(output.count) values")
    guard let from = pixels.baseAddress, let to = output.baseAddress else { return }
    values.withUnsafeBufferPointer { table in
      let table = table.baseAddress!
      for i in 0..<pixels.count { to[i] = table[Int(from[i])] }
    }
  }
}
