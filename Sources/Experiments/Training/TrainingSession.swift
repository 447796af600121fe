import Datasets
import Files
import Foundation
import Networks
import TensorCore

/// One stretch of a run: from its beginning or its last checkpoint until it ends or is asked to stop.
final class TrainingSession {
  private let run: PlacedRun
  private let dataset: Dataset
  private let environment: TrainingEnvironment
  private let observe: (RunEvent) -> Void

  private let model: Model
  private let step: TrainingStep
  private let schedule: LearningRateSchedule
  private let table: PixelTable
  /// As rows have it.
  private let grid: [GridText]
  private let tensors: CheckpointedTensors
  /// Of the model, for its file.
  private let description: ModelDescription
  private let recorder: RunRecorder
  private var state: TrainingState
  private var record: RunRecord
  private var clock: Stopwatch
  private var checkpointPace: SavingPace
  private var recordPace: SavingPace
  /// The newest checkpoint that was told of.
  private var checkpointTold = -1

  private var training: TrainingConfiguration { run.plan.training }

  /// - Parameter dataBytes: bytes that the run has reserved and taken for its data.
  init(
    _ run: PlacedRun, dataset: Dataset, dataBytes: Int = 0, _ environment: TrainingEnvironment,
    observe: @escaping (RunEvent) -> Void
  ) throws {
    self.run = run
    grid = run.plan.gridPoint.map { GridText($0) }
    self.dataset = dataset
    self.environment = environment
    self.observe = observe
    clock = Stopwatch(environment.clocks)
    checkpointPace = SavingPace(interval: environment.savingInterval, since: environment.clocks.elapsed())
    recordPace = SavingPace(interval: environment.savingInterval, since: nil)
    let specification = try Self.specification(run, dataset)
    var need = Self.need(specification, run, dataset)
    need.memory += dataBytes
    need.addresses += dataBytes
    try environment.reservations.reserve(need, for: run.name, having: dataBytes)
    let team = Team(pool: environment.pool, limit: run.threads)
    let training = run.plan.training
    model = try Model(specification, batchSize: min(training.batchSize, dataset.train.count), team: team)
    step = try TrainingStep(model, optimizer: training.optimizer, gradientClip: training.gradientClip)
    table = dataset.train.table(run.plan.dataset.normalize)
    description = ModelDescription(run.plan, specification, whiteLevel: dataset.train.whiteLevel)
    let stepsPerEpoch = BatchOrder(sampleCount: dataset.train.count, batchSize: training.batchSize).count
    let allSteps = stepsPerEpoch.multipliedReportingOverflow(by: training.epochs)
    let totalSteps = min(training.maxSteps ?? .max, allSteps.overflow ? .max : allSteps.partialValue)
    schedule = LearningRateSchedule(
      kind: training.schedule, base: training.learningRate, warmupSteps: training.warmupSteps,
      totalSteps: totalSteps)
    tensors = try CheckpointedTensors(model: model, optimizer: step.optimizer)

    let resumption = try Resumption(run, dataSHA256: dataset.sha256, in: environment.files)
    state = resumption.state
    state.dataSHA256 = dataset.sha256
    state.numerics = RunIdentity.numerics(run.plan)
    if let checkpoint = resumption.checkpoint {
      try Self.restore(checkpoint, tensors: tensors, run: run)
      step.resume(afterSteps: state.step)
    } else {
      model.parameters.initialize(seed: run.plan.seed)
      let weights = try Self.loadInitialWeights(run, model, environment.files)
      state.runHash =
        RunIdentity(run.plan, dataSHA256: dataset.sha256, initialWeightsSHA256: weights).hash
    }
    environment.reservations.allocated(run.name)
    model.parametersChanged()
    if state.started == nil { state.started = RunRecord.timestamp(Date()) }
    recorder = try RunRecorder(run.plan, folder: run.folder, state: state, in: environment.files)
    record = RunRecord(run, network: model.network)
    record.threads = team.limit
    record.dataSHA256 = dataset.sha256
    record.runHash = state.runHash
    record.take(state)
    for notice in resumption.notices { note(notice) }
    recorder.log(
      state.step == 0
        ? "began: \(model.network.layout.parameterCount) parameters, \(dataset.train.count) images, \(totalSteps) steps"
        : "goes on after step \(state.step)")
    recorder.write(record)
    observe(.began(afterSteps: state.step, totalSteps: totalSteps))
  }

