/// The size of one image: `channels` planes of `height` rows of `width` pixels, one byte each.
package struct ImageShape: Sendable, Hashable, CustomStringConvertible {
  package let channels: Int
  package let height: Int
  package let width: Int

  package init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// Bytes, and so input values, of one image.
  package var pixelCount: Int { channels * height * width }

  /// `1x28x28`: channels, height, width.
  package var description: String { "\(channels)x\(height)x\(width)" }
}
