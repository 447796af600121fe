import Experiments
import Foundation
import JSON

/// A bound that the daemon is meant to keep, and what was measured.
struct Promise {
  var text: String
  var measured: String
  var isKept: Bool

  var json: JSONValue {
    .object([
      .init("promise", .string(text)), .init("measured", .string(measured)), .init("kept", .bool(isKept)),
    ])
  }
}

/// What a benchmark prints: a table and promises for people, or one JSON value.
struct BenchmarkReport {
  /// The subcommand.
  var name: String
  /// What it measures, after the name.
  var title: String
  /// The first row is the header; the first column is text, the others are numbers.
  var table: [[String]]
  var promises: [Promise]
  /// Every figure, for programs.
  var figures: JSONValue

  func print(asJSON: Bool) {
    let text =
      asJSON
      ? JSONValue.object([
        .init("benchmark", .string(name)), .init("figures", figures),
        .init("promises", .array(promises.map(\.json))),
      ]).pretty + "\n" : self.text
    FileHandle.standardOutput.write(Data(text.utf8))
  }

  private var text: String {
    let verdicts = promises.map { promise in
      [promise.isKept ? "kept" : "BROKEN", promise.text + ":", promise.measured]
    }
    let lines = ["\(name): \(title)"] + Self.aligned(table) + [""] + Self.aligned(verdicts, leftColumns: 3)
    return lines.joined(separator: "\n") + "\n\n"
  }

  /// Rows as lines, the first columns flush left and the others flush right.
  private static func aligned(_ rows: [[String]], leftColumns: Int = 1) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column < leftColumns ? cell + padding : padding + cell
      }
      var line = "  " + cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  /// A line on stderr that tells how far a benchmark is.
  static func progress(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}

extension Double {
  /// With so many digits behind the point.
  func digits(_ count: Int) -> String { String(format: "%.\(count)f", self) }

  /// A fraction as a percentage.
  var percent: String { String(format: "%+.2f%%", 100 * self) }
}