  /// The run's network for the data; throws where it cannot take their images.
  static func specification(_ run: PlacedRun, _ dataset: Dataset) throws -> NetworkSpecification {
    let plan = run.plan
    let image = dataset.shape
    if let problem = plan.problem(image: image) { throw RunFailure(kind: .content, problem) }
    let specification = plan.networkSpecification(image: image, classes: dataset.classes)
    // Validation has seen to this where it knew the images; memory that is not there would end the process.
    let memory = memory(specification, run, dataset)
    guard UInt64(memory.bytes) <= ProcessInfo.processInfo.physicalMemory else {
      throw RunFailure(
        kind: .content,
        "the model has \(memory.parameters) parameters and takes \(memory.bytes / 1_000_000) MB to train, this machine "
          + "has \(ProcessInfo.processInfo.physicalMemory / 1_000_000) MB of memory: make it smaller")
    }
    return specification
  }

  private static func memory(
    _ specification: NetworkSpecification, _ run: PlacedRun, _ dataset: Dataset
  ) -> TrainingMemory {
    TrainingMemory(
      specification, batchSize: min(run.plan.training.batchSize, dataset.train.count),
      threads: min(run.threads ?? .max, Machine.cores))
  }

  /// What the run takes of the machine: its tensors, and what goes with every run.
  private static func need(
    _ specification: NetworkSpecification, _ run: PlacedRun, _ dataset: Dataset
  ) -> RunNeed {
    let memory = memory(specification, run, dataset)
    let bytes = memory.bytes + smallMemory
    return RunNeed(memory: bytes, addresses: bytes + memory.checkpointBytes + stacks)
  }

  /// Bytes of a run's rows, orders of batches and texts.
  private static let smallMemory = 4 << 20
  /// Bytes of addresses of its threads: its own, the recorder's, and one that comes and goes.
  private static let stacks = 3 * (8 << 20)

  private static func restore(
    _ checkpoint: Checkpoint, tensors: CheckpointedTensors, run: PlacedRun
  ) throws {
    let path = "\(run.folder.path), checkpoint of step \(checkpoint.step)"
    do {
      try tensors.restore(checkpoint.content)
    } catch {
      throw RunFailure(kind: .content, "\(path): \(error): remove the run's folder to begin the run again")
    }
  }

  /// Sets the parameters to those of the config's file, if it names one; returns the file's SHA-256.
  private static func loadInitialWeights(
    _ run: PlacedRun, _ model: Model, _ files: any FileSystem
  ) throws -> String? {
    guard let path = run.initialWeightsPath else { return nil }
    do {
      let bytes = try files.readAll(path)
      try ModelWeights.load(try SafetensorsFile(decoding: bytes, from: path), into: model.parameters)
      return SHA256.hexadecimal(of: bytes)
    } catch let error as FileError where error.isMissing {
      throw RunFailure(kind: .content, "\(path): initial_weights names this file, and it is not there")
    } catch let mismatch as ModelWeights.Mismatch {
      throw RunFailure(
        kind: .content, "\(path): \(mismatch): initial_weights must hold exactly the model's tensors")
    }
  }

  // MARK: - The loop

  func train(control: RunControl) throws -> RunOutcome {
    while state.epochsCompleted < training.epochs, isInsideEpoch || !isLastStepDone {
      if let outcome = try trainEpoch(control) { return outcome }
    }
    return completed()
  }

  /// Whether an epoch has begun that has no row yet.
  private var isInsideEpoch: Bool { state.batchesDone > 0 }

  /// Whether the run's steps or its time are used up.
  private var isLastStepDone: Bool { state.step >= schedule.totalSteps || isTimeUp }

  private var isTimeUp: Bool { run.timeLimitSeconds.map { state.activeSeconds >= $0 } ?? false }

  /// Whether steps are left that only the time limit keeps the run from.
  private var isCutShort: Bool {
    state.epochsCompleted < training.epochs && state.step < schedule.totalSteps && isTimeUp
  }

  /// The end of a run that early stopping did not end.
  private func completed() -> RunOutcome {
    if isCutShort { record.stoppedBy = RunRecord.timeLimit }
    return .completed
  }

