import Datasets
import Files
import Foundation

/// Fetches official files: what comes gets its name when its content is the official one, and not before.
final class DataFetch {
  /// What becomes of a download.
  enum Outcome: Sendable, Hashable {
    /// All of its files are there, and right.
    case isThere(paths: [String])
    case fetched
    /// With what happened at each address, and what was kept.
    case failed([String])
  }

  private let folder: DataFolder
  /// Where the files are, in place of the known addresses.
  private let place: String?
  private let curl: Curl
  /// Seconds before each attempt at an address after the first.
  private let pauses: [Double]
  private let files: any FileSystem = POSIXFileSystem()
  /// Is told how many bytes there are.
  private let progress: (OfficialDownload, Int) -> Void
  private let say: (_ text: String, _ isProblem: Bool) -> Void
  /// Places where nobody answers, or that stall whenever they are asked, with what was said: to wait for them at one file after
  /// the other would help nobody.
  private var hopeless: [String: String] = [:]

  init(
    _ folder: DataFolder, place: String?, curl: Curl, pauses: [Double] = [1, 3],
    progress: @escaping (OfficialDownload, Int) -> Void = { _, _ in },
    say: @escaping (_ text: String, _ isProblem: Bool) -> Void
  ) {
    self.folder = folder
    self.place = place
    self.curl = curl
    self.pauses = pauses
    self.progress = progress
    self.say = say
  }

  /// Where a set's files go.
  func target(_ download: OfficialDownload) -> String { folder.folders(of: download.dataset)[0] }

  /// Throws `FileLock.Held` where another process fetches into the same folder.
  func callAsFunction(_ download: OfficialDownload) throws -> Outcome {
    if download.files.allSatisfy(isRight) {
      return .isThere(paths: download.files.compactMap(folder.locate))
    }
    let target = target(download)
    let part = FilePath.join(target, download.name + ".part")
    var problems: [String] = []
    func note(_ problem: String) {
      problems.append(problem)
      say("\(download.dataset.rawValue): \(problem)", true)
    }
    do {
      try files.createFolders(target)
      let lock = try FileLock(FilePath.join(target, ".fetch.lock"))
      defer { withExtendedLifetime(lock) {} }
      for place in place.map({ [$0] }) ?? download.places {
        let address = download.address(at: place)
        if let why = hopeless[place] {
          note("\(address): not asked, since of another file: \(why)")
          continue
        }
        say("\(download.dataset.rawValue): fetching \(address)", false)
        if let failure = try fetch(download, address, to: part) {
          if failure.isUnreachable || failure.isTooSlow { hopeless[place] = failure.text.inMessage() }
          note("\(address): \(failure.text.inMessage())")
          continue
        }
        if let problem = try take(download, part, into: target) {
          // Going on from other bytes would help nobody.
          if files.exists(part) { try files.remove(part) }
          note("\(address): \(problem): not kept")
          continue
        }
        return .fetched
      }
    } catch let error as FileError {
      note("\(error)")
    }
    if FilePath.isRegularFile(part) {
      note("the first \(byteCount(part)) bytes are kept as \(part): the same command goes on from there")
    }
    return .failed(problems)
  }

  private func isRight(_ file: OfficialFile) -> Bool {
    folder.locate(file).map { file.check($0) == .ok } ?? false
  }

  /// Tries one address, as long as something comes; returns what went wrong.
  private func fetch(
    _ download: OfficialDownload, _ address: String, to part: String
  ) throws -> Curl.Failure? {
    var failure: Curl.Failure?
    var failures = 0
    let atStart = byteCount(part)
    // A server that cannot go on where an attempt ended begins anew each time, beside what another one may go on from.
    let anew = part + ".anew"
    var target = part
    defer { if files.exists(anew) { try? files.remove(anew) } }
    while failures <= pauses.count {
      if failures > 0 {
        let kept = byteCount(target)
        say(
          "\(download.dataset.rawValue): \(failure?.text.inMessage() ?? "it was cut") after \(kept) of "
            + "\(download.byteCount) bytes: trying again", false)
        Thread.sleep(forTimeInterval: pauses[failures - 1])
      }
      if files.exists(anew) { try files.remove(anew) }
      let before = byteCount(target)
      guard case .failed(let found) = try attempt(download, address, target) else {
        if target == anew { try files.rename(anew, to: part) }
        return nil
      }
      if found.cannotContinue, before > 0 {
        // All of it may be there.
        if before >= download.byteCount { return nil }
        target = anew
        continue
      }
      failure = found
      if !found.mayPass { break }
      let more = target == anew ? 0 : byteCount(part) - before
      failures = more > Self.muchMore || more * Self.fewestParts > download.byteCount ? 1 : failures + 1
    }
    if target == anew {
      // What came of this server alone nobody could go on from.
      if atStart == 0, files.exists(part) { try files.remove(part) }
      failure?.text += "; the server sends whole files alone: not kept"
    }
    return failure
  }

