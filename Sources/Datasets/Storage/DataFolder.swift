import Foundation

/// The folder that holds the data sets, and the system's where a package has installed one.
///
/// A file is taken from the first of these places that has it, raw before `.gz` in each. Only a regular file counts, or a
/// link to one: some archives unpack to folders that are named like the files in them. The places are the set's own folder
/// (`mnist/`), where torchvision or the official archive would put it (`MNIST/raw/`), the system package's folder.
package struct DataFolder: Sendable, Hashable {
  package let path: String
  /// Whether system packages' files count; tests say no.
  package let includesSystem: Bool

  package init(_ path: String, includesSystem: Bool = true) {
    self.path = path
    self.includesSystem = includesSystem
  }

  /// The folders where a data set's files are looked for, in order.
  package func folders(of dataset: DatasetName) -> [String] {
    guard let facts = dataset.facts else { return [] }
    let system = includesSystem ? facts.systemFolder : nil
    return facts.folders.map { Self.join(path, $0) } + [system].compactMap { $0 }
  }

  /// Where an official file is, raw or as `.gz`; `nil` where it is in none of the folders.
  package func locate(_ file: OfficialFile) -> String? {
    for folder in folders(of: file.dataset) {
      for name in file.spellings {
        if let found = Self.existing(Self.join(folder, name)) { return found }
      }
    }
    return nil
  }

  /// `path`, or the `.gz` beside where it would be; `nil` where neither is a file.
  static func existing(_ path: String) -> String? {
    [path, path + ".gz"].first { FileVersion(path: $0) != nil }
  }

  /// The official file, ready to read.
  /// - Throws: `missingFile`, saying where it was looked for and how to get it.
  func source(_ file: OfficialFile) throws(DatasetError) -> SourceFile {
    if let path = locate(file) { return SourceFile(path: path, official: file) }
    let folders = folders(of: file.dataset)
    throw DatasetError(
      .missingFile, file: folders.first.map { Self.join($0, file.name) } ?? file.name,
      problem: "no such file, raw or with .gz, of \(file.dataset.rawValue) in "
        + folders.map { $0 + "/" }.joined(separator: ", "),
      remedy:
        "`\(fetchCommand(file.dataset))` puts it into \(folders.first ?? path)/, or name the folder that "
        + "has the data with --data or BITLAB_DATA")
  }

  /// The command that gets what is missing of a data set, into this folder.
  package func fetchCommand(_ dataset: DatasetName) -> String {
    // The variable would have the command look elsewhere.
    let isDefault = path == Self.defaultPath && getenv("BITLAB_DATA") == nil
    let isPlain = path.utf8.allSatisfy { byte in
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        || "/._-+,:@%=".utf8.contains(byte) || byte >= 128
    }
    let word =
      isPlain
      ? path : "'\(path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#))'"
    return "bitlab data fetch \(dataset.rawValue)" + (isDefault ? "" : " --data \(word)")
  }

  /// Where data sets are, if nobody says otherwise.
  package static let defaultPath = "data"

  private static func join(_ folder: String, _ name: String) -> String {
    folder.isEmpty || folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }
}