  /// The rest of the epoch in progress and its validation. Returns how the stretch ends, nil where it goes on.
  private func trainEpoch(_ control: RunControl) throws -> RunOutcome? {
    let order = batchOrder(epoch: state.epochsCompleted)
    clock.restart()
    var stretchSamples = 0
    let stretchStart = state.epochSeconds
    while state.batchesDone < order.count, !isLastStepDone {
      if let outcome = try stopped(control) { return outcome }
      let batch = order[state.batchesDone]
      let rate = schedule.rate(afterSteps: state.step)
      let score = step(BatchSamples(images: dataset.train, table: table, batch: batch), rate: rate)
      state.count(
        loss: score.loss, correct: score.correct, samples: batch.count, rate: rate, lap: clock.restart())
      stretchSamples += batch.count
      recordStep(score, batch: batch, rate: rate)
      guard score.loss.isFinite else { return diverged(score.loss, batch: batch) }
      report(samples: stretchSamples, seconds: state.epochSeconds - stretchStart)
      if let every = training.checkpointEverySteps, state.step % every == 0 {
        checkpoint()
        clock.restart()
      }
    }
    let isWhole = state.batchesDone == order.count
    // What goes on when the limit is raised knows nothing of the row that this end needs.
    if !isWhole, isCutShort { checkpoint() }
    return try validate(control, isWhole: isWhole)
  }

  private func batchOrder(epoch: Int) -> BatchOrder {
    guard training.shuffle else {
      return BatchOrder(sampleCount: dataset.train.count, batchSize: training.batchSize)
    }
    var random = RandomStream(seed: run.plan.seed, purpose: "shuffle.epoch.\(epoch)")
    return BatchOrder(permutation: random.permutation(dataset.train.count), batchSize: training.batchSize)
  }

  private func stopped(_ control: RunControl) throws -> RunOutcome? {
    if let failure = recorder.failure { throw failure }
    switch control.request {
    case .proceed: return nil
    case .pause: return .paused
    case .interrupt: return .interrupted
    case .cancel: return .cancelled
    }
  }

  private func recordStep(_ score: ClassificationScore, batch: Batch, rate: Double) {
    guard training.logEverySteps > 0, state.step % training.logEverySteps == 0 else { return }
    recorder.append(
      StepRow(
        experiment: run.experiment, variant: run.plan.variant, seed: run.plan.seed, grid: grid,
        epoch: state.epochsCompleted + 1, step: state.step, trainLoss: score.loss / Double(batch.count),
        trainAccuracy: Double(score.correct) / Double(batch.count), learningRate: rate))
  }

  private func report(samples: Int, seconds: Double) {
    let checkpointed = recorder.checkpointedStep
    if checkpointed != checkpointTold {
      checkpointTold = checkpointed
      observe(.checkpointed(step: checkpointed))
    }
    observe(
      .step(
        RunProgress(
          epoch: state.epochsCompleted + 1, epochs: training.epochs, step: state.step,
          totalSteps: schedule.totalSteps, trainLoss: state.meanLoss, trainAccuracy: state.accuracy,
          imagesPerSecond: Double(samples) / max(seconds, 1e-9))))
  }

  /// Keeps what is known: a row with the loss as it is and no validation.
  private func diverged(_ loss: Double, batch: Batch) -> RunOutcome {
    appendRow(validationLoss: nil, validationAccuracy: nil)
    return .diverged("the loss became \(CSVNumber.text(loss / Double(batch.count))) in step \(state.step)")
  }

  /// Validates, writes the epoch's row and a checkpoint. `isWhole` is false where the run ends inside the epoch.
  private func validate(_ control: RunControl, isWhole: Bool) throws -> RunOutcome? {
    clock.restart()
    let all = AllSamples(images: dataset.validation, table: table)
    let score = model.evaluate(all) { control.asksToStop || recorder.failure != nil }
    state.activeSeconds += clock.restart().computed
    guard let score else { return try stopped(control) }
    let loss = score.loss / Double(all.count)
    let accuracy = Double(score.correct) / Double(all.count)
    let stops = state.validated(
      loss: loss, accuracy: accuracy, epoch: state.epochsCompleted + 1, stopping: training.earlyStopping)
    appendRow(validationLoss: loss, validationAccuracy: accuracy)
    guard loss.isFinite else {
      return .diverged("the validation loss became \(CSVNumber.text(loss)) after step \(state.step)")
    }
    if !isWhole { return completed() }
    state.epochsCompleted += 1
    state.beginEpoch()
    if stops { return .completed }
    // What has ended is saved by `finish`; a disk that is full just then costs the epochs since the last checkpoint.
    if state.epochsCompleted == training.epochs || isLastStepDone {
      if isCutShort { checkpoint() }
      return completed()
    }
    save()
    return nil
  }

