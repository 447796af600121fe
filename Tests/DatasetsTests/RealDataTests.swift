import Foundation
import Testing

@testable import Datasets

/// The folder with the real sets, of which each may be absent.
private let realData = ProcessInfo.processInfo.environment["BITLAB_DATA"].map { DataFolder($0) }

private let presentSets = (realData.map(DatasetListing.all) ?? []).filter { $0.isPresent && !$0.isBuiltIn }
  .map(\.name)

@Suite(.enabled(if: !presentSets.isEmpty, "BITLAB_DATA names no folder with data sets"))
struct RealDataTests {
  @Test(arguments: presentSets) func loadsWhole(name: DatasetName) throws {
    let set = try Dataset.load(DatasetSource(name), in: #require(realData))
    let facts = try #require(name.facts)
    #expect(set.train.count == facts.trainCount)
    #expect(set.validation.count == facts.validationCount)
    #expect(set.shape == facts.shape)
    #expect(set.notices.isEmpty)
    // Every official set has as many samples of each class.
    if name != .mnist {
      let counts = set.train.allLabels.reduce(into: [Int](repeating: 0, count: facts.classes)) { $0[$1] += 1 }
      #expect(counts.allSatisfy { $0 == facts.trainCount / facts.classes })
    }
  }

  @Test(arguments: presentSets) func isOfficial(name: DatasetName) throws {
    for report in DatasetVerification.verify([name], in: try #require(realData)) {
      #expect(report.status == .ok, "\(report.path ?? report.file.name)")
    }
  }
}

private let debianFiles = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"

@Test(
  .enabled(if: FileManager.default.fileExists(atPath: debianFiles), "dataset-fashion-mnist is not installed"))
func debianPackageIsFoundWithoutAsking() throws {
  let folder = try TemporaryFolder()
  let set = try Dataset.load(DatasetSource(.fashionMNIST, trainLimit: 100), in: DataFolder(folder.path))
  #expect(set.train.count == 100)
  #expect(set.validation.count == 10_000)
  #expect(
    DatasetVerification.verify([.fashionMNIST], in: DataFolder(folder.path)).allSatisfy { $0.status == .ok })
}
