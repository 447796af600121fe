/// The data sets that an experiment can name; the raw value is how its config spells it.
package enum DatasetName: String, Sendable, Hashable, CaseIterable {
  case digits
  case mnist
  case fashionMNIST = "fashion-mnist"
  case cifar100
  /// The user's own IDX files, about which nothing is known before they are read.
  case idx

  /// What is known without reading a file; `nil` for `idx`.
  package var facts: DatasetFacts? {
    switch self {
    case .digits: .digits
    case .mnist: .mnist
    case .fashionMNIST: .fashionMNIST
    case .cifar100: .cifar100
    case .idx: nil
    }
  }
}
