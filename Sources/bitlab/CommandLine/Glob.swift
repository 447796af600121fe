import Experiments
import Foundation

/// A pattern of a shell, over names: `*` and `?` stand for what is no slash, `[ab]` for one of those.
struct Glob: Sendable, Hashable {
  let text: String

  init(_ text: String) { self.text = text }

  /// Whether a word is one at all, and not a plain name.
  static func isPattern(_ word: String) -> Bool { word.contains { "*?[".contains($0) } }

  func matches(_ name: String) -> Bool { fnmatch(text, name, FNM_PATHNAME) == 0 }
}

extension Glob {
  /// The experiments that words mean, names or patterns, each once. Throws `UsageError` for a word that means none.
  ///
  /// - Parameter place: where they are looked for.
  static func experiments(_ words: [String], among names: [String], in place: String) throws(UsageError)
    -> [String]
  {
    var found: [String] = []
    for word in words {
      let meant = isPattern(word) ? names.filter(Glob(word).matches) : names.filter { $0 == word }
      if meant.isEmpty {
        let near = Nearest.name(to: word, among: names).map { ": did you mean `\($0)`?" }
        throw UsageError("no experiment `\(word)` in \(place)" + (near ?? ""))
      }
      found += meant.filter { !found.contains($0) }
    }
    return found
  }
}

/// A pattern of experiments, or behind a slash of their runs. One that ends with a slash means none.
struct TargetPattern: Sendable {
  private let experiment: Glob
  private let run: Glob?

  init(_ word: String) {
    let parts = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    experiment = Glob(String(parts[0]))
    run = parts.count > 1 ? Glob(String(parts[1])) : nil
  }

  func matches(experiment name: String) -> Bool { experiment.matches(name) }

  /// Whether it means a run of an experiment that it matches.
  func matches(run id: String) -> Bool { run?.matches(id) ?? true }
}

/// What the words of a command line mean: experiments, runs as `experiment/run`, or patterns of either. Without words, all.
struct Targets {
  private let names: Set<String>
  private let patterns: [(word: String, pattern: TargetPattern)]
  private let words: [String]

  init(_ words: [String]) {
    self.words = words
    names = Set(words.filter { !Glob.isPattern($0) })
    patterns = words.filter(Glob.isPattern).map { ($0, TargetPattern($0)) }
  }

  /// Those that are meant, in their order. Throws `UsageError` for a word that means none, with the nearest name.
  func chosen<Element>(
    of elements: [Element], name: (Element) -> (experiment: String, run: String)
  ) throws(UsageError) -> [Element] {
    if words.isEmpty { return elements }
    var met: Set<String> = []
    let chosen = elements.filter { element in
      let (experiment, run) = name(element)
      var isMeant = false
      for word in [experiment, "\(experiment)/\(run)"] where names.contains(word) {
        met.insert(word)
        isMeant = true
      }
      for (word, pattern) in patterns
      where pattern.matches(experiment: experiment) && pattern.matches(run: run) {
        met.insert(word)
        isMeant = true
      }
      return isMeant
    }
    if let word = words.first(where: { !met.contains($0) }) {
      let names = elements.map(name)
      throw UsageError(
        "\(UnknownTarget(word, among: names.map(\.experiment) + names.map { "\($0.experiment)/\($0.run)" }))")
    }
    return chosen
  }
}
