import JSON
import Networks
import TensorCore

/// One run of an experiment, everything about it settled: one point of grid x variant x seed.
package struct RunPlan: Sendable, Hashable {
  /// The experiment's name.
  package let experiment: String
  /// `<variant>[-<key>=<value>...]-seed<seed>`: unique in the experiment, and a safe file name.
  package let id: String
  package let variant: String
  package let precision: WeightPrecision
  package let method: QuantizationMethod
  package let seed: Int
  /// The varied keys' values, in the grid's order; empty without a grid.
  package let gridPoint: [GridSetting]
  package let dataset: DatasetConfiguration
  package let model: ModelConfiguration
  package let training: TrainingConfiguration
  /// The values of all its keys, which the three above are made of.
  let settings: ConfigurationValues

  init(
    _ experiment: Experiment, variant: Experiment.Variant, point: [GridSetting], seed: Int,
    values: ConfigurationValues
  ) {
    self.experiment = experiment.name
    id = RunIdentifier.text(variant: variant.name, point: point, seed: seed)
    self.variant = variant.name
    precision = variant.precision
    method = variant.method
    self.seed = seed
    gridPoint = point
    dataset = DatasetConfiguration(values)
    model = ModelConfiguration(values)
    training = TrainingConfiguration(values)
    settings = values
  }

  /// The grid point as JSON.
  package var grid: JSONObject { JSONObject(gridPoint.map { JSONMember($0.key, $0.value.json) }) }

  package var architecture: any Architecture { model.architecture }

  package var initialization: Initialization { model.initialization }

  /// The run's network for images of the given shape.
  ///
  /// Not every network takes every image: validation has seen to it for the datasets of known shape, for `idx` files only
  /// ``problem(image:)`` can tell.
  package func networkSpecification(image: ImageShape, classes: Int) -> NetworkSpecification {
    NetworkSpecification(
      architecture: architecture, image: image, classes: classes, precision: precision, method: method,
      initialization: initialization)
  }

  /// Why the network cannot take images of the given shape; nil when it can.
  package func problem(image: ImageShape) -> String? { architecture.problem(image: image) }
}

/// The runs of an experiment, in the order in which they are listed and begun.
package struct Plan: Sendable, Hashable {
  package let runs: [RunPlan]

  /// Plans grid x variant x seed: the grid's first key changes slowest, the seed fastest.
  package init(_ experiment: Experiment) {
    let points = combinations(
      experiment.grid.map { axis in axis.values.map { GridSetting(key: axis.key, value: $0) } })
    runs = points.flatMap { point in
      experiment.variants.flatMap { variant in
        let values = variant.values.applying(point).filled(from: ConfigurationSchema.runKeys)
        return experiment.seeds.map { seed in
          RunPlan(experiment, variant: variant, point: point, seed: seed, values: values)
        }
      }
    }
  }
}
