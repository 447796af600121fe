@preconcurrency import Dispatch
import Experiments
import Foundation
import Scheduler

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
      let batch = rows.prefix(250).map(\.value)
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
    let ids = (wanted ?? Set(state.jobs.keys)).sorted {
      (state.jobs[$0]?.sequence ?? 0) < (state.jobs[$1]?.sequence ?? 0)
    }
    for answer in try core.engine.command(command, ids) {
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
    let ids = try targets(request) ?? Set(core.engine.report().state.jobs.keys)
    let token = core.engine.whenEnded(ids) { [self] in
      DispatchQueue.global().async { [self] in
        // Whoever has waited reads the curves next.
        core.reports.flush()
        send(Self.batches(core.rows(ids)), reply)
      }
    }
    reply.onClose { [core] in core.engine.stopObserving(token) }
  }

  /// Sends the runs that are not over, and again whenever something changes, until the client goes.
  private func watch(_ request: ControlMessage, _ reply: ControlReply) throws {
    let wanted = try targets(request)
    let isBrief = request["brief"]?.bool == true
    let follower = Follower(core.engine, reply) { [self] in
      let state = core.engine.report().state
      let ids = wanted ?? Set(state.jobs.keys)
      let ended = ids.count { state.jobs[$0]?.status.hasEnded ?? true }
      let shown = ids.filter { id in
        switch state.jobs[id]?.status {
        case .running, .paused: true
        default: false
        }
      }
      var update: ControlMessage = [:]
      if isBrief {
        update["rows"] = .array(core.rows(shown).map(\.value))
      } else {
        update["runs"] = .array(core.runs(shown).map { .object($0.message) })
      }
      update["ended"] = .integer(ended)
      update["total"] = .integer(ids.count)
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

/// Looks again soon after the queue has changed, and at least twice a second, off the queue's own thread, until its client
/// goes.
private final class Follower: @unchecked Sendable {
  // Sendable invariant: everything is touched on `queue`.
  private let engine: DaemonCore.Engine
  private let reply: ControlReply
  private let look: @Sendable () -> Void
  private let queue = DispatchQueue(label: "bitlab.follower", qos: .utility)
  private let wake: any DispatchSourceUserDataAdd
  private let timer: any DispatchSourceTimer
  private var token: UUID?

  /// A look copies the queue's state: with thousands of runs that end quickly, not at each of them.
  private static let pause = 0.1
  /// For what changes without the queue.
  private static let interval = 0.5

  init(_ engine: DaemonCore.Engine, _ reply: ControlReply, look: @escaping @Sendable () -> Void) {
    self.engine = engine
    self.reply = reply
    self.look = look
    wake = DispatchSource.makeUserDataAddSource(queue: queue)
    timer = DispatchSource.makeTimerSource(queue: queue)
  }

  func begin() {
    // The sources hold this object until it ends; changes that come closely together wake it once.
    wake.setEventHandler { [self] in
      if reply.isClosed {
        end()
      } else {
        timer.schedule(deadline: .now() + Self.pause, repeating: Self.interval)
      }
    }
    timer.setEventHandler { [self] in if reply.isClosed { end() } else { look() } }
    queue.async { [self] in
      token = engine.observe { [wake] _ in wake.add(data: 1) }
      timer.schedule(deadline: .now(), repeating: Self.interval)
      wake.activate()
      timer.activate()
    }
    reply.onClose { [wake] in wake.add(data: 1) }
  }

  private func end() {
    if let token { engine.stopObserving(token) }
    timer.cancel()
    wake.cancel()
  }
}