  /// Bytes, or that part of the file, that make another attempt worth while, however many there were.
  private static let (muchMore, fewestParts) = (1 << 20, 20)

  /// More came than the official file has, however it is compressed: there may be no end of it.
  private struct TooMuch: Error {}

  private func attempt(_ download: OfficialDownload, _ address: String, _ part: String) throws -> Curl.Outcome
  {
    var count = byteCount(part)
    let most = download.byteCount + download.byteCount / 4 + Self.muchMore
    let file = try files.open(part, .append)
    let outcome: Curl.Outcome
    do {
      outcome = try curl.fetch(address, from: count) { bytes in
        guard count + bytes.count <= most else { throw TooMuch() }
        try files.writeAll(file, bytes)
        count += bytes.count
        progress(download, count)
      }
    } catch is TooMuch {
      try? files.close(file)
      try files.remove(part)
      return .failed(
        .tooMuch("more came than the \(download.byteCount) bytes of the official file: not kept"))
    } catch {
      try? files.close(file)
      throw error
    }
    try files.close(file)
    // Nothing is kept of what has not begun.
    if count == 0, files.exists(part) { try files.remove(part) }
    return outcome
  }

  private func byteCount(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  // MARK: - What came

  /// Checks a download and gives its files their names; returns what is wrong with it.
  private func take(_ download: OfficialDownload, _ part: String, into target: String) throws -> String? {
    guard files.exists(part) else { return "found 0 bytes, expected \(download.byteCount)" }
    guard download.isArchive else {
      let file = download.files[0]
      if let problem = problem(file.check(part)) { return problem }
      try synchronize(part)
      try give(file, part, FilePath.join(target, download.name), in: target)
      return nil
    }
    var unpacked: [OfficialFile: String] = [:]
    defer { for path in unpacked.values where files.exists(path) { try? files.remove(path) } }
    do {
      let archive = try TarReader(part)
      while let entry = try archive.next() {
        guard let file = download.files.first(where: { $0.name == FilePath.name(of: entry.path) }) else {
          continue
        }
        let path = FilePath.join(target, file.name + ".part")
        unpacked[file] = path
        try unpack(archive, to: path)
        if let problem = problem(file.check(path)) { return "\(file.name) in it: \(problem)" }
      }
    } catch let error as DatasetError {
      return error.problem
    }
    if let missing = download.files.first(where: { unpacked[$0] == nil }) {
      return "\(missing.name) is not in it"
    }
    for file in download.files where !isRight(file) {
      try synchronize(unpacked[file]!)
      try give(file, unpacked[file]!, FilePath.join(target, file.name), in: target)
    }
    try files.remove(part)
    return nil
  }

  private func problem(_ status: DatasetVerification.Status) -> String? {
    switch status {
    case .ok: nil
    case .missing: "it is gone"
    case .damaged(let damage): "\(damage)"
    }
  }

  /// Writes the entry that the archive is at. Throws `DatasetError` for a damaged archive, and `FileError`.
  private func unpack(_ archive: TarReader, to path: String) throws {
    let file = try files.open(path, .replace)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    defer { buffer.deallocate() }
    do {
      while true {
        let count = try archive.read(into: buffer)
        if count == 0 { break }
        try files.writeAll(file, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
    } catch {
      try? files.close(file)
      throw error
    }
    try files.close(file)
  }

  private func synchronize(_ path: String) throws {
    let file = try files.open(path, .append)
    do { try files.synchronize(file) } catch {
      try? files.close(file)
      throw error
    }
    try files.close(file)
  }

  /// Gives a file its name; what is there in its place, and wrong, is kept under another one.
  private func give(_ file: OfficialFile, _ part: String, _ path: String, in target: String) throws {
    while let found = folder.locate(file), FilePath.folder(of: found) == target {
      let kept = try DamagedFile.putAside(found, in: files)
      say("\(found) was not the official file: kept as \(kept)", false)
    }
    try files.rename(part, to: path)
    try files.synchronizeFolder(target)
    if let found = folder.locate(file), found != path {
      say("\(found) comes before \(path) and is not the official file: remove it", true)
    }
  }
}
