// What others ask of the queue.
extension QueueEngine {
  /// Adds submissions; returns when they are durable. One whose name is in the queue takes the place of that, which must
  /// have ended.
  package func submit(_ submissions: [Submission]) throws {
    try serve {
      for submission in submissions {
        guard state.canTake(submission.name) else { throw NameTaken(name: submission.name) }
      }
      try record(submissions.map { .submitted($0) })
      for submission in submissions {
        for (id, _) in state.jobs(of: submission) { enqueue(id) }
      }
      begin()
    }
  }

  /// Jobs of that name came to the queue, or go on again, since somebody looked.
  package struct NameTaken: Error, CustomStringConvertible {
    let name: String
    package var description: String {
      "\(name): its runs have just begun again; try again when they have ended"
    }
  }

  /// Lets the jobs of a submission that failed or were cancelled go on. Returns which; those that completed or diverged
  /// are left alone.
  package func continueEnded(_ name: String) throws -> [JobID] {
    try serve {
      guard let submission = state.submissions[name] else { return [] }
      let ids = state.jobs(of: submission).filter { $0.entry.mayGoOn }.map(\.id)
      try record(ids.map { .continued($0) })
      for id in ids { enqueue(id) }
      begin()
      return ids
    }
  }

  /// The submission of that name, if any.
  package func submission(named name: String) -> Submission? { queue.sync { state.submissions[name] } }

  /// Whether a submission of that name would be taken: there is none, or all its jobs have ended.
  package func canTake(_ name: String) -> Bool { queue.sync { state.canTake(name) } }

  /// How the jobs of a submission ended; nil while one has not.
  package func ends(of name: String) -> [JobEnd]? { queue.sync { state.ends(of: name) } }

  /// Queues jobs that the queue has forgotten once more, to go on or from nothing, as a submission of their own or with the
  /// one of that name. Throws where the store does not take it.
  package func queueOnceMore(_ submissions: [Submission], fromNothing: Bool) throws {
    try serve {
      try record(
        submissions.flatMap { submission -> [QueueRecord] in
          var empty = submission
          empty.jobs = []
          let isKnown = state.submissions[submission.name] != nil
          return (isKnown ? [] : [.submitted(empty)])
            + [.added(submission.name, submission.jobs, beginFromNothing: fromNothing)]
        })
      for id in submissions.flatMap(\.jobIDs) { enqueue(id) }
      begin()
    }
  }

  /// The submission's jobs have a place now.
  package func placed(_ name: String) {
    serveLater { [self] in
      guard state.submissions[name]?.isPlaced == false else { return }
      recordSurely([.placed(name)])
    }
  }

  /// What follows the end of the submission's last job has been done: the queue forgets it, unless a job of it goes on again
  /// by now.
  package func concluded(_ name: String) {
    serveLater { [self] in
      guard let submission = state.submissions[name], state.ends(of: name) != nil else { return }
      if submission.jobIDs.contains(where: dispatcher.running.contains) {
        forgottenWhenStopped.insert(name)
      } else {
        forgottenCount += submission.jobs.count
        recordSurely([.forgotten(name)])
      }
    }
  }

  /// Does what a person asked for to some jobs; says of each what became of it, in order.
  package func command(_ command: QueueCommand, _ ids: [JobID]) throws -> [QueueCommand.Answer] {
    try serve {
      let answers = ids.map { command.answer($0, state.jobs[$0], isRunning: dispatcher.running.contains($0)) }
      try record(answers.compactMap(\.record))
      for answer in answers where answer.record != nil { followUp(command, answer.id) }
      begin()
      return answers
    }
  }

  private func followUp(_ command: QueueCommand, _ id: JobID) {
    let isRunning = dispatcher.running.contains(id)
    switch command {
    case .pause:
      notBefore[id] = nil
      if isRunning { executor.askToStop(id, .pause) }
    case .cancel:
      notBefore[id] = nil
      if state.jobs[id]?.beginsFromNothing == true {
        // What there is belongs to the attempt before. Should it stay, the next restart tries again.
        do { try executor.reset(id) } catch { log("\(id): \(error)") }
      }
      if isRunning { executor.askToStop(id, .cancel) } else { settle(id, JobEnd(.cancelled)) }
    case .resume, .restart: if !isRunning { enqueue(id) }
    }
  }
}

extension JobEntry {
  fileprivate var mayGoOn: Bool {
    if case .ended(let end) = status { end.kind == .failed || end.kind == .cancelled } else { false }
  }
}
