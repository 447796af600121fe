/// One value for each task of a parallel loop, written by the tasks and read, in order, when the loop has ended.
package final class PerTask<Value: Sendable>: @unchecked Sendable {
  // Sendable invariant: within a loop each task touches its own value only.
  private let values: UnsafeMutableBufferPointer<Value>

  package init(count: Int, initial: Value) {
    values = .allocate(capacity: count)
    values.initialize(repeating: initial)
  }

  deinit {
    values.deinitialize()
    values.deallocate()
  }

  package var count: Int { values.count }

  package subscript(task: Int) -> Value {
    get {
      precondition(task >= 0 && task < values.count, "PerTask: task \(task) outside 0..<\(values.count)")
      return values[task]
    }
    set {
      precondition(task >= 0 && task < values.count, "PerTask: task \(task) outside 0..<\(values.count)")
      values[task] = newValue
    }
  }
}
