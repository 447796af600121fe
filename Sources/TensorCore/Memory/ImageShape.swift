/// The size of one image, planar: `channels` planes of `height` rows of `width` pixels.
package struct ImageShape: Sendable, Hashable, CustomStringConvertible {
  package var channels: Int
  package var height: Int
  package var width: Int

  package init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// Values in one image.
  package var count: Int { channels * height * width }

  /// `1x28x28`: channels, height, width.
  package var description: String { "\(channels)x\(height)x\(width)" }
}
