import Files
import Foundation
import Testing

/// A file of Tests/Fixtures: what PyTorch computed. README.md there says what each one holds.
struct Fixture: Sendable {
  let name: String
  let metadata: [String: String]
  private let tensors: [String: SafetensorsFile.Tensor]

  static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures").path

  /// The names, without their ending, of all files there are.
  static let allNames: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
    .filter { $0.hasSuffix(".safetensors") }.map { String($0.dropLast(".safetensors".count)) }.sorted()

  /// The names that begin so.
  static func names(_ prefix: String) -> [String] { allNames.filter { $0.hasPrefix(prefix) } }

  static func path(_ name: String) -> String { "\(folder)/\(name).safetensors" }

  init(_ name: String) throws {
    let file = try SafetensorsFile(reading: Self.path(name), in: POSIXFileSystem())
    self.name = name
    metadata = file.metadata
    tensors = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0) })
  }

  var tensorNames: Set<String> { Set(tensors.keys) }

  func has(_ tensor: String) -> Bool { tensors[tensor] != nil }

  func values(_ tensor: String) throws -> [Float] { try self.tensor(tensor).values }

  func shape(_ tensor: String) throws -> [Int] { try self.tensor(tensor).shape }

  /// Whole numbers, kept as float32.
  func integers(_ tensor: String) throws -> [Int] { try values(tensor).map { Int($0) } }

  /// A hyperparameter, as PyTorch's double has it.
  func number(_ key: String) throws -> Double {
    try #require(metadata[key].flatMap(Double.init), "\(name): no number \(key) in the metadata")
  }

  private func tensor(_ tensor: String) throws -> SafetensorsFile.Tensor {
    try #require(tensors[tensor], "\(name): no tensor \(tensor)")
  }
}
