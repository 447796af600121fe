extension ConfigurationSchema {
  static let datasetKeys: [ConfigurationKey] = [
    ConfigurationKey(
      "dataset.name", .choice(DatasetConfiguration.Name.allCases.map(\.rawValue)), .required,
      "Which images: digits is built in, idx reads own files."),
    ConfigurationKey(
      "dataset.normalize", .choice(DatasetConfiguration.Normalization.allCases.map(\.rawValue)),
      .value(.scalar(.string(DatasetConfiguration.Normalization.unit.rawValue))),
      "unit maps pixels to 0...1, half to -1...1."),
    ConfigurationKey("dataset.train_limit", count(from: 1), .none, "Train on the first so many images only."),
    ConfigurationKey(
      "dataset.validation_limit", count(from: 1), .none, "Validate on the first so many images only."),
    file("train_images", "The IDX file of training images, relative to this config."),
    file("train_labels", "The IDX file of training labels, relative to this config."),
    file("validation_images", "The IDX file of validation images, relative to this config."),
    file("validation_labels", "The IDX file of validation labels, relative to this config."),
  ]

  private static func file(_ name: String, _ summary: String) -> ConfigurationKey {
    ConfigurationKey(
      "dataset.\(name)", .path, .required,
      when: .init(key: "dataset.name", choices: [DatasetConfiguration.Name.idx.rawValue]), summary)
  }
}
