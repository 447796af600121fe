/// What there is to say about a data set without reading it.
package struct DatasetListing: Sendable, Hashable {
  package let name: DatasetName
  /// Shape, classes and the official counts.
  package let facts: DatasetFacts
  /// The files found, in the order of `OfficialFile`; empty for the built-in digits.
  package let paths: [String]
  /// The names of the files not found.
  package let missing: [String]
  /// The folders searched, in order.
  package let searched: [String]

  /// Part of the program.
  package var isBuiltIn: Bool { facts.fileNames.isEmpty }

  /// Whether all of its files are there.
  package var isPresent: Bool { missing.isEmpty }

  /// The data sets known by name, in the order of `DatasetName`.
  package static func all(in folder: DataFolder) -> [DatasetListing] {
    DatasetName.allCases.compactMap { name in
      guard let facts = name.facts else { return nil }
      let files = OfficialFile.files(of: name)
      return DatasetListing(
        name: name, facts: facts, paths: files.compactMap(folder.locate),
        missing: files.filter { folder.locate($0) == nil }.map(\.name), searched: folder.folders(of: name))
    }
  }
}