  /// Writes a checkpoint and `run.json` where it is time to.
  private func save() {
    let now = environment.clocks.elapsed()
    if checkpointPace.isDue(at: now) { checkpoint() }
    if recordPace.isDue(at: now) {
      record.take(state)
      recorder.write(record)
    }
  }

  private func appendRow(validationLoss: Double?, validationAccuracy: Double?) {
    let epoch = state.epochsCompleted + 1
    let row = CurveRow(
      experiment: run.experiment, variant: run.plan.variant, seed: run.plan.seed,
      grid: grid, epoch: epoch, step: state.step,
      trainLoss: state.meanLoss, trainAccuracy: state.accuracy, validationLoss: validationLoss,
      validationAccuracy: validationAccuracy, learningRate: state.learningRate)
    let speed = state.epochSeconds > 0 ? Double(state.samples) / state.epochSeconds : 0
    recorder.append(row)
    recorder.append(TimingRow(epoch: epoch, seconds: state.epochSeconds, imagesPerSecond: speed))
    recorder.log(LogLine.epoch(row, imagesPerSecond: speed))
    observe(.epoch(row, imagesPerSecond: speed))
  }

  // MARK: - Saving

  private func checkpoint() {
    recorder.checkpoint(state, identity: run.identity, tensors: tensors.sources) { tensors.copy() }
  }

  private func note(_ text: String) {
    recorder.log(text)
    observe(.notice(text))
  }

  /// What decides the bytes of the run's results; nil where it goes on from a checkpoint of before there were hashes.
  var runHash: String? { state.runHash }

  /// Saves what the outcome asks for, and returns the run's record; throws where that cannot be written.
  func finish(_ outcome: RunOutcome) throws -> RunRecord {
    let goesOn = outcome == .paused || outcome == .interrupted
    if goesOn || outcome == .cancelled { checkpoint() }
    record.take(state)
    record.status = outcome.status
    record.error = outcome.problem
    if !goesOn { record.ended = RunRecord.timestamp(Date()) }
    let word = outcome == .interrupted ? "interrupted" : outcome.status.rawValue
    recorder.log(outcome.problem.map { "\(word): \($0)" } ?? word)
    let model = outcome == .completed ? ModelWeights.sources(model.parameters) : nil
    return try recorder.finish(
      record, model: model, metadata: WeightFile.metadata(description),
      keepsCheckpoints: outcome != .completed || record.stoppedBy != nil)
  }
}

extension PlacedRun {
  /// By which a checkpoint is this run's, whatever else is known: the config, and the run in it.
  var identity: String { "\(configHash)/\(plan.id)" }
}

extension RunRecord {
  /// The record of a run on this machine that has just begun; without a network where that could not be made.
  package init(_ run: PlacedRun, network: (any Network)?) {
    self.init(
      experiment: run.experiment, run: run.plan.id, variant: run.plan.variant, seed: run.plan.seed,
      bits: run.plan.precision.rawValue, method: run.plan.precision == .full ? nil : run.plan.method.rawValue,
      status: .running, configHash: run.configHash, parameters: network?.layout.parameterCount,
      weightBytes: network?.weightBytes)
    describe(run.plan)
    host = Machine.host
    cpu = Machine.cpu
    bitlabVersion = Machine.bitlabVersion
    swiftVersion = Machine.swiftVersion
  }

  fileprivate mutating func take(_ state: TrainingState) {
    epoch = state.batchesDone > 0 ? state.epochsCompleted + 1 : state.epochsCompleted
    step = state.step
    finalValidationAccuracy = state.validationAccuracy
    finalValidationLoss = state.validationLoss
    bestValidationAccuracy = state.bestAccuracy
    bestEpoch = state.bestEpoch
    started = state.started
    trainSeconds = state.trainSeconds
  }
}
