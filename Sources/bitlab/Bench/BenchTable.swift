import Dispatch
import Experiments
import Foundation
import JSON

/// What a benchmark found: a table for people, and every figure for programs.
struct BenchTable {
  /// One line: its names and figures, in the columns' order.
  struct Row {
    var names: [String]
    var figures: [Double?]
  }

  /// A column of figures.
  struct Column {
    /// The key in JSON, with its unit.
    var key: String
    /// The header of the table.
    var header: String
    var digits = 1
  }

  /// The subcommand.
  var name: String
  /// What was measured and how.
  var title: String
  var nameColumns: [String]
  var columns: [Column]
  var rows: [Row] = []
  /// What was the same for all rows, in each row's JSON.
  var conditions: [JSONMember] = []

  var text: String {
    let header = nameColumns + columns.map(\.header)
    let lines =
      [header]
      + rows.map { row in
        row.names
          + zip(row.figures, columns).map { value, column in
            value.map { String(format: "%.\(column.digits)f", $0) } ?? "-"
          }
      }
    let aligned = AlignedTable.lines(
      lines, isText: nameColumns.map { _ in true } + columns.map { _ in false })
    return (["\(name): \(title)"] + aligned.map { "  " + $0 }).joined(separator: "\n")
  }

  /// An object a row.
  var json: JSONValue {
    .array(
      rows.map { row in
        .object(
          JSONObject(
            zip(nameColumns, row.names).map { .init($0, Int($1).map(JSONValue.integer) ?? .string($1)) }
              + conditions + zip(columns, row.figures).map { .init($0.key, .init($1)) }))
      })
  }
}

/// Time by the clock that never goes back.
enum BenchClock {
  static var seconds: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }

  /// Seconds that `body` takes.
  static func time(_ body: () -> Void) -> Double {
    let start = seconds
    body()
    return seconds - start
  }

  /// Calls `body` until so many seconds have passed, after a few calls that warm up; returns the seconds of each.
  static func times(for limit: Double, warmingUp: Int = 3, _ body: () -> Void) -> [Double] {
    for _ in 0..<warmingUp { body() }
    var times: [Double] = []
    let start = seconds
    repeat { times.append(time(body)) } while seconds - start < limit
    return times
  }

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

/// Runs at once, as the daemon has them: each on a thread of its own.
enum BenchThreads {
  /// Calls `body` with 0 to `count - 1`, and returns when all have ended.
  static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let group = DispatchGroup()
    for number in 0..<count {
      DispatchQueue(label: "bitlab.bench.\(number)", qos: .userInitiated).async(group: group) { body(number) }
    }
    group.wait()
  }
}
