/// What became of checking one official file: the file that training would read, by its decompressed content.
package struct DatasetVerification: Sendable, Hashable {
  /// What was found of a file.
  package enum Status: Sendable, Hashable {
    case ok
    /// In none of the folders searched.
    case missing(searched: [String])
    case damaged(Damage)

    /// `ok`, `missing` or `damaged`.
    package var name: String {
      switch self {
      case .ok: "ok"
      case .missing: "missing"
      case .damaged: "damaged"
      }
    }
  }

  /// What is wrong with a file that is there.
  package enum Damage: Sendable, Hashable, CustomStringConvertible {
    /// Fewer bytes than the official file has.
    case tooShort(found: Int, expected: Int)
    /// More bytes; where they have to be decompressed they are not counted to the end.
    case tooLong(expected: Int)
    case otherContent(foundSHA256: String, expectedSHA256: String)
    /// It cannot be read, or not be decompressed.
    case unreadable(DatasetError)

    package var description: String {
      switch self {
      case .tooShort(let found, let expected): "found \(found) bytes, expected \(expected)"
      case .tooLong(let expected): "found more than the expected \(expected) bytes"
      case .otherContent(let found, let expected): "found SHA-256 \(found), expected \(expected)"
      case .unreadable(let error): error.problem
      }
    }
  }

  package let file: OfficialFile
  /// The file that was checked; `nil` where it is missing.
  package let path: String?
  package let status: Status

  /// Checks every official file of some data sets, by default of all, in order. Reads them once; memory is a small
  /// window.
  package static func verify(
    _ datasets: [DatasetName] = DatasetName.allCases, in folder: DataFolder
  ) -> [DatasetVerification] {
    datasets.flatMap(OfficialFile.files).map { file in
      guard let path = folder.locate(file) else {
        return DatasetVerification(
          file: file, path: nil, status: .missing(searched: folder.folders(of: file.dataset)))
      }
      let status = check(
        SourceFile(path: path, official: file), byteCount: file.byteCount, sha256: file.sha256)
      return DatasetVerification(file: file, path: path, status: status)
    }
  }

  /// Compares a file's decompressed content with what it should be.
  static func check(_ source: SourceFile, byteCount expected: Int, sha256: String) -> Status {
    do {
      let reader = try FileReader.content(of: source)
      let window = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 16)
      defer { window.deallocate() }
      var hash = SHA256()
      var found = 0
      while true {
        let count = try reader.read(into: window)
        if count == 0 { break }
        found += count
        if found > expected { return .damaged(.tooLong(expected: expected)) }
        hash.update(UnsafeRawBufferPointer(rebasing: window[..<count]))
      }
      if found < expected { return .damaged(.tooShort(found: found, expected: expected)) }
      let content = hash.finalized()
      return content == sha256
        ? .ok : .damaged(.otherContent(foundSHA256: content, expectedSHA256: sha256))
    } catch {
      return .damaged(.unreadable(error))
    }
  }
}

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
