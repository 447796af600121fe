import Testing

/// How far a run's losses may be from PyTorch's, each as a part of its own size.
///
/// Full precision and 2 bits are held to 1e-5 for 50 steps, against PyTorch's float32 and its float64. In the
/// full-precision ViT rounding errors grow with the steps, and how much depends on where it starts; the fixture's start is
/// one from which PyTorch's float32 stays within 1e-6 of its float64.
struct LossTolerance {
  /// Steps that are compared, from the first, and what they may differ by.
  private let bounds: [(steps: Int, tolerance: Double)]

  init(_ variant: NetworkVariant) {
    switch variant.precision {
    // Rounded activations amplify the last bit, and two correct programs part ways.
    case _ where variant.roundsActivations: bounds = [(1, 1e-3)]
    case .full, .ternary: bounds = [(50, 1e-5)]
    // A weight close to 0 may change its sign a step earlier or later.
    case .binary: bounds = [(10, 1e-5), (50, 2e-4)]
    }
  }

  /// Expects losses within the tolerance of the fixture's.
  func expect(_ losses: [Double], _ fixture: Fixture, sourceLocation: SourceLocation = #_sourceLocation)
    throws
  {
    for reference in ["losses", "losses_double"] {
      let expected = try fixture.values(reference)
      #expect(losses.count == expected.count, "\(fixture.name)", sourceLocation: sourceLocation)
      for (step, (loss, expected)) in zip(losses, expected).enumerated() {
        guard let tolerance = bounds.first(where: { step < $0.steps })?.tolerance else { break }
        expectClose(
          [Float(loss)], [expected], within: tolerance, "\(fixture.name), \(reference), step \(step + 1)",
          sourceLocation: sourceLocation)
      }
    }
  }
}
