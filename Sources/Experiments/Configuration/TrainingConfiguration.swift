import Networks

/// When a run that no longer improves ends.
package struct EarlyStopping: Sendable, Hashable {
  /// What is watched; the raw value is the config's.
  package enum Metric: String, Sendable, Hashable, CaseIterable {
    case validationLoss = "val_loss"
    case validationAccuracy = "val_accuracy"
  }

  package var metric: Metric
  /// Epochs without improvement that end the run.
  package var patience: Int

  package init(metric: Metric, patience: Int) {
    self.metric = metric
    self.patience = patience
  }
}

/// How a network is trained, every default filled in.
package struct TrainingConfiguration: Sendable, Hashable {
  package var epochs: Int
  package var batchSize: Int
  /// The run ends after so many steps, if the epochs have not ended it before.
  package var maxSteps: Int?
  package var optimizer: OptimizerSpecification
  package var learningRate: Double
  package var schedule: LearningRateSchedule.Kind
  package var warmupSteps: Int
  /// The largest global norm of the gradients; nil for no clipping.
  package var gradientClip: Double?
  package var shuffle: Bool
  /// Steps between the rows of steps.csv; 0 for no such file.
  package var logEverySteps: Int
  package var earlyStopping: EarlyStopping?
  /// Steps between checkpoints, besides the one at the end of each epoch.
  package var checkpointEverySteps: Int?
  /// A safetensors file as the config writes it; ``Experiment/resolve(path:folder:)`` finds it.
  package var initialWeights: String?

  package init(
    epochs: Int, batchSize: Int, maxSteps: Int? = nil, optimizer: OptimizerSpecification = .init(),
    learningRate: Double, schedule: LearningRateSchedule.Kind = .constant, warmupSteps: Int = 0,
    gradientClip: Double? = nil, shuffle: Bool = true, logEverySteps: Int = 50,
    earlyStopping: EarlyStopping? = nil, checkpointEverySteps: Int? = nil, initialWeights: String? = nil
  ) {
    self.epochs = epochs
    self.batchSize = batchSize
    self.maxSteps = maxSteps
    self.optimizer = optimizer
    self.learningRate = learningRate
    self.schedule = schedule
    self.warmupSteps = warmupSteps
    self.gradientClip = gradientClip
    self.shuffle = shuffle
    self.logEverySteps = logEverySteps
    self.earlyStopping = earlyStopping
    self.checkpointEverySteps = checkpointEverySteps
    self.initialWeights = initialWeights
  }
}
