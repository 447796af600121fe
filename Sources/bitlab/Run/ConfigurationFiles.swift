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
  /// - Returns: the configs, and the exit code that unreadable or wrong ones ask for.
  static func load(_ paths: [String], _ console: Console) -> (loaded: [Loaded], exitCode: Int32) {
    var exitCode = ExitCode.done
    var loaded: [Loaded] = []
    for path in paths {
      let file: ConfigurationFile
      do {
        file = try ConfigurationFile(reading: path)
      } catch {
        console.diagnostics("\(error)")
        if exitCode == ExitCode.done { exitCode = ExitCode.noInput }
        continue
      }
      do {
        loaded.append(Loaded(file: file, result: .success(try Experiment(file))))
      } catch {
        console.diagnostics("\(error)")
        exitCode = ExitCode.configuration
        loaded.append(Loaded(file: file, result: .failure(error)))
      }
    }
    return (loaded, exitCode)
  }
}
