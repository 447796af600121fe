import Files
import JSON

/// One thing that is wrong with a text file: what was found, what was expected, and where.
package struct Diagnostic: Error, Sendable, Hashable {
  package var position: TextPosition
  package var message: String

  package var line: Int { position.line }
  package var column: Int { position.column }

  package init(position: TextPosition, message: String) {
    self.position = position
    self.message = message.inMessage()
  }
}

/// Everything that is wrong with one experiment file, in the order of the file and without repetitions.
package struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The file as the user named it.
  package var path: String
  package var diagnostics: [Diagnostic]

  package init(path: String, diagnostics: [Diagnostic]) {
    self.path = path
    var seen: Set<Diagnostic> = []
    let distinct = diagnostics.filter { seen.insert($0).inserted }
    // The order of discovery decides between errors at one place, so that the listing never varies.
    self.diagnostics = distinct.enumerated().sorted { a, b in
      (a.element.position, a.offset) < (b.element.position, b.offset)
    }.map(\.element)
  }

  /// A line for each diagnostic, `path:line:column: error: message`.
  package var description: String {
    let path = path.inMessage()
    return diagnostics.map { "\(path):\($0.line):\($0.column): error: \($0.message)" }.joined(separator: "\n")
  }
}
