import Dispatch
import Experiments
import Foundation
import Scheduler

/// Answers the verbs that come over the control socket.
final class ControlService: ControlHandler {
  private let core: DaemonCore
  private let shutdown: @Sendable (Bool) -> Void
  /// Entered while what somebody has waited for is on its way to them.
  private let answering = DispatchGroup()

  /// - Parameter shutdown: called with whether to drain.
  init(_ core: DaemonCore, shutdown: @escaping @Sendable (Bool) -> Void) {
    self.core = core
    self.shutdown = shutdown
  }

  /// Returns when those whose runs have ended by now have been told so.
  func finish() { answering.wait() }

  func handle(_ request: ControlMessage, reply: ControlReply) {
    do {
      switch request.verb {
      case "submit": try submit(request, reply)
      case "status": try status(request, reply)
      case "watch": try watch(request, reply)
      case "wait": try wait(request, reply)
      case "remove":
        let note = try core.remove((request["targets"]?.array ?? []).compactMap(\.string))
        if let note { reply.send(["text": .string(note)]) }
        reply.finish()
      case "shutdown":
        let drains = request["drain"]?.bool ?? false
        reply.finish(["pid": .integer(Int(getpid()))])
        shutdown(drains)
      case let verb?:
        guard let command = QueueCommand(rawValue: verb) else {
          return reply.fail("usage", "the daemon does not know the verb `\(verb)`")
        }
        try steer(command, request, reply)
      case nil: reply.fail("usage", "a request needs the key `verb`")
      }
    } catch let unknown as UnknownTarget {
      reply.fail("usage", "\(unknown)")
    } catch let error as DaemonCore.Engine.NotEnded {
      reply.fail("usage", "\(error)")
    } catch let error as UnfinishedExperiment {
      reply.fail("usage", "\(error)")
    } catch {
      reply.fail("failure", "\(error)")
    }
  }

  private func submit(_ request: ControlMessage, _ reply: ControlReply) throws {
    let configs = (request["configs"]?.array ?? []).compactMap { value -> ConfigurationFile? in
      guard let config = value.object, let path = config["path"]?.string, let text = config["text"]?.string
      else { return nil }
      return ConfigurationFile(
        path: path, bytes: Array(text.utf8),
        overrides: config["set"]?.string.map { [ConfigurationOverride](text: $0) } ?? [])
    }
    let only = (request["only"]?.array ?? []).compactMap(\.string).map(Glob.init)
    for receipt in try core.submit(configs, reuses: request["reuse"]?.bool ?? true, only: only) {
      reply.send([
        "outcome": .string(receipt.outcome.rawValue), "experiment": .string(receipt.experiment),
        "runs": .integer(receipt.runs), "text": .string(receipt.text),
      ])
    }
    reply.finish()
  }

  /// The jobs that a request's `targets` mean; nil for all of them.
  private func targets(_ request: ControlMessage) throws -> Set<JobID>? {
    let words = (request["targets"]?.array ?? []).compactMap(\.string)
    return words.isEmpty ? nil : try core.resolve(words)
  }

  private func status(_ request: ControlMessage, _ reply: ControlReply) throws {
    let wanted = try targets(request)
    if request["brief"]?.bool == true {
      send(Self.batches(core.rows(wanted)), reply)
    } else {
      let runs = core.runs(wanted)
      send(AnyIterator { runs.next()?.message }, reply)
    }
  }

  /// Rows as responses, many in each.
  private static func batches(_ rows: AnyIterator<StatusRow>) -> AnyIterator<ControlMessage> {
    AnyIterator {
      let batch = rows.prefix(StatusRow.mostInResponse).map(\.value)
      return batch.isEmpty ? nil : ["rows": .array(batch)]
    }
  }

  /// Sends responses, some at a time, so that neither other clients nor memory wait for one that reads slowly.
  private func send(_ messages: AnyIterator<ControlMessage>, _ reply: ControlReply) {
    for _ in 0..<100 {
      guard let message = messages.next() else { return reply.finish() }
      reply.send(message)
    }
    let rest = HandedOver(messages)
    reply.whenSent { [self] in
      if !reply.isClosed { send(rest.value, reply) }
    }
  }

