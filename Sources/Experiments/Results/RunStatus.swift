/// Where a run stands; the raw value is what files and the command line say.
package enum RunStatus: String, Codable, Sendable, Hashable, CaseIterable {
  case queued
  case running
  case paused
  case completed
  case failed
  /// A loss was not finite.
  case diverged
  case cancelled

  /// Nothing more happens by itself.
  package var hasEnded: Bool {
    switch self {
    case .queued, .running, .paused: false
    case .completed, .failed, .diverged, .cancelled: true
    }
  }

  /// Failed in the summary's sense.
  package var hasFailed: Bool { self == .failed || self == .diverged }
}
