import Datasets
import Experiments
import Files
import Foundation
import JSON

/// `bitlab data list|verify|fetch [DATASET...]`.
struct DataVerb {
  static let verb = Verb(
    "data", "show the data sets there are, check their files, or fetch them",
    Operands("list|verify|fetch [DATASET...]", .words(actions, then: fetchable), 1...Int.max),
    options: [
      .data,
      Option("from", .address, \.from, "fetch: the folder of a mirror, in place of the known addresses"),
      Option(
        "timeout", .seconds, \.timeout,
        "fetch: seconds without a byte after which an attempt ends (default: 30)"),
    ],
    details: """
      Looks for official files, raw or .gz, in the data folder: mnist/, fashion-mnist/, cifar10/, cifar100/, where torchvision puts them, and where Debian's dataset-fashion-mnist does. `verify` compares their content with the official SHA-256.
      `fetch` gets what is missing or damaged from the makers' address or a mirror, by curl, which heeds http_proxy and https_proxy. What was cut goes on where it ended, with the same command too. A file gets its name when its content is the official one; one that is right is never replaced.
      """,
    exitCodes: [
      (0, "all is well"),
      (65, "a file is damaged, one of a data set that was named is missing, or could not be fetched"),
      (75, "another process fetches into the same folder"),
    ]
  ) { try DataVerb($0, $1).run() }

  private static let actions = ["list", "verify", "fetch"]
  private static let names = DatasetName.allCases.filter { $0.facts != nil }.map(\.rawValue)
  private static let fetchable = DatasetName.allCases
    .filter { !OfficialDownload.downloads(of: $0).isEmpty }.map(\.rawValue)

  private let arguments: Arguments
  private let console: Console
  private let folder: DataFolder

  init(_ arguments: Arguments, _ console: Console) {
    self.arguments = arguments
    self.console = console
    folder = DataFolder(arguments.data)
  }

  func run() throws -> Int32 {
    let action = arguments.operands[0]
    let wanted = try datasets(Array(arguments.operands.dropFirst()))
    if action != "fetch",
      let option = arguments.options.first(where: { ["from", "timeout"].contains($0.name) })
    {
      throw UsageError("`\(option.spelling)` is an option of `data fetch`")
    }
    switch action {
    case "list": return list(wanted)
    case "verify": return verify(wanted)
    case "fetch": return try fetch(wanted)
    case let word:
      let hint = Nearest.name(to: word, among: Self.actions).map { ": did you mean `\($0)`?" }
      throw UsageError("data does not know `\(word)`" + (hint ?? ""))
    }
  }

  // MARK: - list

  private func list(_ wanted: [DatasetName]) -> Int32 {
    let listings = DatasetListing.all(in: folder).filter { wanted.isEmpty || wanted.contains($0.name) }
    if arguments.json {
      console.result(JSONValue.array(listings.map(json)).pretty)
    } else {
      let rows = listings.map(cells)
      console.result(
        AlignedTable.lines(rows, isText: [true, true, true, true]).joined(separator: "\n"))
    }
    let isMissing = listings.contains { wanted.contains($0.name) && !$0.isPresent }
    return isMissing ? ExitCode.data : ExitCode.done
  }

  private func cells(_ listing: DatasetListing) -> [String] {
    let facts = listing.facts
    return [
      listing.name.rawValue, "\(facts.shape)",
      "\(facts.trainCount) + \(facts.validationCount) images, \(facts.classes) classes", place(listing),
    ]
  }

  private func place(_ listing: DatasetListing) -> String {
    if listing.isBuiltIn { return "built in" }
    if listing.isPresent { return FilePath.folder(of: listing.paths[0]) }
    let isPart = listing.missing.count < listing.facts.fileNames.count
    return "missing" + (isPart ? " \(listing.missing.joined(separator: ", "))" : "")
      + ": `\(folder.fetchCommand(listing.name))` gets it (looked in \(listing.searched.joined(separator: ", ")))"
  }

  private func json(_ listing: DatasetListing) -> JSONValue {
    .object([
      .init("dataset", .string(listing.name.rawValue)), .init("present", .bool(listing.isPresent)),
      .init("built_in", .bool(listing.isBuiltIn)),
      .init(
        "shape",
        .array(
          [listing.facts.shape.channels, listing.facts.shape.height, listing.facts.shape.width]
            .map(JSONValue.integer))),
      .init("classes", .integer(listing.facts.classes)), .init("train", .integer(listing.facts.trainCount)),
      .init("validation", .integer(listing.facts.validationCount)),
      .init("files", .array(listing.paths.map(JSONValue.string))),
      .init("missing", .array(listing.missing.map(JSONValue.string))),
    ])
  }

  // MARK: - verify

  private func verify(_ wanted: [DatasetName]) -> Int32 {
    let all = DatasetName.allCases.filter { $0.facts != nil }
    let results = DatasetVerification.verify(wanted.isEmpty ? all : wanted, in: folder)
    if arguments.json {
      console.result(JSONValue.array(results.map(json)).pretty)
    } else {
      for result in results { console.result(text(result)) }
    }
    // A data set that nobody named may be absent, but not half there.
    let present = Set(results.filter { $0.path != nil }.map(\.file.dataset))
    let isBad = results.contains { result in
      switch result.status {
      case .ok: false
      case .damaged: true
      case .missing: wanted.contains(result.file.dataset) || present.contains(result.file.dataset)
      }
    }
    return isBad ? ExitCode.data : ExitCode.done
  }

