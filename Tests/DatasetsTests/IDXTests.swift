import Foundation
import TensorCore
import Testing

@testable import Datasets

struct IDXTests {
  @Test func readsImagesAndLabels() throws {
    let set = try SmallSet().load()
    #expect(set.name == .idx)
    #expect(set.shape == ImageShape(channels: 1, height: 2, width: 3))
    #expect(set.classes == 3)
    #expect(set.train.allLabels == [0, 2, 1, 2])
    #expect(set.validation.allLabels == [2, 0, 0])
    for index in 0..<4 {
      #expect(set.train.image(index) == Array(pattern(24)[(index * 6)..<(index * 6 + 6)]))
    }
    #expect(set.validation.image(2) == Array(pattern(18)[12..<18]))
    #expect(set.train.whiteLevel == 255)
  }

  @Test func readsChannels() throws {
    var files = SmallSet()
    files.trainImages = idx([4, 3, 2, 1], pattern(24))
    files.validationImages = idx([3, 3, 2, 1], pattern(18))
    let set = try files.load()
    #expect(set.shape == ImageShape(channels: 3, height: 2, width: 1))
    #expect(set.train.image(3) == Array(pattern(24)[18..<24]))
  }

  @Test func channelsThatLookLastAreNoticed() throws {
    func notices(_ dimensions: [Int]) throws -> [String] {
      let pixels = dimensions.reduce(1, *)
      var files = SmallSet()
      files.trainImages = idx([4] + dimensions, pattern(4 * pixels))
      files.validationImages = idx([3] + dimensions, pattern(3 * pixels))
      return try files.load().notices
    }
    let notice = try #require(try notices([6, 8, 3]).first)
    #expect(notice.contains("4x6x8x3 are read as 6 channels of 8x3 pixels: channels come first"))
    #expect(try notices([6, 8, 1]).count == 1 && notices([6, 8, 4]).count == 1)
    for usual in [[3, 8, 3], [1, 3, 4], [4, 4, 1], [6, 8, 2], [8, 3]] { #expect(try notices(usual) == []) }
  }

  /// Also where a limit leaves but one class.
  @Test func labelsThatAreAllAlikeAreNoticed() throws {
    var files = SmallSet()
    files.trainLabels = idx([4], [2, 2, 2, 0])
    #expect(try files.load().notices == [])
    let notice = "all 3 training labels are 2: an accuracy of 100% says nothing then"
    #expect(try files.load(trainLimit: 3).notices == [notice])
    #expect(try files.load(trainLimit: 1).notices == [])
    files.validationLabels = idx([3], [2, 2, 2])
    #expect(try files.load().notices == [notice.replacing("training", with: "validation")])
  }

  @Test func readsOneImageOfOnePixel() throws {
    let files = SmallSet(
      trainImages: idx([1, 1, 1], [7]), trainLabels: idx([1], [0]), validationImages: idx([1, 1, 1], [9]),
      validationLabels: idx([1], [0]))
    let set = try files.load()
    #expect(set.train.image(0) == [7])
    #expect(set.classes == 1)
  }

  @Test func limitsAreViews() throws {
    let set = try SmallSet().load(trainLimit: 2, validationLimit: 100)
    #expect(set.train.count == 2)
    #expect(set.validation.count == 3)
    #expect(set.classes == 3)
    #expect(set.train.image(1) == Array(pattern(24)[6..<12]))
    let whole = try SmallSet().load()
    #expect(
      whole.train.withImage(1) { $0.baseAddress } == whole.train.prefix(2).withImage(1) { $0.baseAddress })
  }

  @Test(arguments: [0, -1]) func limitsLeaveASample(limit: Int) throws {
    let error = try #require(throws: DatasetError.self) { try SmallSet().load(trainLimit: limit) }
    #expect(error.kind == .emptySet)
    #expect(error.description.contains("train_limit"))
  }

