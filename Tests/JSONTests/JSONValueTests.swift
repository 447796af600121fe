import JSON
import Testing

@Suite struct JSONValueTests {
  @Test func membersAreSetReplacedAndRemoved() {
    var object: JSONObject = ["a": 1, "b": 2]
    object["a"] = 3
    object["c"] = 4
    object["b"] = nil
    #expect(object.members.map(\.key) == ["a", "c"] && object["a"] == 3 && object["b"] == nil)
  }

  @Test func whereAKeyOccursAgainTheFirstOneCounts() {
    let object: JSONObject = [.init("a", 1), .init("b", 2), .init("a", 3)]
    #expect(object["a"] == 1 && object.members.count == 3)
    #expect(JSONValue.object(object)["b"] == 2 && JSONValue.array([])["b"] == nil)
  }

  @Test(arguments: ["0", "-0", "12", "1.5", "-1e5", "1E+05", "0.0", "1e999"])
  func numeralsAreTexts(_ text: String) {
    #expect(JSONNumeral(text)?.text == text)
  }

  @Test(arguments: ["", "-", "01", "+1", ".5", "1.", "1e", "0x1", "inf", "nan", "1 ", "1,5"])
  func otherTextsAreNoNumerals(_ text: String) {
    #expect(JSONNumeral(text) == nil)
  }

  @Test func numbersOfEveryKindHaveAValue() {
    #expect(JSONValue.integer(3).number == 3)
    #expect(JSONValue.number(0.5).number == 0.5)
    #expect(JSONNumeral("2.5e1").map(JSONValue.numeral)?.number == 25)
    #expect(JSONValue.string("1").number == nil)
  }
}