  private func text(_ result: DatasetVerification) -> String {
    let place = result.path ?? "\(result.file.dataset.rawValue)/\(result.file.name)"
    switch result.status {
    case .ok: return "\(console.styled("ok", .green, inResult: true))       \(place)"
    case .missing(let searched):
      return
        "\(console.styled("missing", .yellow, inResult: true))  \(place): `\(folder.fetchCommand(result.file.dataset))` gets it (looked in \(searched.joined(separator: ", ")))"
    case .damaged(let damage):
      return
        "\(console.styled("damaged", .red, inResult: true))  \(place): \(damage): `\(folder.fetchCommand(result.file.dataset))` gets the official file"
    }
  }

  private func json(_ result: DatasetVerification) -> JSONValue {
    var problem: String?
    if case .damaged(let damage) = result.status { problem = "\(damage)" }
    return .object([
      .init("dataset", .string(result.file.dataset.rawValue)), .init("file", .string(result.file.name)),
      .init("path", .init(result.path)), .init("status", .string(result.status.name)),
      .init("problem", .init(problem)),
    ])
  }

  // MARK: - fetch

  private func fetch(_ wanted: [DatasetName]) throws -> Int32 {
    guard !wanted.isEmpty else {
      throw UsageError("data fetch needs a data set: \(Self.fetchable.joined(separator: ", "))")
    }
    let downloads = wanted.flatMap(OfficialDownload.downloads)
    guard let curl = Curl(environment: ProcessInfo.processInfo.environment, patience: arguments.timeout)
    else {
      console.error(
        "data are fetched by curl, which is not installed: \(Self.byHand(downloads, arguments.from, folder))")
      return ExitCode.data
    }
    let bar = console.isInteractive ? ProgressBar() : nil
    let fetch = DataFetch(
      folder, place: arguments.from, curl: curl,
      progress: { [console] download, count in
        guard let bar, bar.isDue else { return }
        console.show([bar.line(download.name, count, of: download.byteCount, columns: Console.size.columns)])
      },
      say: { [console] in if $1 { console.error($0) } else { console.info($0) } })
    for name in wanted where OfficialDownload.downloads(of: name).isEmpty {
      console.info("\(name.rawValue) is built in")
    }
    var rows: [JSONValue] = []
    var failed: [OfficialDownload] = []
    try console.showingFrames {
      for download in downloads {
        let outcome = try fetch(download)
        if bar != nil { console.show([]) }
        let text = "\(download.dataset.rawValue): \(download.name)"
        switch outcome {
        case .isThere(let paths):
          let place = paths.count == 1 ? paths[0] : paths.first.map { "in \(FilePath.folder(of: $0))" }
          console.info("\(text) is there" + (place.map { ": \($0)" } ?? ""))
        case .fetched: console.info("\(text) is fetched, and is the official one")
        case .failed: failed.append(download)
        }
        rows.append(json(download, outcome))
      }
    }
    if arguments.json { console.result(JSONValue.array(rows).pretty) }
    guard failed.isEmpty else {
      console.error("could not be fetched: \(Self.byHand(failed, arguments.from, folder))")
      return ExitCode.data
    }
    return ExitCode.done
  }

  /// Where files are and where they go, for a person to fetch.
  private static func byHand(_ downloads: [OfficialDownload], _ place: String?, _ folder: DataFolder)
    -> String
  {
    let sets = Dictionary(grouping: downloads, by: \.dataset).values.sorted {
      $0[0].dataset.rawValue < $1[0].dataset.rawValue
    }
    let lines = sets.map { files in
      let places = (place.map { [$0] } ?? files[0].places).map { $0.hasSuffix("/") ? $0 : $0 + "/" }
      return "\(files.map(\.name).joined(separator: ", ")) from \(places.joined(separator: " or ")) into "
        + "\(folder.folders(of: files[0].dataset)[0])/" + (files[0].isArchive ? ", unpacked" : "")
    }
    return "by hand: " + lines.joined(separator: "; ")
  }

  private func json(_ download: OfficialDownload, _ outcome: DataFetch.Outcome) -> JSONValue {
    var (status, problems): (String, [String]) = ("fetched", [])
    switch outcome {
    case .isThere: status = "present"
    case .fetched: break
    case .failed(let found): (status, problems) = ("failed", found)
    }
    return .object([
      .init("dataset", .string(download.dataset.rawValue)), .init("file", .string(download.name)),
      .init("status", .string(status)), .init("problems", .array(problems.map { .string($0) })),
    ])
  }

  private func datasets(_ words: [String]) throws -> [DatasetName] {
    try words.map { word in
      guard let name = DatasetName(rawValue: word), name.facts != nil else {
        let hint = Nearest.name(to: word, among: Self.names).map { ": did you mean `\($0)`?" }
        throw UsageError(
          "unknown data set `\(word)`" + (hint ?? ": expected \(Self.names.joined(separator: ", "))"))
      }
      return name
    }
  }
}
