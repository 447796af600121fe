import Datasets
import Experiments
import Files
import Networks
import TensorCore

/// What the runs of a config will take, known before one begins, and what in it looks like a slip.
struct PlanFacts {
  struct Run {
    var plan: RunPlan
    /// nil where only data files can tell that are not there.
    var network: NetworkSpecification?
    /// Operations of one image's training step.
    var trainingWork: Double?
    var parameters: Int?
    var weightBytes: Int?
    var trainImages: Int?
    var validationImages: Int?
    /// At most: it may diverge, or stop early.
    var steps: Int?
    /// Of the machine while it trains, its data left out.
    var memoryBytes: Int?
    /// Of files when it has ended, and besides while it trains.
    var diskBytes: Int?
    var checkpointBytes: Int?
  }

  let runs: [Run]
  /// Each is of several runs mostly, and said once.
  let warnings: [String]

  init(_ experiment: Experiment, _ file: ConfigurationFile, _ datasets: DatasetLibrary) {
    var facts = Sizes(file, datasets)
    runs = Plan(experiment).runs.map { facts.run($0) }
    if let problem = Admission.planProblem(experiment, file, runs.map(\.plan)) {
      facts.warn("the daemon refuses it: \(problem)")
    }
    warnings = facts.warnings
  }

  /// The sum of what is known of all runs; nil where it is not of all.
  func total(_ value: (Run) -> Int?) -> Int? {
    var sum = 0
    for run in runs {
      guard let value = value(run) else { return nil }
      sum = sum.addingReportingOverflow(value).overflow ? .max : sum + value
    }
    return sum
  }

  private struct Sizes {
    private let folder: String
    private let datasets: DatasetLibrary
    private var images: [DatasetConfiguration: Images] = [:]
    private var said: Set<String> = []
    private(set) var warnings: [String] = []

    private struct Images {
      var shape: ImageShape
      var classes: Int
      var train: Int
      var validation: Int
    }

    init(_ file: ConfigurationFile, _ datasets: DatasetLibrary) {
      folder = file.folder
      self.datasets = datasets
    }

    mutating func warn(_ text: String) {
      if said.insert(text).inserted { warnings.append(text) }
    }

    mutating func run(_ plan: RunPlan) -> Run {
      guard let images = images(of: plan.dataset) else { return Run(plan: plan) }
      guard plan.problem(image: images.shape) == nil else {
        warn(plan.problem(image: images.shape)!)
        return Run(plan: plan, trainImages: images.train, validationImages: images.validation)
      }
      let training = plan.training
      let specification = plan.networkSpecification(image: images.shape, classes: images.classes)
      let network = specification.network(shardImages: 1)
      let batch = min(training.batchSize, images.train)
      let memory = TrainingMemory(specification, batchSize: batch, threads: Machine.cores)
      let stepsPerEpoch = (images.train + training.batchSize - 1) / training.batchSize
      let all = stepsPerEpoch.multipliedReportingOverflow(by: training.epochs)
      let steps = min(training.maxSteps ?? .max, all.overflow ? .max : all.partialValue)
      if training.batchSize > images.train {
        warn(
          "training.batch_size \(training.batchSize): there are \(images.train) training images, so each epoch is one step"
        )
      }
      if training.warmupSteps >= steps {
        warn(
          "training.warmup_steps \(training.warmupSteps): a run has \(steps) steps and ends within its warm-up"
        )
      }
      let epochs = (steps + stepsPerEpoch - 1) / stepsPerEpoch
      let logged = training.logEverySteps == 0 ? 0 : steps / training.logEverySteps
      return Run(
        plan: plan, network: specification, trainingWork: network.trainingWork,
        parameters: network.layout.parameterCount, weightBytes: network.weightBytes,
        trainImages: images.train, validationImages: images.validation,
        steps: steps, memoryBytes: memory.bytes,
        diskBytes: 4 * network.layout.parameterCount + epochs * Self.bytesPerEpoch + logged
          * Self.bytesPerStep
          + Self.bytesPerRun,
        // The newest, and the one before it.
        checkpointBytes: 2 * memory.checkpointBytes)
    }

    /// Rows of `curve.csv` and, once more, `curves.csv`, `timing.csv` and `run.log`, about.
    private static let bytesPerEpoch = 450
    /// A row of `steps.csv`, about.
    private static let bytesPerStep = 90
    /// `run.json` and what else is small.
    private static let bytesPerRun = 4_000

    private mutating func images(of configuration: DatasetConfiguration) -> Images? {
      if let known = images[configuration] { return known }
      var found: Images?
      do {
        let dataset = try datasets.dataset(configuration, configFolder: folder)
        found = Images(
          shape: dataset.shape, classes: dataset.classes, train: dataset.train.count,
          validation: dataset.validation.count)
        for notice in dataset.notices { warn(notice) }
      } catch {
        warn("\(error)")
        found = configuration.name.facts.map {
          Images(
            shape: $0.shape, classes: $0.classes, train: min($0.trainCount, configuration.trainLimit ?? .max),
            validation: min($0.validationCount, configuration.validationLimit ?? .max))
        }
      }
      guard let found else { return nil }
      for (key, limit, count, set) in [
        ("train_limit", configuration.trainLimit, found.train, "training"),
        ("validation_limit", configuration.validationLimit, found.validation, "validation"),
      ] {
        if let limit, limit > count { warn("dataset.\(key) \(limit): there are \(count) \(set) images") }
      }
      images[configuration] = found
      return found
    }
  }
}
