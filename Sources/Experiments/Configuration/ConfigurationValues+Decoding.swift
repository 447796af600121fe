import Networks

extension DatasetConfiguration {
  init(_ values: ConfigurationValues) {
    self.init(
      name: values.choice("dataset.name"), normalize: values.choice("dataset.normalize"),
      trainLimit: values.integerIfGiven("dataset.train_limit"),
      validationLimit: values.integerIfGiven("dataset.validation_limit"))
    guard name == .idx else { return }
    idx = IDXPaths(
      trainImages: values.string("dataset.train_images"), trainLabels: values.string("dataset.train_labels"),
      validationImages: values.string("dataset.validation_images"),
      validationLabels: values.string("dataset.validation_labels"))
  }
}

extension ModelConfiguration {
  init(_ values: ConfigurationValues) {
    let type = values.string("model.type")
    guard let architecture = ConfigurationSchema.architecture(type) else {
      preconditionFailure("the key table takes the type \(type) that no architecture has")
    }
    self.init(architecture: architecture.init(values), initialization: values.choice("model.initialization"))
  }
}

extension TrainingConfiguration {
  init(_ values: ConfigurationValues) {
    let patience = values.integerIfGiven("training.early_stopping.patience")
    self.init(
      epochs: values.integer("training.epochs"), batchSize: values.integer("training.batch_size"),
      maxSteps: values.integerIfGiven("training.max_steps"), optimizer: OptimizerSpecification(values),
      learningRate: values.number("training.learning_rate"), schedule: values.choice("training.schedule"),
      warmupSteps: values.integer("training.warmup_steps"),
      gradientClip: values.numberIfGiven("training.gradient_clip"),
      shuffle: values.boolean("training.shuffle"),
      logEverySteps: values.integer("training.log_every_steps"),
      earlyStopping: patience.map {
        EarlyStopping(metric: values.choice("training.early_stopping.metric"), patience: $0)
      },
      checkpointEverySteps: values.integerIfGiven("training.checkpoint_every_steps"),
      initialWeights: values.stringIfGiven("training.initial_weights"))
  }
}

extension OptimizerSpecification {
  /// Keys that the kind does not take keep the specification's own defaults.
  fileprivate init(_ values: ConfigurationValues) {
    self.init(kind: values.choice("training.optimizer"))
    beta1 = values.numberIfGiven("training.beta1") ?? beta1
    beta2 = values.numberIfGiven("training.beta2") ?? beta2
    epsilon = values.numberIfGiven("training.epsilon") ?? epsilon
    weightDecay = values.numberIfGiven("training.weight_decay") ?? weightDecay
    momentum = values.numberIfGiven("training.momentum") ?? momentum
  }
}
