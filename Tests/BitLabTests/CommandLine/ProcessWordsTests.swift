import Testing

@testable import bitlab

struct ProcessWordsTests {
  @Test func whatIsUTF8IsTaken() throws {
    let process = try ProcessWords(
      words: [Array("run".utf8), Array("é☕.json".utf8), []], environment: ["BITLAB_DATA": Array("dàta".utf8)])
    #expect(process.words == ["run", "é☕.json", ""] && process.environment == ["BITLAB_DATA": "dàta"])
  }

  @Test(arguments: [[0xFF], Array("caf".utf8) + [0xE9], [0xC0, 0xAF], [0xED, 0xA0, 0x80]])
  func whatIsNotIsRefused(bytes: [UInt8]) {
    #expect(throws: UsageError.self) {
      try ProcessWords(words: [Array("run".utf8), bytes], environment: [:])
    }
    #expect(throws: UsageError.self) { try ProcessWords(words: [], environment: ["BITLAB_DATA": bytes]) }
  }

  /// As `ls | xargs` or a shell's completion hands it over: no other folder is made for it.
  @Test func theProgramMakesNoOtherFolder() throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "tiny.json")
    let shell = #"exec "$0" run tiny.json -q --results "$(printf 'r\377')""#
    let result = try program.shell(shell)
    #expect(result.code == 2 && result.errors.contains("is not UTF-8"), "\(result.errors)")
    let variable = #"BITLAB_DATA="$(printf 'r\377')" exec "$0" data list"#
    #expect(try program.shell(variable).code == 2)
    #expect(try program.names(".").filter { !$0.hasPrefix(".") } == ["tiny.json"])
  }
}
