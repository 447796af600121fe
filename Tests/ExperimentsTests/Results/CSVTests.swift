import Experiments
import Testing

struct CSVTests {
  @Test(arguments: [
    (["a", "b"], "a,b\n"),
    (["", ""], ",\n"),
    (["a,b", "say \"hi\"", "two\nlines", "c\r"], "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"c\r\"\n"),
    (["\"\u{301}", "é"], "\"\"\"\u{301}\",é\n"),
  ])
  func quotesWhatNeedsIt(fields: [String], line: String) throws {
    #expect(CSV.line(fields) == line)
    #expect(try CSV.records(in: line) == [fields])
  }

  @Test(arguments: [
    ("", []), ("a", [["a"]]), ("a,", [["a", ""]]), ("a,b\r\nc,d", [["a", "b"], ["c", "d"]]), ("\n", [[""]]),
    ("\"\",x\n\"a\r\nb\"\n", [["", "x"], ["a\r\nb"]]), ("a\rb\n", [["a\rb"]]),
  ])
  func readsRecords(text: String, records: [[String]]) throws {
    #expect(try CSV.records(in: text) == records)
  }

  @Test(arguments: [
    ("a\n\"b", CSV.SyntaxError(line: 2, problem: "a quoted field has no end")),
    ("\"a\nb\"\nc\"d\n", CSV.SyntaxError(line: 3, problem: "a quote inside a field that is not quoted")),
    ("\"a\"b\n", CSV.SyntaxError(line: 1, problem: "text after a quoted field")),
  ])
  func saysWhereItIsWrong(text: String, error: CSV.SyntaxError) {
    #expect(throws: error) { try CSV.records(in: text) }
  }

  @Test(arguments: [
    (0.1, "0.1"), (1, "1.0"), (1e-5, "1e-05"), (-0.0, "-0.0"), (0.1 + 0.2, "0.30000000000000004"),
    (.leastNonzeroMagnitude, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
    (.infinity, "inf"),
    (-.infinity, "-inf"), (.nan, "nan"), (-.nan, "nan"), (.signalingNaN, "nan"),
  ])
  func writesTheShortestNumberThatReadsBack(value: Double, text: String) {
    #expect(CSVNumber.text(value) == text)
    if !value.isNaN { #expect(Double(text)?.bitPattern == value.bitPattern) }
  }

  @Test func writesFloatsAsShortAsFloatsAreAndMissingAsNothing() {
    #expect(CSVNumber.text(Float(0.1)) == "0.1")
    #expect(CSVNumber.text(-Float.nan) == "nan")
    #expect(CSVNumber.text(nil as Double?) == "")
    #expect(CSVNumber.text(nil as Int?) == "")
  }

  @Test func randomNumbersReadBack() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let value = Double(bitPattern: random.next())
      if !value.isNaN { #expect(Double(CSVNumber.text(value))?.bitPattern == value.bitPattern) }
    }
  }
}
