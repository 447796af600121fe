/// A plain matrix of Doubles, row by row.
struct Table {
  let rows: Int
  let columns: Int
  var values: [Double]

  init(rows: Int, columns: Int, _ values: [Double]? = nil) {
    self.rows = rows
    self.columns = columns
    self.values = values ?? [Double](repeating: 0, count: rows * columns)
    precondition(self.values.count == rows * columns)
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  func row(_ index: Int) -> [Double] { Array(values[index * columns..<(index + 1) * columns]) }

  func rows(_ range: Range<Int>) -> Table {
    Table(
      rows: range.count, columns: columns,
      Array(values[range.lowerBound * columns..<range.upperBound * columns]))
  }

  func columns(_ range: Range<Int>) -> Table {
    Table(rows: rows, columns: range.count, (0..<rows).flatMap { row($0)[range] })
  }

  var transposed: Table {
    Table(rows: columns, columns: rows, (0..<columns).flatMap { j in (0..<rows).map { self[$0, j] } })
  }

  /// The largest magnitude.
  var largest: Double { values.reduce(0) { max($0, abs($1)) } }

  func map(_ body: (Double) -> Double) -> Table { Table(rows: rows, columns: columns, values.map(body)) }

  /// Each row by itself.
  func mapRows(_ body: ([Double]) -> [Double]) -> Table {
    Table(rows: rows, columns: columns, (0..<rows).flatMap { body(row($0)) })
  }

  /// The sum of each column, as one row.
  var columnSums: Table {
    Table(rows: 1, columns: columns, (0..<columns).map { j in (0..<rows).reduce(0) { $0 + self[$1, j] } })
  }

  /// Puts `part` at a place, added to what is there.
  mutating func add(_ part: Table, row: Int, column: Int) {
    for i in 0..<part.rows { for j in 0..<part.columns { self[row + i, column + j] += part[i, j] } }
  }
}

/// Element by element.
func combine(_ a: Table, _ b: Table, _ body: (Double, Double) -> Double) -> Table {
  precondition(a.rows == b.rows && a.columns == b.columns)
  return Table(rows: a.rows, columns: a.columns, zip(a.values, b.values).map { body($0, $1) })
}

func + (a: Table, b: Table) -> Table { combine(a, b) { $0 + $1 } }

/// The matrix product, as the textbook has it.
func product(_ a: Table, _ b: Table) -> Table {
  precondition(a.columns == b.rows)
  var result = Table(rows: a.rows, columns: b.columns)
  for i in 0..<a.rows {
    for k in 0..<a.columns {
      for j in 0..<b.columns { result[i, j] += a[i, k] * b[k, j] }
    }
  }
  return result
}

func innerProduct(_ a: Table, _ b: Table) -> Double {
  zip(a.values, b.values).reduce(0) { $0 + $1.0 * $1.1 }
}
