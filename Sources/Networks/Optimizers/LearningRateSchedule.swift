import Foundation

/// The learning rate of each optimizer step.
///
/// A linear warm-up over `warmupSteps`, step `k` (from 0) using `base * (k + 1) / warmupSteps`, then the base rate
/// unchanged, or falling along a line or half a cosine: the first step after the warm-up still uses the base rate, the
/// last step of the run uses 0.
package struct LearningRateSchedule: Sendable, Hashable {
  /// The curve that the rate follows; the raw value is the config's.
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    case constant, linear, cosine
  }

  package var kind: Kind
  package var base: Double
  package var warmupSteps: Int
  /// Steps of the whole run, warm-up included.
  package var totalSteps: Int

  package init(kind: Kind, base: Double, warmupSteps: Int, totalSteps: Int) {
    self.kind = kind
    self.base = base
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
  }

  /// The rate used in the step that follows `step` completed ones.
  package func rate(afterSteps step: Int) -> Double {
    if step < warmupSteps { return base * Double(step + 1) / Double(warmupSteps) }
    let span = totalSteps - 1 - warmupSteps
    guard kind != .constant, span > 0 else { return base }
    let progress = min(1, Double(step - warmupSteps) / Double(span))
    switch kind {
    case .constant: return base
    case .linear: return base * (1 - progress)
    case .cosine: return base * 0.5 * (1 + cos(.pi * progress))
    }
  }
}
