import Foundation
import Testing

/// How far some values are from PyTorch's.
struct Comparison {
  /// The largest difference; infinite where a value is not a number.
  private(set) var difference = 0.0
  private(set) var index = 0
  /// The largest magnitude of PyTorch's values.
  private(set) var magnitude = 0.0

  init(_ actual: [Float], _ expected: [Float]) {
    for (index, (actual, expected)) in zip(actual, expected).enumerated() {
      let off = abs(Double(actual) - Double(expected))
      if off.isNaN || off > difference { (difference, self.index) = (off.isNaN ? .infinity : off, index) }
      magnitude = max(magnitude, Double(abs(expected)))
    }
  }

  /// The largest difference as a part of `magnitude`; where that is 0, only 0 is near.
  func error(relativeTo magnitude: Double) -> Double {
    difference == 0 ? 0 : difference / magnitude
  }
}

/// What a tolerance is a part of.
enum Measure {
  /// The largest magnitude among PyTorch's values of the tensor: small elements are sums of large ones that cancel.
  case largestElement
  /// A given magnitude, for a tensor whose exact value is 0.
  case magnitude(Double)
  /// Nothing: the tolerance is absolute.
  case one
}

extension Fixture {
  /// What the tolerance of the gradient `tensor` is a part of.
  ///
  /// A key's bias moves no softmax: its gradient is 0, and what PyTorch has of it is noise. It is measured by the gradient of
  /// the key's weight.
  func measure(ofGradient tensor: String) throws -> Measure {
    guard tensor.hasSuffix("key.bias") else { return .largestElement }
    let weight = try values(tensor.replacing("key.bias", with: "key.weight"))
    return .magnitude(Comparison(weight, weight).magnitude)
  }
}

/// Expects `actual` to be PyTorch's values within a tolerance.
///
/// With `BITLAB_PARITY_REPORT` in the environment every error found is printed, for choosing tolerances.
func expectClose(
  _ actual: [Float], _ expected: [Float], within tolerance: Double, of measure: Measure = .largestElement,
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record(
      "\(what): \(actual.count) values, PyTorch has \(expected.count)", sourceLocation: sourceLocation)
    return
  }
  let comparison = Comparison(actual, expected)
  let magnitude =
    switch measure {
    case .largestElement: comparison.magnitude
    case .magnitude(let magnitude): magnitude
    case .one: 1.0
    }
  let error = comparison.error(relativeTo: magnitude)
  if reportsErrors { print("parity: \(what): \(error)") }
  guard error > tolerance else { return }
  let index = comparison.index
  Issue.record(
    """
    \(what): the largest error is \(error), allowed \(tolerance): value \(index) is \(actual[index]), \
    PyTorch has \(expected[index])
    """, sourceLocation: sourceLocation)
}

private let reportsErrors = ProcessInfo.processInfo.environment["BITLAB_PARITY_REPORT"] != nil
