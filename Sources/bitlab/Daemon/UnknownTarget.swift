import Experiments
import Files

/// A word on the command line that means no run and no experiment.
struct UnknownTarget: Error, CustomStringConvertible {
  let description: String

  /// - Parameter names: of the runs and experiments that there are.
  init(_ word: String, among names: some Sequence<String>) {
    let hint = Nearest.name(to: word, among: names).map { ": did you mean `\($0)`?" }
    description = "no run or experiment `\(word.inMessage(upTo: Self.mostShown))`" + (hint ?? "")
  }

  /// Bytes that are shown of a word: what says that it is wrong must fit into a response.
  private static let mostShown = 400
}
