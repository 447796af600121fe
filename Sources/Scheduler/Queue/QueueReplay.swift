import Files

extension QueueState {
  /// What a journal's records add up to.
  ///
  /// - Parameter passedOver: gets a line for each record that says nothing, or does not fit, and is left out.
  package init(replaying records: [[UInt8]], passedOver: (String) -> Void = { _ in }) {
    self.init()
    for (index, bytes) in records.enumerated() {
      let record = try? QueueRecord(decoding: bytes)
      if let record, apply(record) || isSecondEnd(record) { continue }
      let problem = record == nil ? "is of another version" : "does not fit what was before"
      passedOver("the journal's record \(index) \(problem): passed over")
    }
  }

  /// Journals of earlier versions say of a job that was paused and cancelled that it has ended, and then how its last attempt
  /// did.
  private func isSecondEnd(_ record: QueueRecord) -> Bool {
    if case .ended(let id, _) = record { jobs[id]?.status.hasEnded ?? false } else { false }
  }
}
