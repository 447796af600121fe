import Files
import Foundation

/// Where a run stands, apart from its tensors: what a checkpoint's metadata holds besides them.
///
/// With the tensors it fixes all that follows: a run resumed from it writes the same bytes as one never interrupted.
struct TrainingState: Codable, Sendable, Equatable {
  /// Steps completed since the run began.
  var step = 0
  /// Epochs whose row is written.
  var epochsCompleted = 0
  /// Batches of the epoch in progress that are done.
  var batchesDone = 0
  /// Sums over the samples of the epoch in progress.
  var lossSum = 0.0
  var correct = 0
  var samples = 0
  /// The rate of the last step.
  var learningRate = 0.0

  /// Of the last validation.
  var validationLoss: Double?
  var validationAccuracy: Double?
  var bestAccuracy: Double?
  var bestEpoch: Int?
  /// The metric's best value and the epochs since.
  var earlyStoppingBest: Double?
  var epochsWithoutImprovement = 0

  /// Training alone, in the epoch in progress and in all.
  var epochSeconds = 0.0
  var trainSeconds = 0.0
  /// All that a time limit counts: the time in which training and validation were computed.
  var activeSeconds = 0.0
  var started: String?

  /// Bytes of the rows that belong to this state.
  var curveLength = 0
  var stepsLength = 0
  var timingLength = 0
  /// CRC-32 of these bytes; nil, like the data's SHA-256, in checkpoints from before there was one.
  var curveChecksum: UInt32?
  var stepsChecksum: UInt32?
  var timingChecksum: UInt32?
  /// Of the data trained on.
  var dataSHA256: String?
  /// The run's identity when it began; nil in checkpoints from before there was one.
  var runHash: String?
  /// The version of the arithmetic; nil for the first.
  var numerics: Int?

  private static let key = "state"

  /// The state as a checkpoint's metadata. Numbers read back the same to the bit.
  func metadata(identity: String) throws -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return [Self.key: String(decoding: try encoder.encode(self), as: UTF8.self), "run": identity]
  }

  /// The name that the metadata give the run whose checkpoint it is.
  static func identity(in metadata: [String: String]) -> String? { metadata["run"] }

  /// nil where the metadata are not a state's, or of a version that this program does not know.
  init?(metadata: [String: String]) {
    guard let text = metadata[Self.key] else { return nil }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let state = try? decoder.decode(Self.self, from: Data(text.utf8)) else { return nil }
    self = state
  }

  init() {}

  var curve: AppendedRows {
    get { AppendedRows(length: curveLength, checksum: curveChecksum) }
    set { (curveLength, curveChecksum) = (newValue.length, newValue.checksum) }
  }
  var steps: AppendedRows {
    get { AppendedRows(length: stepsLength, checksum: stepsChecksum) }
    set { (stepsLength, stepsChecksum) = (newValue.length, newValue.checksum) }
  }
  var timing: AppendedRows {
    get { AppendedRows(length: timingLength, checksum: timingChecksum) }
    set { (timingLength, timingChecksum) = (newValue.length, newValue.checksum) }
  }

  var meanLoss: Double { samples == 0 ? .nan : lossSum / Double(samples) }
  var accuracy: Double { samples == 0 ? .nan : Double(correct) / Double(samples) }

  /// Counts a finished step.
  mutating func count(loss: Double, correct: Int, samples: Int, rate: Double, lap: Stopwatch.Lap) {
    step += 1
    batchesDone += 1
    lossSum += loss
    self.correct += correct
    self.samples += samples
    learningRate = rate
    epochSeconds += lap.elapsed
    trainSeconds += lap.elapsed
    activeSeconds += lap.computed
  }

  /// Keeps a validation's result. Returns whether early stopping ends the run.
  mutating func validated(loss: Double, accuracy: Double, epoch: Int, stopping: EarlyStopping?) -> Bool {
    validationLoss = loss
    validationAccuracy = accuracy
    if bestAccuracy.map({ accuracy > $0 }) ?? true {
      bestAccuracy = accuracy
      bestEpoch = epoch
    }
    guard let stopping else { return false }
    let value = stopping.metric == .validationLoss ? -loss : accuracy
    if earlyStoppingBest.map({ value > $0 }) ?? true {
      earlyStoppingBest = value
      epochsWithoutImprovement = 0
    } else {
      epochsWithoutImprovement += 1
    }
    return epochsWithoutImprovement >= stopping.patience
  }

  /// Begins the next epoch's sums.
  mutating func beginEpoch() {
    batchesDone = 0
    lossSum = 0
    correct = 0
    samples = 0
    epochSeconds = 0
  }
}
