// What others ask of the queue.
extension QueueEngine {
  /// Adds submissions; returns when they are durable. One whose name is in the queue takes the place of that, which must
  /// have ended. Throws `NameTaken` where it has not, and where the store does not take them: then none is added.
  package func submit(_ submissions: [Submission]) throws {
    try serve {
      for submission in submissions {
        guard state.canTake(submission.name) else { throw NameTaken(name: submission.name) }
      }
      try record(submissions.map { .submitted($0) })
      for submission in submissions { forgottenJobs.add(-submission.jobs.count, of: submission.name) }
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
  /// are left alone. Throws where the store does not take it.
  ///
  /// - Parameter wanted: the names of those that are meant.
  package func continueEnded(_ name: String, _ wanted: Set<String>) throws -> [JobID] {
    try serve {
      guard let submission = state.submissions[name] else { return [] }
      let jobs = state.jobs(of: submission).filter { wanted.contains($0.id.job) }
      goOnWhenStopped.formUnion(jobs.filter(\.entry.status.isBeingCancelled).map(\.id))
      let ids = jobs.filter { $0.entry.mayGoOn }.map(\.id)
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
      for submission in submissions { forgottenJobs.add(-submission.jobs.count, of: submission.name) }
      for id in submissions.flatMap(\.jobIDs) { enqueue(id) }
      begin()
    }
  }

  /// What became of the jobs of a submission that has grown.
  package struct Growth: Sendable {
    /// Jobs that begin or go on.
    package var queued: [JobID] = []
    /// Jobs that had not ended and are not wanted any more.
    package var cancelled: [JobID] = []

    package init(queued: [JobID] = []) { self.queued = queued }
  }

  /// Puts a submission in the place of the one of its name: jobs of it that have ended, or that are new, are queued; those
  /// that have not ended go on, if they are wanted, and are cancelled otherwise.
  ///
  /// Throws where the store does not take it, or where there is no submission of the name any more.
  package func grow(_ submission: Submission, wanted: Set<String>) throws -> Growth {
    try serve {
      guard let former = state.submissions[submission.name] else { throw NameTaken(name: submission.name) }
      let open = state.jobs(of: former).filter { !$0.entry.status.hasEnded }.map(\.id)
      goOnWhenStopped.formUnion(
        open.filter { wanted.contains($0.job) && state.jobs[$0]?.status.isBeingCancelled == true })
      var queued = submission
      let openNames = Set(open.map(\.job))
      queued.jobs = submission.jobs.filter { !openNames.contains($0.name) }
      var growth = Growth(queued: queued.jobIDs)
      try record([.grown(queued)])
      for answer in open.filter({ !wanted.contains($0.job) })
        .map({ QueueCommand.cancel.answer($0, state.jobs[$0], isRunning: dispatcher.running.contains($0)) })
      {
        guard let cancel = answer.record else { continue }
        let wasRestarted = state.jobs[answer.id]?.status.start == .fromNothing
        recordSurely([cancel])
        followUp(.cancel, answer.id, wasRestarted: wasRestarted)
        growth.cancelled.append(answer.id)
      }
      // Those that wait may have another priority now.
      for (id, entry) in state.jobs(of: state.submissions[submission.name]!) where entry.status.isQueued {
        if notBefore[id] == nil, !dispatcher.running.contains(id) { enqueue(id) }
      }
      begin()
      return growth
    }
  }

  /// Forgets everything of submissions whose jobs have ended. Throws `NotEnded` for one of which a job has not.
  ///
  /// It is done also where the store does not take it now: on a full disk removing makes room.
  package func remove(_ names: [String]) throws {
    try serve {
      let running = Set(dispatcher.running.map(\.submission))
      if let name = names.first(where: { !state.canTake($0) || running.contains($0) }) {
        throw NotEnded(name: name)
      }
      recordSurely(names.map { .removed($0) })
      for name in names { forgottenJobs.remove(name) }
    }
  }

  /// A submission cannot be removed: a job of it has not ended, or has not stopped.
  package struct NotEnded: Error, CustomStringConvertible {
    let name: String
    package var description: String {
      "\(name): some of its runs have not ended: cancel them first, and try again when they have stopped"
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
        forgottenJobs.add(submission.jobs.count, of: name)
        recordSurely([.forgotten(name)])
      }
    }
  }

  /// Does what a person asked for to some jobs; says of each what became of it, in order. Throws where the store does not
  /// take it: then nothing is done.
  package func command(_ command: QueueCommand, _ ids: [JobID]) throws -> [QueueCommand.Answer] {
    try serve {
      let answers = ids.map { command.answer($0, state.jobs[$0], isRunning: dispatcher.running.contains($0)) }
      let restarted = Set(ids.filter { state.jobs[$0]?.status.start == .fromNothing })
      try record(answers.compactMap(\.record))
      for answer in answers where answer.record != nil {
        followUp(command, answer.id, wasRestarted: restarted.contains(answer.id))
      }
      begin()
      return answers
    }
  }

  /// - Parameter wasRestarted: whether the job was to begin from nothing when somebody asked.
  private func followUp(_ command: QueueCommand, _ id: JobID, wasRestarted: Bool) {
    let isRunning = dispatcher.running.contains(id)
    switch command {
    case .pause:
      notBefore[id] = nil
      if isRunning { executor.askToStop(id, .pause) }
    case .cancel:
      notBefore[id] = nil
      if wasRestarted {
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
