/// What rounding adds to values: quantized minus unquantized.
///
/// A straight-through gradient is the true gradient of the function in which these residues are constants. So they are
/// taken once and can then be held fixed while a parameter moves.
final class Residues {
  private var taken: [String: Table] = [:]
  private(set) var areFixed = false
  /// The smallest distance of anything from the point where its rounding, or its sign, would change, in units of what
  /// float32 may blur. Above 1, float32 and Double decide alike.
  private(set) var margin = Double.infinity

  /// Values of rounding to whole levels: the distance that counts as one unit of margin.
  static let activationBlur = 2e-4
  static let weightBlur = 1e-5

  func fix() { areFixed = true }

  subscript(key: String) -> Table { taken[key]! }

  /// The residue kept under `key`; without one, or while they are not fixed, `compute`'s.
  func residue(_ key: String, _ compute: () -> Table) -> Table {
    if areFixed { return taken[key]! }
    taken[key] = compute()
    return taken[key]!
  }

  /// Notes how far values are from where a decision about them changes.
  func note(distances: [Double], blur: Double) {
    if areFixed { return }
    margin = min(margin, (distances.min() ?? .infinity) / blur)
  }
}
