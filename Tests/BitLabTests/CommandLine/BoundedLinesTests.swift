import Testing

@testable import bitlab

struct BoundedLinesTests {
  private func lines(_ capacity: Int) -> BoundedLines { BoundedLines(capacity: capacity) { "\($0) missing" } }

  private func text(_ batch: BoundedLines.Batch?) -> String? {
    batch.map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  @Test func inOrderAndOnce() {
    var lines = lines(100)
    #expect(lines.take() == nil)
    lines.add("a")
    lines.add("b")
    #expect(text(lines.take()) == "a\nb\n")
    #expect(lines.take() == nil)
  }

  @Test func whatFindsNoRoomIsCountedWhereItIsMissing() {
    var lines = lines(6)
    for line in ["a", "b", "c", "d", "e"] { lines.add(line) }
    let batch = lines.take()
    #expect(text(batch) == "a\nb\nc\n2 missing\n" && batch?.count == 5)
    lines.add("f")
    #expect(text(lines.take()) == "f\n")
  }

  @Test func oneLineHasAlwaysRoom() {
    var lines = lines(3)
    lines.add("a long line")
    lines.add("b")
    #expect(text(lines.take()) == "a long line\n1 missing\n")
  }

  /// It is told of together with the next line, not alone: that might fail for ever.
  @Test func whatCouldNotBeWrittenIsToldOfWithTheNextLine() {
    var lines = lines(100)
    lines.add("a")
    lines.add("b")
    lines.lost(lines.take()!)
    #expect(lines.take() == nil)
    lines.add("c")
    let batch = lines.take()!
    #expect(text(batch) == "2 missing\nc\n" && batch.count == 3)
    lines.lost(batch)
    lines.add("d")
    #expect(text(lines.take()) == "3 missing\nd\n")
  }
}

struct ScreenTextTests {
  private var screen = ScreenText(BoundedLines(capacity: 4) { "\($0) missing" })

  /// What takes back so many rows.
  private static func up(_ rows: Int) -> String {
    "\r\u{1B}[K" + String(repeating: "\u{1B}[A\u{1B}[K", count: rows)
  }

  private mutating func take() -> String? {
    screen.take().map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  @Test mutating func onlyTheNewestFrameIsDrawn() {
    for number in 0..<1000 { screen.show(["frame \(number)", "foot"]) }
    #expect(take() == "frame 999\nfoot\n")
    #expect(take() == nil)
    screen.show(["next"])
    #expect(take() == "\(Self.up(2))next\n")
    screen.show([])
    #expect(take() == "\(Self.up(1))")
    screen.add("a")
    #expect(take() == "a\n")
  }

  /// A terminal that has become narrower has wrapped what is longer: that many rows more are to go.
  @Test mutating func wrappedLinesGoAsWell() {
    screen.show([
      String(repeating: "x", count: 10), "\u{1B}[1m" + String(repeating: "▁", count: 9) + "\u{1B}[0m", "",
    ])
    _ = take()
    screen.show(["next"])
    let bytes = screen.take(columns: 4)?.bytes ?? []
    // Three rows, three, and one.
    #expect(String(decoding: bytes, as: UTF8.self) == "\(Self.up(7))next\n")
    screen.show([])
    let last = screen.take(columns: 4)?.bytes ?? []
    #expect(String(decoding: last, as: UTF8.self) == "\(Self.up(1))")
  }

  /// Whoever has a frame to show still comes too late.
  @Test mutating func afterTheEndNoFrameIsDrawn() {
    screen.show(["frame"])
    #expect(take() == "frame\n")
    screen.endFrames()
    screen.show(["late"])
    #expect(take() == "\(Self.up(1))")
    screen.add("a")
    screen.show(["later"])
    #expect(take() == "a\n")
  }

  /// A line stands above the frame for good, whether a new frame comes with it or not.
  @Test mutating func linesStandAboveTheFrame() {
    screen.show(["frame"])
    screen.add("a")
    #expect(take() == "a\nframe\n")
    screen.add("b")
    #expect(take() == "\(Self.up(1))b\nframe\n")
    for line in ["c", "d", "e"] { screen.add(line) }
    screen.show(["new"])
    #expect(take() == "\(Self.up(1))c\nd\n1 missing\nnew\n")
  }
}
