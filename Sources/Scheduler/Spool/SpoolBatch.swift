import Files

/// A config that was dropped into the watched folder, read whole.
package struct SpooledFile: Hashable, Sendable {
  package let name: String
  package let bytes: [UInt8]
  /// What was read, so that what is removed or rejected later is this and nothing newer.
  package let entry: SpoolEntry

  package init(name: String, bytes: [UInt8], entry: SpoolEntry) {
    self.name = name
    self.bytes = bytes
    self.entry = entry
  }

  package var identity: FileIdentity { entry.identity }
}

/// An entry named like a config that is none: to be rejected, with `reason` as the explanation.
package struct SpoolRefusal: Hashable, Sendable {
  package let entry: SpoolEntry
  package let reason: SpoolRefusalReason

  package init(entry: SpoolEntry, reason: SpoolRefusalReason) {
    self.entry = entry
    self.reason = reason
  }
}

/// Why an entry is not taken. Its description is a sentence for whoever dropped the file.
package enum SpoolRefusalReason: Hashable, Sendable, CustomStringConvertible {
  case notAFile(SpoolEntry.Kind)
  case nameIsNotUTF8
  /// Larger than `limit` bytes.
  case tooLarge(limit: Int)
  case unreadable

  package var description: String {
    switch self {
    case .notAFile(.symbolicLink):
      "this is a symbolic link, which is never followed: copy or move the config itself into the folder"
    case .notAFile(.folder): "this is a folder: drop the configs themselves, one file an experiment"
    case .notAFile(.fifo): "this is a named pipe, not a file: drop a JSON file"
    case .notAFile(.socket): "this is a socket, not a file: drop a JSON file"
    case .notAFile: "this is a device, not a file: drop a JSON file"
    case .nameIsNotUTF8:
      "the name of this file is not valid UTF-8 (shown with each wrong byte as %XX): rename it and drop it again"
    case .tooLarge(let limit): "this file is larger than a config may be (\(limit) bytes)"
    case .unreadable: "this file cannot be read (permission denied): make it readable and drop it again"
    }
  }
}

/// Something worth a line in the log; nothing needs to be done by the program.
package enum SpoolNotice: Hashable, Sendable, CustomStringConvertible {
  /// Stays in the folder without being a config.
  case ignored(SpoolName)
  /// The folder, or a file in it, gives trouble; tried again at the next rescan.
  case failed(FileError)
  /// No events: files are found by the rescan alone, later.
  case notWatching(FileError)
  /// The folder was removed or replaced; the one that is there now is watched.
  case folderReplaced(path: String)

  package var description: String {
    switch self {
    case .ignored(let name): "\(name) is ignored: configs end in .json"
    case .failed(let error): error.description
    case .notWatching(let error): "new files will be found late: \(error)"
    case .folderReplaced(let path): "\(path) was removed or replaced and is watched anew"
    }
  }
}

/// What one look at the watched folder brought, in order of name (bytewise) within each list.
package struct SpoolBatch: Hashable, Sendable {
  package var files: [SpooledFile] = []
  package var refusals: [SpoolRefusal] = []
  package var notices: [SpoolNotice] = []

  package init() {}

  package var isEmpty: Bool { files.isEmpty && refusals.isEmpty && notices.isEmpty }
}
