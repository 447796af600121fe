import Foundation
import Testing

@testable import Datasets

struct DataFolderTests {
  private let names = OfficialFile.files(of: .mnist).map(\.name)

  /// Writes a small MNIST of all-`pixel` images.
  private func write(_ folder: TemporaryFolder, _ place: String, pixel: UInt8, compressed: Bool = false)
    throws
  {
    let image = [UInt8](repeating: pixel, count: 784)
    for (name, content) in zip(
      names,
      [
        idx([3, 28, 28], image + image + image), idx([3], [9, 0, 1]), idx([2, 28, 28], image + image),
        idx([2], [3, 4]),
      ])
    {
      try folder.write(compressed ? gzip(content) : content, "\(place)/\(name)" + (compressed ? ".gz" : ""))
    }
  }

  private func firstPixel(_ folder: TemporaryFolder, _ name: DatasetName = .mnist) throws -> UInt8 {
    try Dataset.load(DatasetSource(name), in: folder.data).train.image(0)[0]
  }

  @Test func searchOrder() throws {
    let folder = try TemporaryFolder()
    try write(folder, "MNIST/raw", pixel: 1, compressed: true)
    #expect(try firstPixel(folder) == 1)
    try write(folder, "MNIST/raw", pixel: 2)
    #expect(try firstPixel(folder) == 2)
    try write(folder, "mnist", pixel: 3, compressed: true)
    #expect(try firstPixel(folder) == 3)
    try write(folder, "mnist", pixel: 4)
    #expect(try firstPixel(folder) == 4)
  }

  /// Some archives unpack to folders that are named like the files in them.
  @Test func aFolderIsNoFile() throws {
    let folder = try TemporaryFolder()
    try write(folder, "MNIST/raw", pixel: 7)
    let path = "\(folder.path)/mnist/\(names[0])"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    #expect(try firstPixel(folder) == 7)
    let own = try SmallSet().write(to: folder, suffix: "")
    try FileManager.default.moveItem(atPath: own.trainLabels, toPath: own.trainLabels + ".gz")
    try FileManager.default.createDirectory(atPath: own.trainLabels, withIntermediateDirectories: true)
    #expect(DataFolder.existing(own.trainLabels) == own.trainLabels + ".gz")
    try FileManager.default.removeItem(atPath: "\(folder.path)/MNIST")
    let listing = try #require(DatasetListing.all(in: folder.data).first { $0.name == .mnist })
    #expect(!listing.isPresent && listing.missing == names)
  }

  @Test func aLinkToAFileIsOne() throws {
    let folder = try TemporaryFolder()
    try write(folder, "elsewhere", pixel: 8)
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/mnist", withIntermediateDirectories: true)
    for name in names {
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder.path)/mnist/\(name)", withDestinationPath: "../elsewhere/\(name)")
    }
    #expect(try firstPixel(folder) == 8)
  }

  /// As many distributions unpack them, raw or compressed; the official name comes first.
  @Test(arguments: ["mnist", "fashion-mnist"], ["", ".gz"])
  func namesWithADot(place: String, suffix: String) throws {
    let folder = try TemporaryFolder()
    try write(folder, place, pixel: 3, compressed: !suffix.isEmpty)
    for name in names {
      try FileManager.default.moveItem(
        atPath: "\(folder.path)/\(place)/\(name)\(suffix)",
        toPath: "\(folder.path)/\(place)/\(name.replacing("-idx", with: ".idx"))\(suffix)")
    }
    let set: DatasetName = place == "mnist" ? .mnist : .fashionMNIST
    #expect(try firstPixel(folder, set) == 3)
    #expect(DatasetListing.all(in: folder.data).first { $0.name == set }?.isPresent == true)
    #expect(
      DatasetVerification.verify([set], in: folder.data).allSatisfy { $0.path?.contains(".idx") == true })
    try write(folder, place, pixel: 4)
    #expect(try firstPixel(folder, set) == 4)
  }

  @Test(arguments: ["fashion-mnist", "FashionMNIST/raw"]) func fashionFolders(place: String) throws {
    let folder = try TemporaryFolder()
    try write(folder, place, pixel: 5)
    #expect(try firstPixel(folder, .fashionMNIST) == 5)
  }

  @Test func otherSizeThanOfficialIsNoticed() throws {
    let folder = try TemporaryFolder()
    try write(folder, "mnist", pixel: 5)
    let set = try Dataset.load(DatasetSource(.mnist), in: folder.data)
    #expect(set.classes == 10)
    #expect(set.notices == ["mnist has 3 training and 2 validation images, the official one 60000 and 10000"])
  }

  @Test func systemFolderComesLast() {
    #expect(
      DataFolder("data").folders(of: .fashionMNIST) == [
        "data/fashion-mnist", "data/FashionMNIST/raw", "/usr/share/datasets/fashion-mnist",
      ])
    #expect(DataFolder("data/").folders(of: .mnist) == ["data/mnist", "data/MNIST/raw"])
    #expect(DataFolder("").folders(of: .cifar100) == ["cifar100", "cifar-100-binary"])
  }

  @Test func missingSaysWhereAndHow() throws {
    let folder = try TemporaryFolder()
    try write(folder, "mnist", pixel: 5)
    try FileManager.default.removeItem(atPath: "\(folder.path)/mnist/\(names[3])")
    let error = try #require(throws: DatasetError.self) { try firstPixel(folder) }
    #expect(error.kind == .missingFile)
    #expect(error.file == "\(folder.path)/mnist/t10k-labels-idx1-ubyte")
    #expect(error.problem.hasSuffix("in \(folder.path)/mnist/, \(folder.path)/MNIST/raw/"))
    #expect(error.remedy.contains("into \(folder.path)/mnist/"))
    #expect(throws: DatasetError.self) { try Dataset.load(DatasetSource(.cifar100), in: folder.data) }
  }

  @Test func officialShapeAndLabels() throws {
    let folder = try TemporaryFolder()
    try write(folder, "mnist", pixel: 5)
    try folder.write(idx([3], [0, 10, 0]), "mnist/\(names[1])")
    let label = try #require(throws: DatasetError.self) { try firstPixel(folder) }
    #expect(label.kind == .labelOutOfRange)
    #expect(label.offset == 9)
    #expect(label.remedy.contains("bitlab data verify"))
    try folder.write(idx([3, 28, 27], pattern(3 * 28 * 27)), "mnist/\(names[0])")
    let shape = try #require(throws: DatasetError.self) { try firstPixel(folder) }
    #expect(shape.kind == .wrongDimensions)
    try folder.write(idx([3, 1, 28, 28], pattern(3 * 784)), "mnist/\(names[0])")
    #expect(try #require(throws: DatasetError.self) { try firstPixel(folder) }.kind == .wrongMagicNumber)
  }

  /// A command to paste into a shell.
  @Test func theFetchCommandNamesTheFolder() {
    #expect(DataFolder("d").fetchCommand(.mnist) == "bitlab data fetch mnist --data d")
    #expect(DataFolder("my data").fetchCommand(.cifar10) == "bitlab data fetch cifar10 --data 'my data'")
    #expect(DataFolder("it's").fetchCommand(.mnist) == #"bitlab data fetch mnist --data 'it'\''s'"#)
  }
}