  @Test func wrongMagicNumber() throws {
    let folder = try TemporaryFolder()
    let file = try folder.source(idx([4], [0, 1, 2, 3]), "images")
    let error = try #require(throws: DatasetError.self) { try IDXFile(file, ranks: [3]) }
    #expect(error.kind == .wrongMagicNumber)
    #expect(error.offset == 0)
    #expect(
      error.description.hasPrefix(
        "\(folder.path)/images: wrong magic number 0x00000801 at offset 0, expected 0x00000803 (unsigned bytes, "
          + "3 dimensions): "))
    let own = try #require(throws: DatasetError.self) { try IDXFile(file, ranks: [3, 4]) }
    #expect(own.description.contains("expected 0x00000803 or 0x00000804"))
    let floats = try folder.source([0, 0, 0x0d, 3] + pattern(40), "floats")
    #expect(
      try #require(throws: DatasetError.self) { try IDXFile(floats, ranks: [3]) }.kind == .wrongMagicNumber)
  }

  @Test func truncationAtEveryByte() throws {
    let folder = try TemporaryFolder()
    let whole = idx([4, 2, 3], pattern(24))
    for length in 0..<whole.count {
      let file = try folder.source(Array(whole.prefix(length)), "images")
      let error = try #require(throws: DatasetError.self) { try IDXFile(file, ranks: [3]) }
      #expect(error.kind == .truncatedFile)
      #expect(error.offset == length)
      let expected = length < 16 ? 16 : 40
      #expect(error.problem == "truncated: found \(length) bytes, expected \(expected)")
      #expect(error.file == file.path)
    }
  }

  @Test func truncationOfFourDimensions() throws {
    let folder = try TemporaryFolder()
    let whole = idx([1, 1, 1, 1], [5])
    for length in 0..<whole.count {
      let file = try folder.source(Array(whole.prefix(length)), "images")
      #expect(
        try #require(throws: DatasetError.self) { try IDXFile(file, ranks: [3, 4]) }.kind == .truncatedFile)
    }
    #expect(
      try IDXFile(try folder.source(whole, "images"), ranks: [3, 4]).header.dimensions == [1, 1, 1, 1])
  }

  @Test func tooLong() throws {
    let folder = try TemporaryFolder()
    let file = try folder.source(idx([2], [0, 1, 2]), "labels")
    let error = try #require(throws: DatasetError.self) { try IDXFile(file, ranks: [1]) }
    #expect(error.kind == .tooLongFile)
    #expect(error.offset == 10)
    #expect(error.problem.contains("found 11 bytes, expected 10 bytes, the first extra one at offset 10"))
  }

  @Test func emptySet() throws {
    let folder = try TemporaryFolder()
    let file = try folder.source(idx([0, 28, 28], []), "images")
    let error = try #require(throws: DatasetError.self) { try IDXFile(file, ranks: [3]) }
    #expect(error.kind == .emptySet)
    #expect(error.offset == 4)
  }

  @Test(arguments: ["images", "images.gz"])
  func impossibleDimensions(name: String) throws {
    let folder = try TemporaryFolder()
    let huge = Int(UInt32.max)
    for (dimensions, kind, offset) in [
      ([3, 0, 28], DatasetError.Kind.wrongDimensions, 8), ([3, 28, 0], .wrongDimensions, 12),
      ([huge, 2, huge], .wrongDimensions, 12), ([huge, huge, 1], .wrongDimensions, 8),
      ([huge, huge / 4, 1], .truncatedFile, 40), ([huge, 28, 28], .truncatedFile, 40),
    ] {
      let bytes = idx(dimensions, pattern(24))
      let file = try folder.source(name.hasSuffix(".gz") ? gzip(bytes) : bytes, name)
      let error = try #require(throws: DatasetError.self) { try IDXFile(file, ranks: [3]) }
      #expect(error.kind == kind, "\(dimensions)")
      #expect(error.offset == offset, "\(dimensions)")
    }
  }

  @Test func validationLabelOutOfRange() throws {
    var files = SmallSet()
    files.validationLabels = idx([3], [2, 0, 3])
    let error = try #require(throws: DatasetError.self) { try files.load(validationLimit: 1) }
    #expect(error.kind == .labelOutOfRange)
    #expect(error.offset == 10)
    #expect(error.file.hasSuffix("/d"))
    #expect(error.problem == "label 3 out of range at offset 10, the largest allowed is 2")
  }

  @Test func differentCounts() throws {
    var files = SmallSet()
    files.trainLabels = idx([5], [0, 2, 1, 2, 0])
    let error = try #require(throws: DatasetError.self) { try files.load() }
    #expect(error.kind == .mismatch)
    #expect(error.problem.contains("5 labels (the number at offset 4) for the 4 images of "))
    #expect(error.problem.hasSuffix("/a"))
  }

  @Test func differentShapes() throws {
    var files = SmallSet()
    files.validationImages = idx([3, 3, 2], pattern(18))
    let error = try #require(throws: DatasetError.self) { try files.load() }
    #expect(error.kind == .wrongDimensions)
    #expect(error.problem == "images of 1x3x2 by the dimensions at offset 8, expected 1x2x3")
  }

  @Test func missingAndUnreadable() throws {
    let folder = try TemporaryFolder()
    let missing = SourceFile(path: folder.path + "/none")
    #expect(try #require(throws: DatasetError.self) { try IDXFile(missing, ranks: [1]) }.kind == .missingFile)
    let directory = SourceFile(path: folder.path)
    let error = try #require(throws: DatasetError.self) { try IDXFile(directory, ranks: [1]) }
    #expect(error.kind == .unreadableFile)
    #expect(error.problem == "is not a regular file" && !error.mayPass)
  }

  /// The disk's fault, or that of what else runs, may be gone at the next try; a permission will not.
  @Test func whatTheMachineIsToBlameFor() {
    for (code, mayPass) in [(EIO, true), (ENOMEM, true), (EMFILE, true), (EACCES, false), (EISDIR, false)] {
      let error = DatasetError.unreadable(SourceFile(path: "f"), "cannot be opened", code: code)
      #expect(error.mayPass == mayPass && error.kind == .unreadableFile, "\(error)")
    }
  }

  @Test func ownFilesMayBeCompressed() throws {
    let folder = try TemporaryFolder()
    let small = SmallSet()
    let files = try SmallSet(
      trainImages: gzip(small.trainImages), trainLabels: gzip(small.trainLabels),
      validationImages: gzip(small.validationImages), validationLabels: gzip(small.validationLabels)
    ).write(to: folder, suffix: ".gz")
    // Named without .gz, they are found with it.
    let bare = IDXFiles(
      trainImages: folder.path + "/a", trainLabels: files.trainLabels,
      validationImages: folder.path + "/c", validationLabels: files.validationLabels)
    let set = try Dataset.load(DatasetSource(idx: bare), in: folder.data)
    #expect(set.train.image(3) == Array(pattern(24)[18..<24]))
    #expect(set.validation.allLabels == [2, 0, 0])
  }
}
