/// What is fetched to have official files: a file that is compressed by itself, or an archive of several.
package struct OfficialDownload: Sendable, Hashable {
  package let dataset: DatasetName
  /// The last part of its addresses.
  package let name: String
  /// What its addresses begin with, the makers' own first, then a mirror.
  package let places: [String]
  /// Bytes, for who waits: what decides is the content of the files in it.
  package let byteCount: Int
  package let files: [OfficialFile]

  package init(
    _ dataset: DatasetName, _ name: String, from places: [String], byteCount: Int, files: [OfficialFile]
  ) {
    self.dataset = dataset
    self.name = name
    self.places = places
    self.byteCount = byteCount
    self.files = files
  }

  package var isArchive: Bool { name.hasSuffix(".tar.gz") }

  /// Where it is at one of its places.
  package func address(at place: String) -> String {
    place.hasSuffix("/") ? place + name : "\(place)/\(name)"
  }

  /// All that a data set needs; nothing for one that is built in or a user's own.
  package static func downloads(of dataset: DatasetName) -> [OfficialDownload] {
    let files = OfficialFile.files(of: dataset)
    switch dataset {
    case .digits, .idx: return []
    case .mnist:
      return single(
        files, [9_912_422, 28_881, 1_648_877, 4_542],
        from: [
          "https://ossci-datasets.s3.amazonaws.com/mnist",
          "https://storage.googleapis.com/cvdf-datasets/mnist",
        ])
    case .fashionMNIST:
      return single(
        files, [26_421_880, 29_515, 4_422_102, 5_148],
        from: [
          "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
          "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
        ])
    case .cifar10: return [archive(dataset, "cifar-10-binary.tar.gz", 170_052_171, "cifar10", files)]
    case .cifar100: return [archive(dataset, "cifar-100-binary.tar.gz", 168_513_733, "cifar100", files)]
    }
  }

  private static func single(
    _ files: [OfficialFile], _ byteCounts: [Int], from places: [String]
  ) -> [OfficialDownload] {
    zip(files, byteCounts).map {
      OfficialDownload($0.dataset, $0.name + ".gz", from: places, byteCount: $1, files: [$0])
    }
  }

  private static func archive(
    _ dataset: DatasetName, _ name: String, _ byteCount: Int, _ mirrored: String, _ files: [OfficialFile]
  ) -> OfficialDownload {
    OfficialDownload(
      dataset, name,
      from: [
        "https://www.cs.toronto.edu/~kriz",
        "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/\(mirrored)",
      ],
      byteCount: byteCount, files: files)
  }
}

extension OfficialFile {
  /// Whether what lies there, raw or compressed, is this file.
  package func check(_ path: String) -> DatasetVerification.Status {
    DatasetVerification.check(SourceFile(path: path, official: self), byteCount: byteCount, sha256: sha256)
  }
}
