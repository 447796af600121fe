/// Arithmetic of sizes: what no machine holds counts as `largest`, and nothing overflows.
///
/// A config may ask for any size. Networks are laid out before anything is allocated, so that whoever refuses them can say
/// how large they are; up to the largest size the counts are exact.
package enum Size {
  package static let largest = 1 << 60

  /// - Parameter factors: none below 0.
  package static func product(_ factors: Int...) -> Int {
    // One that is nothing makes the product nothing, however large the others are.
    if factors.contains(0) { return 0 }
    return factors.reduce(1) { product, factor in
      let (value, overflow) = product.multipliedReportingOverflow(by: factor)
      return overflow ? largest : min(value, largest)
    }
  }

  package static func product(_ factors: [Int]) -> Int {
    factors.contains(0) ? 0 : factors.reduce(1) { product($0, $1) }
  }

  /// - Parameter terms: none below 0, nor above the largest.
  package static func sum(_ terms: Int...) -> Int { terms.reduce(0) { min($0 + $1, largest) } }

  /// The size rounded up to a multiple.
  package static func roundedUp(_ size: Int, to multiple: Int) -> Int {
    (size + multiple - 1) / multiple * multiple
  }
}
