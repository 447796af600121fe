@preconcurrency import Dispatch
import Experiments
import Foundation
import Scheduler
import Synchronization

/// Answers the verbs that come over the control socket.
final class ControlService: ControlHandler {
  private let core: DaemonCore
  private let shutdown: @Sendable (Bool) -> Void

  /// - Parameter shutdown: called with whether to drain.
  init(_ core: DaemonCore, shutdown: @escaping @Sendable (Bool) -> Void) {
    self.core = core
    self.shutdown = shutdown
  }

  func handle(_ request: ControlMessage, reply: ControlReply) {
    do {
      switch request.verb {
      case "submit": try submit(request, reply)
      case "status": try status(request, reply)
      case "watch": try watch(request, reply)
      case "wait": try wait(request, reply)
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
    } catch let unknown as DaemonCore.UnknownTarget {
      reply.fail("usage", "\(unknown)")
    } catch {
      reply.fail("failure", "\(error)")
    }
  }

  private func submit(_ request: ControlMessage, _ reply: ControlReply) throws {
    let configs = (request["configs"]?.array ?? []).compactMap { value -> ConfigurationFile? in
      guard let config = value.object, let path = config["path"]?.string, let text = config["text"]?.string
      else { return nil }
      return ConfigurationFile(path: path, bytes: Array(text.utf8))
    }
    for receipt in try core.submit(configs) {
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
    return words.isEmpty ? nil : Set(try core.resolve(words))
  }

  private func status(_ request: ControlMessage, _ reply: ControlReply) throws {
    for entry in core.status(try targets(request)) { reply.send(entry.message) }
    reply.finish()
  }

  private func steer(_ command: QueueCommand, _ request: ControlMessage, _ reply: ControlReply) throws {
    let wanted = try targets(request)
    guard wanted != nil || request["all"]?.bool == true else {
      return reply.fail("usage", "\(command.rawValue) needs runs or experiments, or --all")
    }
    let state = core.engine.report().state
    let ids = (wanted ?? Set(state.jobs.keys)).sorted {
      (state.jobs[$0]?.sequence ?? 0) < (state.jobs[$1]?.sequence ?? 0)
    }
    for answer in try core.engine.command(command, ids) {
      if answer.isEffective { core.log.write("\(answer.id): \(answer.text)") }
      reply.send([
        "run": .string("\(answer.id)"), "text": .string(answer.text), "changed": .bool(answer.isEffective),
      ])
    }
    reply.finish()
  }

  /// Ends when all the jobs have; those that are paused keep it waiting.
  private func wait(_ request: ControlMessage, _ reply: ControlReply) throws {
    let wanted = try targets(request)
    let follower = Follower(core.engine, reply) { [core] in
      let state = core.engine.report().state
      let ids = wanted ?? Set(state.jobs.keys)
      guard ids.allSatisfy({ state.jobs[$0]?.status.hasEnded ?? true }) else { return false }
      // Whoever has waited reads the curves next.
      core.reports.flush()
      for entry in core.status(ids) { reply.send(entry.message) }
      reply.finish()
      return true
    }
    follower.begin(every: nil)
  }

  /// Sends the runs that are not over, and again whenever something changes, until the client goes.
  private func watch(_ request: ControlMessage, _ reply: ControlReply) throws {
    let wanted = try targets(request)
    let follower = Follower(core.engine, reply) { [core] in
      let state = core.engine.report().state
      let ids = (wanted ?? Set(state.jobs.keys))
      let ended = ids.count { state.jobs[$0]?.status.hasEnded ?? true }
      let shown = ids.filter { id in
        switch state.jobs[id]?.status {
        case .running, .paused: true
        default: false
        }
      }
      reply.send(
        [
          "runs": .array(core.status(shown).map { .object($0.message) }), "ended": .integer(ended),
          "total": .integer(ids.count),
        ], replacing: "watch")
      return false
    }
    follower.begin(every: 0.5)
  }
}

/// Looks again whenever the queue has changed, off the queue's own thread, until it has what it wants.
private final class Follower: @unchecked Sendable {
  // Sendable invariant: everything is touched on `queue`.
  private let engine: DaemonCore.Engine
  private let reply: ControlReply
  private let look: @Sendable () -> Bool
  private let queue = DispatchQueue(label: "bitlab.follower", qos: .utility)
  private let wake: any DispatchSourceUserDataAdd
  private var timer: (any DispatchSourceTimer)?
  private var token: UUID?

  init(_ engine: DaemonCore.Engine, _ reply: ControlReply, look: @escaping @Sendable () -> Bool) {
    self.engine = engine
    self.reply = reply
    self.look = look
    wake = DispatchSource.makeUserDataAddSource(queue: queue)
  }

  /// - Parameter seconds: also looks so often, for what changes without the queue.
  func begin(every seconds: Double?) {
    // The sources hold this object until it ends.
    wake.setEventHandler { [self] in turn() }
    wake.activate()
    // Changes that come closely together wake it once.
    token = engine.observe { [wake] in wake.add(data: 1) }
    if let seconds {
      let timer = DispatchSource.makeTimerSource(queue: queue)
      timer.schedule(deadline: .now() + seconds, repeating: seconds)
      timer.setEventHandler { [self] in turn() }
      timer.activate()
      self.timer = timer
    }
    reply.onClose { [wake] in wake.add(data: 1) }
    wake.add(data: 1)
  }

  private func turn() {
    guard !wake.isCancelled else { return }
    if reply.isClosed || look() { end() }
  }

  private func end() {
    if let token { engine.stopObserving(token) }
    timer?.cancel()
    timer = nil
    wake.cancel()
  }
}
