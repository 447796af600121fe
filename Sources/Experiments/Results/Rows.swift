/// A row of `curve.csv` and `curves.csv`: one epoch of one run, or its last, incomplete one.
package struct CurveRow: Hashable, Sendable {
  package var experiment: String
  package var variant: String
  package var seed: Int
  /// The run's grid point, in the plan's order of keys.
  package var grid: [GridText]
  /// Epochs completed, or the one in progress where the run ended inside it; from 1.
  package var epoch: Int
  /// Steps completed since the run began.
  package var step: Int
  /// Mean over the epoch's samples, as seen while training.
  package var trainLoss: Double
  package var trainAccuracy: Double
  package var validationLoss: Double?
  package var validationAccuracy: Double?
  /// Used in the epoch's last step.
  package var learningRate: Double

  package init(
    experiment: String, variant: String, seed: Int, grid: [GridText], epoch: Int, step: Int,
    trainLoss: Double, trainAccuracy: Double, validationLoss: Double?, validationAccuracy: Double?,
    learningRate: Double
  ) {
    self.experiment = experiment
    self.variant = variant
    self.seed = seed
    self.grid = grid
    self.epoch = epoch
    self.step = step
    self.trainLoss = trainLoss
    self.trainAccuracy = trainAccuracy
    self.validationLoss = validationLoss
    self.validationAccuracy = validationAccuracy
    self.learningRate = learningRate
  }

  private static let columnsBeforeGrid = ["experiment", "variant", "seed"]
  private static let columnsAfterGrid = [
    "epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate",
  ]

  /// The header's line.
  package static func header(gridKeys: [String]) -> String {
    CSV.line(columnsBeforeGrid + gridKeys + columnsAfterGrid)
  }

  /// The row's line.
  package var line: String {
    CSV.line(
      [experiment, variant, String(seed)] + grid.map(\.text) + [
        String(epoch), String(step), CSVNumber.text(trainLoss), CSVNumber.text(trainAccuracy),
        CSVNumber.text(validationLoss), CSVNumber.text(validationAccuracy), CSVNumber.text(learningRate),
      ])
  }

  /// The grid keys of a table with that header; `nil` where it is not one of curves.
  static func gridKeys(ofHeader columns: [String]) -> [String]? {
    let count = columns.count - columnsBeforeGrid.count - columnsAfterGrid.count
    guard count >= 0, columns.starts(with: columnsBeforeGrid),
      columns.suffix(columnsAfterGrid.count).elementsEqual(columnsAfterGrid)
    else { return nil }
    return Array(columns[columnsBeforeGrid.count...].prefix(count))
  }

  /// Reads a record; `nil` where its number of fields or one of its numbers is wrong.
  init?(_ fields: [String], gridKeys: [String]) {
    guard fields.count == Self.columnsBeforeGrid.count + gridKeys.count + Self.columnsAfterGrid.count,
      let seed = Int(fields[2])
    else { return nil }
    let rest = Array(fields.dropFirst(3 + gridKeys.count))
    guard let epoch = Int(rest[0]), let step = Int(rest[1]), let trainLoss = Double(rest[2]),
      let trainAccuracy = Double(rest[3]), rest[4].isEmpty || Double(rest[4]) != nil,
      rest[5].isEmpty || Double(rest[5]) != nil, let learningRate = Double(rest[6])
    else { return nil }
    self.init(
      experiment: fields[0], variant: fields[1], seed: seed,
      grid: zip(gridKeys, fields[3...]).map { GridText(key: $0, text: $1) }, epoch: epoch, step: step,
      trainLoss: trainLoss, trainAccuracy: trainAccuracy, validationLoss: Double(rest[4]),
      validationAccuracy: Double(rest[5]), learningRate: learningRate)
  }
}

/// A row of `steps.csv`: one batch's loss and accuracy, before the step's update.
package struct StepRow: Hashable, Sendable {
  package var experiment: String
  package var variant: String
  package var seed: Int
  /// The run's grid point, in the plan's order of keys.
  package var grid: [GridText]
  /// The epoch in progress, from 1.
  package var epoch: Int
  /// Steps completed with this one.
  package var step: Int
  package var trainLoss: Double
  package var trainAccuracy: Double
  /// Used in this step.
  package var learningRate: Double

  package init(
    experiment: String, variant: String, seed: Int, grid: [GridText], epoch: Int, step: Int,
    trainLoss: Double, trainAccuracy: Double, learningRate: Double
  ) {
    self.experiment = experiment
    self.variant = variant
    self.seed = seed
    self.grid = grid
    self.epoch = epoch
    self.step = step
    self.trainLoss = trainLoss
    self.trainAccuracy = trainAccuracy
    self.learningRate = learningRate
  }

  private static let columnsBeforeGrid = ["experiment", "variant", "seed"]
  private static let columnsAfterGrid = ["epoch", "step", "train_loss", "train_accuracy", "learning_rate"]

  /// The header's line.
  package static func header(gridKeys: [String]) -> String {
    CSV.line(columnsBeforeGrid + gridKeys + columnsAfterGrid)
  }

  /// How many columns say which run it is, in a table with that header; nil where it is not one of steps.
  static func nameCount(ofHeader columns: [String]) -> Int? {
    let count = columns.count - columnsAfterGrid.count
    guard count >= columnsBeforeGrid.count, columns.starts(with: columnsBeforeGrid),
      columns.suffix(columnsAfterGrid.count).elementsEqual(columnsAfterGrid)
    else { return nil }
    return count
  }

  /// The row's line.
  package var line: String {
    CSV.line(
      [experiment, variant, String(seed)] + grid.map(\.text) + [
        String(epoch), String(step), CSVNumber.text(trainLoss), CSVNumber.text(trainAccuracy),
        CSVNumber.text(learningRate),
      ])
  }
}

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
