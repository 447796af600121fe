/// The names that a file may get where its own may be taken: `<name>.json`, `<name>-2.json`, `<name>-3.json`, ...
///
/// They are valid UTF-8 and short enough for `.error.txt` and what is written aside to be added.
struct RejectedName {
  private static let ending = ".json"
  /// Of 255 that a name may have; numbers, `.error.txt` and `..partial-1` need some.
  private static let longestStem = 200

  private let stem: String

  init(_ name: SpoolName) {
    var stem = name.escaped
    if stem.utf8.suffix(Self.ending.utf8.count).elementsEqual(Self.ending.utf8) {
      stem = String(decoding: stem.utf8.dropLast(Self.ending.utf8.count), as: UTF8.self)
    }
    while stem.utf8.count > Self.longestStem { stem.unicodeScalars.removeLast() }
    self.stem = stem
  }

  subscript(number: Int) -> String {
    stem + (number == 1 ? "" : "-\(number)") + Self.ending
  }

  /// The first of the names, beginning with the file's own, that `isFree`.
  func first(where isFree: (String) -> Bool) -> String {
    var number = 1
    while !isFree(self[number]) { number += 1 }
    return self[number]
  }
}
