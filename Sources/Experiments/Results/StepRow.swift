/// A row of `steps.csv`: one batch's loss and accuracy, before the step's update.
package struct StepRow: Hashable, Sendable {
  package var experiment: String
  package var variant: String
  package var seed: Int
  /// The epoch in progress, from 1.
  package var epoch: Int
  /// Steps completed with this one.
  package var step: Int
  package var trainLoss: Double
  package var trainAccuracy: Double
  /// Used in this step.
  package var learningRate: Double

  package init(
    experiment: String, variant: String, seed: Int, epoch: Int, step: Int, trainLoss: Double,
    trainAccuracy: Double, learningRate: Double
  ) {
    self.experiment = experiment
    self.variant = variant
    self.seed = seed
    self.epoch = epoch
    self.step = step
    self.trainLoss = trainLoss
    self.trainAccuracy = trainAccuracy
    self.learningRate = learningRate
  }

  /// The header's line. Grid keys have no columns here: the file is in its run's folder, whose name has them.
  package static let header = CSV.line([
    "experiment", "variant", "seed", "epoch", "step", "train_loss", "train_accuracy", "learning_rate",
  ])

  /// The row's line.
  package var line: String {
    CSV.line([
      experiment, variant, String(seed), String(epoch), String(step), CSVNumber.text(trainLoss),
      CSVNumber.text(trainAccuracy), CSVNumber.text(learningRate),
    ])
  }
}
