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
    let architecture: NetworkSpecification.Architecture
    if values.string("model.type") == "mlp" {
      let hidden = values.list("model.hidden").compactMap { ConfigurationValue.scalar($0).integer }
      architecture = .mlp(
        MLPSpecification(hidden: hidden, bias: values.list("model.bias").map { $0 == .boolean(true) }))
    } else {
      architecture = .vit(
        ViTSpecification(
          width: values.integer("model.width"), layers: values.integer("model.layers"),
          heads: values.integer("model.heads"), mlpWidth: values.integer("model.mlp_width"),
          patch: values.integer("model.patch")))
    }
    self.init(architecture: architecture, initialization: values.choice("model.initialization"))
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
