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
