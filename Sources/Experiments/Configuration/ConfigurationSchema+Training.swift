import Networks

extension ConfigurationSchema {
  private static let adaptive = ConfigurationKey.Condition(
    key: "training.optimizer", choices: ["adam", "adamw"])
  private static let defaults = OptimizerSpecification()

  static let trainingKeys: [ConfigurationKey] = [
    ConfigurationKey("training.epochs", count(from: 1), .required, "Passes over the training images."),
    ConfigurationKey("training.batch_size", count(from: 1), .required, "Images a step."),
    ConfigurationKey(
      "training.max_steps", count(from: 1), .none, "Training ends after so many steps at the latest."),
    ConfigurationKey(
      "training.optimizer", .choice(OptimizerSpecification.Kind.allCases.map(\.rawValue)),
      .value(.scalar(.string(OptimizerSpecification.Kind.adam.rawValue))),
      "The optimizer, as torch.optim has it."),
    ConfigurationKey(
      "training.learning_rate", .number(NumberRange(above: 0)), .required, "The base learning rate."),
    ConfigurationKey(
      "training.beta1", .number(NumberRange(atLeast: 0, below: 1)), number(defaults.beta1), when: adaptive,
      "Decay of the gradients' mean, for adam and adamw."),
    ConfigurationKey(
      "training.beta2", .number(NumberRange(atLeast: 0, below: 1)), number(defaults.beta2), when: adaptive,
      "Decay of the squared gradients' mean, for adam and adamw."),
    ConfigurationKey(
      "training.epsilon", .number(NumberRange(atLeast: 0)), number(defaults.epsilon), when: adaptive,
      "Added to the denominator, for adam and adamw."),
    ConfigurationKey(
      "training.weight_decay", .number(NumberRange(atLeast: 0)),
      .byChoice(
        of: "training.optimizer",
        Dictionary(
          uniqueKeysWithValues: OptimizerSpecification.Kind.allCases.map { kind in
            (kind.rawValue, .scalar(.number(OptimizerSpecification(kind: kind).weightDecay)))
          })),
      "Weight decay; left out, 0.01 for adamw and 0 for the others."),
    ConfigurationKey(
      "training.momentum", .number(NumberRange(atLeast: 0)), number(defaults.momentum),
      when: .init(key: "training.optimizer", choices: ["sgd"]), "Momentum, for sgd."),
    ConfigurationKey(
      "training.schedule", .choice(LearningRateSchedule.Kind.allCases.map(\.rawValue)),
      .value(.scalar(.string(LearningRateSchedule.Kind.constant.rawValue))),
      "How the learning rate falls after the warm-up: not at all, along a line or half a cosine to 0."),
    ConfigurationKey(
      "training.warmup_steps", count(from: 0), .value(.scalar(.integer(0))),
      "Steps over which the learning rate rises to its base."),
    ConfigurationKey(
      "training.gradient_clip", .number(NumberRange(above: 0)), .none,
      "The largest global norm of the gradients."),
    ConfigurationKey(
      "training.shuffle", .boolean, .value(.scalar(.boolean(true))),
      "Whether each epoch has an order of its own."),
    ConfigurationKey(
      "training.log_every_steps", count(from: 0), .value(.scalar(.integer(50))),
      "Steps between the rows of steps.csv; 0 for no such file."),
    ConfigurationKey("training.early_stopping", .section, .none, "Ends a run that no longer improves."),
    ConfigurationKey(
      "training.early_stopping.metric", .choice(EarlyStopping.Metric.allCases.map(\.rawValue)), .required,
      "What must improve."),
    ConfigurationKey(
      "training.early_stopping.patience", count(from: 1), .required,
      "Epochs without improvement that end the run."),
    ConfigurationKey(
      "training.checkpoint_every_steps", count(from: 1), .none,
      "Steps between checkpoints, besides the one at the end of each epoch."),
    ConfigurationKey(
      "training.initial_weights", .path, .none,
      "A safetensors file to begin from, relative to this config, with exactly the model's names and shapes."),
  ]

  private static func number(_ value: Double) -> ConfigurationKey.Fallback { .value(.scalar(.number(value))) }
}
