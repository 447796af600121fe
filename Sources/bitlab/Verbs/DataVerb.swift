import Datasets
import Experiments
import Foundation
import JSON

/// `bitlab data list` and `bitlab data verify [DATASET...]`.
struct DataVerb {
  static let verb = Verb(
    "data", "show the data sets there are, or check their files",
    Operands("list|verify [DATASET...]", .words(["list", "verify"], then: names), 1...Int.max),
    options: [.data],
    details: """
      Looks for official files, raw or .gz, in the data folder: mnist/, fashion-mnist/, cifar100/, where torchvision puts them, and where Debian's dataset-fashion-mnist does. `verify` compares their content with the official SHA-256.
      """,
    exitCodes: [
      (0, "all is well"), (65, "a file is damaged, or one of a data set that was named is missing"),
    ]
  ) { try DataVerb($0, $1).run() }

  private static let names = DatasetName.allCases.filter { $0.facts != nil }.map(\.rawValue)

  private let arguments: Arguments
  private let console: Console
  private let folder: DataFolder

  init(_ arguments: Arguments, _ console: Console) {
    self.arguments = arguments
    self.console = console
    folder = DataFolder(arguments.data)
  }

  func run() throws -> Int32 {
    switch arguments.operands[0] {
    case "list": return try list(Array(arguments.operands.dropFirst()))
    case "verify": return try verify(Array(arguments.operands.dropFirst()))
    case let word:
      let hint = Nearest.name(to: word, among: ["list", "verify"]).map { ": did you mean `\($0)`?" }
      throw UsageError("data does not know `\(word)`" + (hint ?? ""))
    }
  }

  // MARK: - list

  private func list(_ operands: [String]) throws -> Int32 {
    let wanted = try datasets(operands)
    let listings = DatasetListing.all(in: folder).filter { wanted.isEmpty || wanted.contains($0.name) }
    if arguments.json {
      console.result(JSONValue.array(listings.map(json)).pretty)
    } else {
      let rows = listings.map(cells)
      console.result(
        AlignedTable.lines(rows, isText: [true, true, true, true]).joined(separator: "\n"))
    }
    return ExitCode.done
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
    if listing.isPresent { return (listing.paths[0] as NSString).deletingLastPathComponent }
    return
      "missing \(listing.missing.joined(separator: ", ")) (looked in \(listing.searched.joined(separator: ", ")))"
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

  private func verify(_ operands: [String]) throws -> Int32 {
    let wanted = try datasets(operands)
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
        "\(console.styled("missing", .yellow, inResult: true))  \(place) (looked in \(searched.joined(separator: ", ")))"
    case .damaged(let damage):
      return
        "\(console.styled("damaged", .red, inResult: true))  \(place): \(damage): get the official file again"
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
