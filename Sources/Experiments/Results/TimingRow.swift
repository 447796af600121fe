/// A row of `timing.csv`: how long an epoch's training took, validation and checkpoints not counted.
///
/// Apart from the curves because it is never the same twice.
package struct TimingRow: Hashable, Sendable {
  package var epoch: Int
  package var seconds: Double
  package var imagesPerSecond: Double

  package init(epoch: Int, seconds: Double, imagesPerSecond: Double) {
    self.epoch = epoch
    self.seconds = seconds
    self.imagesPerSecond = imagesPerSecond
  }

  /// The header's line.
  package static let header = CSV.line(["epoch", "seconds", "images_per_second"])

  /// The row's line.
  package var line: String {
    CSV.line([String(epoch), CSVNumber.text(seconds), CSVNumber.text(imagesPerSecond)])
  }
}
