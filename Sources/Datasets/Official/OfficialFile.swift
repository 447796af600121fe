/// A file of a data set as its makers distribute it, decompressed.
package struct OfficialFile: Sendable, Hashable {
  package let dataset: DatasetName
  package let name: String
  /// The names that it is found under: some distributions unpack IDX files with a dot, `train-images.idx3-ubyte`.
  var spellings: [String] {
    let dotted = name.replacing("-idx", with: ".idx")
    return dotted == name ? [name] : [name, dotted]
  }
  /// Bytes, decompressed.
  package let byteCount: Int
  /// Of the decompressed content, 64 hexadecimal digits.
  package let sha256: String

  package init(_ dataset: DatasetName, _ name: String, _ byteCount: Int, _ sha256: String) {
    self.dataset = dataset
    self.name = name
    self.byteCount = byteCount
    self.sha256 = sha256
  }

  /// A set's files: training images and labels, validation images and labels; for CIFAR-10 and CIFAR-100 training and validation.
  package static func files(of dataset: DatasetName) -> [OfficialFile] {
    all.filter { $0.dataset == dataset }
  }

  /// Every file, set by set in the order of `DatasetName`.
  package static let all = [
    OfficialFile(
      .mnist, "train-images-idx3-ubyte", 47_040_016,
      "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    OfficialFile(
      .mnist, "train-labels-idx1-ubyte", 60_008,
      "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    OfficialFile(
      .mnist, "t10k-images-idx3-ubyte", 7_840_016,
      "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    OfficialFile(
      .mnist, "t10k-labels-idx1-ubyte", 10_008,
      "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    OfficialFile(
      .fashionMNIST, "train-images-idx3-ubyte", 47_040_016,
      "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    OfficialFile(
      .fashionMNIST, "train-labels-idx1-ubyte", 60_008,
      "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    OfficialFile(
      .fashionMNIST, "t10k-images-idx3-ubyte", 7_840_016,
      "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    OfficialFile(
      .fashionMNIST, "t10k-labels-idx1-ubyte", 10_008,
      "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    OfficialFile(
      .cifar10, "data_batch_1.bin", 30_730_000,
      "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    OfficialFile(
      .cifar10, "data_batch_2.bin", 30_730_000,
      "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    OfficialFile(
      .cifar10, "data_batch_3.bin", 30_730_000,
      "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    OfficialFile(
      .cifar10, "data_batch_4.bin", 30_730_000,
      "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    OfficialFile(
      .cifar10, "data_batch_5.bin", 30_730_000,
      "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    OfficialFile(
      .cifar10, "test_batch.bin", 30_730_000,
      "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    OfficialFile(
      .cifar100, "train.bin", 153_700_000,
      "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"),
    OfficialFile(
      .cifar100, "test.bin", 30_740_000,
      "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"),
  ]
}
