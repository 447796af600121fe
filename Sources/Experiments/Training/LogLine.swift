import Foundation

/// The lines that a person follows, on a terminal and in `run.log`.
package enum LogLine {
  /// `epoch 3: train loss 0.2163 accuracy 93.81%, validation loss 0.2030 accuracy 94.05%, 63120 images/s`
  package static func epoch(_ row: CurveRow, imagesPerSecond: Double) -> String {
    var line = "epoch \(row.epoch): train loss \(loss(row.trainLoss)) accuracy \(percent(row.trainAccuracy))"
    if let validationLoss = row.validationLoss, let accuracy = row.validationAccuracy {
      line += ", validation loss \(loss(validationLoss)) accuracy \(percent(accuracy))"
    }
    return line + ", \(speed(imagesPerSecond)) images/s"
  }

  package static func loss(_ value: Double) -> String {
    value.isFinite ? String(format: "%.4f", value) : CSVNumber.text(value)
  }

  package static func percent(_ fraction: Double) -> String {
    fraction.isFinite ? String(format: "%.2f%%", 100 * fraction) : CSVNumber.text(fraction)
  }

  package static func speed(_ imagesPerSecond: Double) -> String {
    String(format: imagesPerSecond < 100 ? "%.1f" : "%.0f", imagesPerSecond)
  }
}
