/// The settings of an experiment file that has nothing wrong with it.
struct ValidatedConfiguration {
  /// The most runs one experiment may plan.
  static let mostRuns = 100_000

  let settings: Settings
  /// One for each variant: its own keys, and what it overrides.
  let variants: [Settings]
  let axes: [GridAxis]

  init(bytes: [UInt8], path: String, physicalMemory: UInt64) throws(ConfigurationError) {
    let text = ConfigurationText(parsing: bytes)
    guard let root = text.root else {
      throw ConfigurationError(path: path, diagnostics: text.diagnostics)
    }
    let reader = ConfigurationReader(root)
    let diagnostics =
      text.diagnostics + reader.diagnostics
      + Self.contradictions(in: reader, physicalMemory: physicalMemory)
    guard diagnostics.isEmpty else { throw ConfigurationError(path: path, diagnostics: diagnostics) }
    settings = reader.settings
    variants = reader.variants
    axes = reader.axes.map { axis in
      GridAxis(key: axis.key.path, values: axis.settings.compactMap(\.value?.scalar))
    }
  }

  /// What is wrong with the runs that the file would plan.
  private static func contradictions(in reader: ConfigurationReader, physicalMemory: UInt64) -> [Diagnostic] {
    var found = RunChecks.missingKeys(in: reader.settings)
    var axes = reader.axes.filter { RunChecks.consider($0.key) }
    if let problem = excess(in: reader) {
      found.append(problem)
      axes = []
    } else if let problem = RunIdentifier.problem(in: reader) {
      found.append(problem)
    }
    let variants = reader.variants.isEmpty ? [Settings()] : reader.variants
    let points = combinations(axes.map { axis in axis.settings.map { (axis.key.path, $0) } })
    // To lay out one deep network after the other that no machine holds would take its time.
    var isTooLarge = false
    for variant in variants {
      let settings = reader.settings.overlaid(by: variant)
      for point in points {
        var run = settings
        for (path, setting) in point { run[path] = setting }
        let checks = RunChecks(run, physicalMemory: isTooLarge ? nil : physicalMemory)
        found += checks.diagnostics
        isTooLarge = isTooLarge || checks.isTooLarge
      }
    }
    return found
  }

  private static func excess(in reader: ConfigurationReader) -> Diagnostic? {
    let seeds = reader.settings.list("seeds")?.count ?? 1
    var runs = Double(max(1, reader.variants.count)) * Double(seeds)
    for axis in reader.axes { runs *= Double(axis.settings.count) }
    guard runs > Double(mostRuns) else { return nil }
    let place = reader.axes.isEmpty ? "seeds" : "grid"
    guard let position = reader.settings[place]?.position else { return nil }
    return Diagnostic(
      position: position,
      message: "\(place): grid, variants and seeds make \(JSONScalar.number(runs).text) runs, "
        + "expected at most \(mostRuns)")
  }
}
