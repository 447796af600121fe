import Foundation
import Testing

/// Own IDX files for tests that change them: images of 6 rows and 8 columns in 3 classes, told apart by their first pixel.
struct OwnFiles {
  let folder: String

  /// An experiment's data set that names the files, found beside its config.
  static func dataset(_ rest: String = "", folder: String = "") -> String {
    let files = ["train_images", "train_labels", "validation_images", "validation_labels"]
      .map { #", "\#($0)": "\#(folder)\#($0.replacing("_", with: "-"))""# }.joined()
    return #"{"name": "idx"\#(files)\#(rest)}"#
  }

  /// - Parameter seed: another one makes other pixels and labels.
  static func content(seed: Int) -> [String: Data] {
    var files: [String: Data] = [:]
    for (name, count) in [("train", 20), ("validation", 7)] {
      var images = (0..<count * 48).map { UInt8(($0 * 7 + seed * 31) % 256) }
      for image in 0..<count { images[image * 48] = UInt8((image + seed) % 3 * 120) }
      files["\(name)-images"] = idx([count, 6, 8], images)
      files["\(name)-labels"] = idx([count], (0..<count).map { UInt8(($0 + seed) % 3) })
    }
    return files
  }

  /// An IDX file of unsigned bytes.
  static func idx(_ sizes: [Int], _ bytes: [UInt8]) -> Data {
    var data = Data([0, 0, 8, UInt8(sizes.count)])
    for size in sizes { withUnsafeBytes(of: UInt32(size).bigEndian) { data.append(contentsOf: $0) } }
    return data + bytes
  }

  func path(_ name: String) -> String { folder + "/" + name }

  /// How files come to have other content.
  enum Change: CaseIterable {
    /// By other files that get their names.
    case replaced
    /// By writes into them.
    case overwritten
  }

  func write(seed: Int, _ change: Change = .replaced) throws {
    for (name, content) in Self.content(seed: seed) {
      let url = URL(fileURLWithPath: path(name))
      try content.write(to: url, options: change == .replaced ? .atomic : [])
    }
  }
}
