import JSON
import Testing

/// The bytes of each format.
@Suite struct JSONWriterTests {
  private static let value: JSONObject = [
    "z\"": "\\ \n\t\r\u{8}\u{C}\u{1}\u{1F} é/",
    "n": [.number(.infinity), .number(-0.0), 1.0, 1e20, 0.1, -42],
    "numeral": .numeral(JSONNumeral("1.50e+3")!), "none": [[], [:]], "o": ["b": nil, "a": [true, false]],
  ]

  private func text(_ format: JSONFormat) -> String {
    String(decoding: JSONWriter.bytes(Self.value, as: format), as: UTF8.self)
  }

  @Test func compactHasNoSpace() {
    #expect(
      text(.compact)
        == #"{"z\"":"\\ \n\t\r\u0008\u000c\u0001\u001f é/","n":[null,-0.0,1.0,1e+20,0.1,-42],"#
        + #""numeral":1.50e+3,"none":[[],{}],"o":{"b":null,"a":[true,false]}}"#)
    #expect(JSONWriter.bytes([:], end: "\n") == Array("{}\n".utf8))
  }

  @Test func briefHasAllShortEscapes() {
    #expect(text(.brief).hasPrefix(#"{"z\"":"\\ \n\t\r\b\f\u0001\u001f é/","n":[null"#))
  }

  @Test func canonicalIsSortedAndHasShortNumbers() {
    #expect(
      text(.canonical)
        == #"{"n":[null,0,1,1e+20,0.1,-42],"none":[[],{}],"numeral":1.50e+3,"o":{"a":[true,false],"b":null},"#
        + #""z\"":"\\ \u000a\u0009\u000d\u0008\u000c\u0001\u001f é/"}"#)
    #expect(JSONValue.object(Self.value).canonical == text(.canonical))
    // By bytes, where Swift's order of strings is another one.
    let keys: JSONObject = ["\u{10000}": 1, "\u{FFFF}": 2, "e\u{301}": 3, "f": 4]
    #expect(keys.canonical == "{\"e\u{301}\":3,\"f\":4,\"\u{FFFF}\":2,\"\u{10000}\":1}")
  }

  @Test func prettyHasALineForEachValue() {
    #expect(
      Self.value.pretty == """
        {
          "z\\"": "\\\\ \\n\\t\\r\\u0008\\u000c\\u0001\\u001f é/",
          "n": [
            null,
            -0.0,
            1.0,
            1e+20,
            0.1,
            -42
          ],
          "numeral": 1.50e+3,
          "none": [
            [],
            {}
          ],
          "o": {
            "b": null,
            "a": [
              true,
              false
            ]
          }
        }
        """)
    #expect(JSONValue.string("a\u{7F}").pretty == "\"a\u{7F}\"")
  }

  @Test func everyKindOfValueComesBack() {
    let object: JSONObject = [
      "z": nil, "a": true, "m": false, "i": -42, "big": .integer(.max), "x": 0.1,
      "tiny": .number(.leastNonzeroMagnitude), "s": "text",
      "list": [1, [], [nil, "a"]], "object": ["b": ["c": [:]], "a": 1], "empty": "",
    ]
    for format in [.compact, .pretty, .brief] as [JSONFormat] {
      let bytes = JSONWriter.bytes(object, as: format)
      #expect(JSONParser.parse(bytes, as: JSONSyntax()).value == .object(object))
    }
  }
}
