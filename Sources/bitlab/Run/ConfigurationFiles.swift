import Experiments

/// The configs of a command line: all read and checked before anything is done with one.
enum ConfigurationFiles {
  /// One config that was asked for.
  struct Loaded {
    var file: ConfigurationFile
    var result: Result<Experiment, ConfigurationError>
  }

  /// Reads the files; those that are not there are reported and give no element.
  ///
  /// What `--set` says is set in each.
  ///
  /// - Returns: the configs, and the exit code that unreadable or wrong ones ask for.
  /// - Throws: `UsageError` for what cannot be set, and for patterns of `--only` that no run has.
  static func load(_ arguments: Arguments, _ console: Console) throws -> (loaded: [Loaded], exitCode: Int32) {
    var exitCode = ExitCode.done
    var loaded: [Loaded] = []
    if arguments.operands.count(where: { $0 == "-" }) > 1 {
      throw UsageError(
        "standard input can be read once: found `-` \(arguments.operands.count { $0 == "-" }) times")
    }
    for path in arguments.operands {
      let file: ConfigurationFile
      do {
        file = try ConfigurationFile(reading: path)
      } catch {
        console.diagnostics("\(error)")
        if exitCode == ExitCode.done { exitCode = ExitCode.noInput }
        continue
      }
      var used = file
      do {
        used = try file.setting(arguments.overrides)
        loaded.append(Loaded(file: used, result: .success(try Experiment(used))))
      } catch let problem as ConfigurationOverride.Problem {
        throw UsageError("--set \(problem)")
      } catch let error as ConfigurationError {
        console.diagnostics(used.problems(error, original: file))
        // Where the file alone is right, the command line is wrong.
        let isSlip = exitCode != ExitCode.configuration && (try? Experiment(file)) != nil
        exitCode = isSlip ? ExitCode.usage : ExitCode.configuration
        loaded.append(Loaded(file: used, result: .failure(error)))
      }
    }
    if exitCode == ExitCode.done { try checkPatterns(arguments.only, loaded) }
    return (loaded, exitCode)
  }

  /// A pattern that means no run is a slip, and training nothing would not tell of it.
  private static func checkPatterns(_ only: [Glob], _ loaded: [Loaded]) throws {
    let ids = loaded.compactMap { try? $0.result.get() }.flatMap { Plan($0).runs.map(\.id) }
    for pattern in only where !ids.contains(where: pattern.matches) {
      let near = Nearest.name(to: pattern.text, among: ids).map { ": did you mean `\($0)`?" }
      let shown = ids.prefix(4).joined(separator: ", ") + (ids.count > 4 ? ", ..." : "")
      throw UsageError("--only: no run is called `\(pattern.text)`" + (near ?? ": there are \(shown)"))
    }
  }
}
