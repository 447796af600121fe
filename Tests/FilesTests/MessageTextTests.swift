import Testing

@testable import Files

struct MessageTextTests {
  @Test(arguments: ["", "plain", "café ☕ ok", "a \\ \"b\""]) func whatIsPlainStaysSo(text: String) {
    #expect(text.inMessage() == text)
  }

  @Test func controlsAreShown() {
    #expect(
      "a\nb\r\tc\u{1B}[2J\u{7F}\0d\u{202E}e\u{85}".inMessage()
        == #"a\nb\r\tc\u001b[2J\u007f\u0000d\u202ee\u0085"#)
    #expect("a\nb\u{1B}".inMessage(keepsLines: true) == "a\n" + #"b\u001b"#)
    #expect("\r\n".inMessage(keepsLines: true) == #"\r"# + "\n")
  }

  /// Never within a character, and the ellipsis counts.
  @Test(arguments: 3...24) func theLengthIsBounded(bytes: Int) {
    let text = "aé☕🎉\u{1B}b"
    let shown = text.inMessage(upTo: bytes)
    let whole = #"aé☕🎉\u001bb"#
    #expect(shown.utf8.count <= bytes)
    if whole.utf8.count <= bytes {
      #expect(shown == whole)
    } else {
      #expect(shown.hasSuffix("…") && whole.hasPrefix(shown.dropLast()), "\(shown)")
      // No more is left out than has to be.
      #expect(shown.utf8.count > bytes - 6)
    }
  }

  @Test func millionsOfNumbers() {
    let error = FileContentError(
      path: "weights", problem: "found \([Int](repeating: 1, count: 1_000_000)), expected 3",
      remedy: "put it back")
    #expect(error.description.utf8.count <= String.longestMessage)
    #expect(error.description.hasSuffix("…: put it back"))
  }

  @Test func namesOfFilesMayHaveAnyByte() {
    let error = FileError(.open, "a\n\u{1B}]0;title\u{7}", code: 2)
    #expect(error.description.hasPrefix(#"cannot open a\n\u001b]0;title\u0007: "#))
  }

  /// Neither has to do with the disk or with this process's files alone.
  @Test func watchesHaveLimitsOfTheirOwn() {
    let watches = FileError(.watch, "queue", code: 28)
    #expect(watches.description.contains("fs.inotify.max_user_watches") && !watches.isDiskFull)
    #expect(FileError(.watch, "queue", code: 24).description.contains("fs.inotify.max_user_instances"))
    #expect(FileError(.open, "queue", code: 28).isDiskFull)
  }
}