  private func steer(_ command: QueueCommand, _ request: ControlMessage, _ reply: ControlReply) throws {
    let wanted = try targets(request)
    guard wanted != nil || request["all"]?.bool == true else {
      return reply.fail("usage", "\(command.rawValue) needs runs or experiments, or --all")
    }
    let state = core.engine.report().state
    // Those that can be restarted are mostly forgotten.
    let all = { [core] in command == .restart ? core.everyJob() : Set(state.jobs.keys) }
    var ids = (wanted ?? all()).sorted {
      (state.jobs[$0]?.sequence ?? -1, $0.description) < (state.jobs[$1]?.sequence ?? -1, $1.description)
    }
    if command == .restart {
      if request["failed"]?.bool == true {
        ids = ids.filter { core.status(of: $0, state)?.hasFailed == true }
      }
      let count =
        request["sure"]?.bool == true ? 0 : ids.count { core.status(of: $0, state) == .completed }
      if count > 0 {
        return reply.fail(
          "question",
          "train \(count == 1 ? "1 completed run" : "\(count) completed runs") again, from nothing?")
      }
    }
    for answer in try core.command(command, ids) {
      // That a run which did not run has ended is in the log already.
      let isLogged = answer.text == JobEnd.Kind.cancelled.rawValue
      if answer.isEffective, !isLogged { core.log.write("\(answer.id): \(answer.text)") }
      reply.send([
        "run": .string("\(answer.id)"), "text": .string(answer.text), "changed": .bool(answer.isEffective),
      ])
    }
    reply.finish()
  }

  /// Ends when all the jobs have; those that are paused keep it waiting.
  private func wait(_ request: ControlMessage, _ reply: ControlReply) throws {
    let state = core.engine.report().state
    // Also what has just ended: who waits wants to know how.
    let newest = state.recentlyEnded.suffix(QueueState.mostRecentlyEnded).map(\.id)
    let ids = try targets(request) ?? Set(state.jobs.keys).union(newest)
    let known = Set(state.jobs.keys)
    let token = core.engine.whenEnded(ids) { [self] ends in
      // What the queue had forgotten by then its files tell.
      let ended = ends.filter { known.contains($0.key) }
      DispatchQueue.global().async(group: answering) { [self] in
        // Whoever has waited reads the curves next.
        core.reports.flush()
        send(Self.batches(core.rows(ids, ended: ended)), reply)
      }
    }
    reply.onClose { [core] in core.engine.stopObserving(token) }
  }

  /// Sends the runs that are under way, and again whenever something changes, until the client goes: as many as a screen
  /// may show, and the numbers of all.
  private func watch(_ request: ControlMessage, _ reply: ControlReply) throws {
    let wanted = try targets(request)
    let follower = Follower(core.engine, reply) { [self] in
      let report = core.engine.report()
      let state = report.state
      let ids = wanted ?? Set(state.jobs.keys)
      let forgotten = wanted == nil ? report.forgottenCount : 0
      let running: Set = ids.filter { state.jobs[$0]?.status.isRunning == true }
      let paused: Set = ids.filter { state.jobs[$0]?.status.isPaused == true }
      let rows = Array(core.rows(running).prefix(StatusRow.mostInResponse))
      let more = core.rows(paused).prefix(StatusRow.mostInResponse - rows.count)
      let ended = ids.count { state.jobs[$0]?.status.hasEnded ?? true }
      let waiting = ids.count - ended - running.count - paused.count
      let update: ControlMessage = [
        "rows": .array((rows + more).map(\.value)), "running": .integer(running.count),
        "paused": .integer(paused.count), "waiting": .integer(waiting), "ended": .integer(ended + forgotten),
        "seconds_left": .init(core.observer.secondsLeft(waiting: waiting)),
      ]
      reply.send(update, replacing: "watch")
    }
    follower.begin()
  }
}

/// Something on its way from one turn of a queue to a later one.
private struct HandedOver<Value>: @unchecked Sendable {
  // Sendable invariant: only one of the turns has it.
  let value: Value

  init(_ value: Value) { self.value = value }
}
