/// A file to read, and whose it is: that decides what to advise when it is broken.
struct SourceFile: Sendable, Hashable {
  let path: String
  /// The official file that it should be; `nil` for a user's own.
  let official: OfficialFile?

  init(path: String, official: OfficialFile? = nil) {
    self.path = path
    self.official = official
  }

  /// By its name; gzip content under another name is recognized when it is read.
  var isNamedGzip: Bool { path.hasSuffix(".gz") }

  /// What to do about broken content.
  var repair: String {
    if let official {
      "download the official file \(official.name) of \(official.dataset.rawValue) again; "
        + "`bitlab data verify` checks it"
    } else {
      "write the file again, as IDX with unsigned bytes"
    }
  }

  /// Says which offsets and lengths are meant where there are two.
  var decompressedNote: String { isNamedGzip ? " (decompressed)" : "" }
}
