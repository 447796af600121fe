import Datasets
import Synchronization

/// The data sets that a process has loaded: each is read once and shared by all runs.
package final class DatasetLibrary: Sendable {
  private let folder: DataFolder
  private let loaded = Mutex<[DatasetSource: Dataset]>([:])

  package init(_ folder: DataFolder) {
    self.folder = folder
  }

  /// Loads the configured data set, or finds it loaded.
  ///
  /// - Parameter configFolder: what the config's paths are relative to.
  package func dataset(
    _ configuration: DatasetConfiguration, configFolder: String
  ) throws(DatasetError) -> Dataset {
    let source = configuration.source(configFolder: configFolder)
    // The lock is held while reading, so that runs that want the same set at once do not all read it.
    let result = loaded.withLock { loaded -> Result<Dataset, DatasetError> in
      if let dataset = loaded[source] { return .success(dataset) }
      do throws(DatasetError) {
        let dataset = try Dataset.load(source, in: folder)
        loaded[source] = dataset
        return .success(dataset)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}

extension DatasetConfiguration {
  fileprivate func source(configFolder: String) -> DatasetSource {
    guard let idx else {
      return DatasetSource(name, trainLimit: trainLimit, validationLimit: validationLimit)
    }
    func resolve(_ path: String) -> String { Experiment.resolve(path: path, folder: configFolder) }
    let files = IDXFiles(
      trainImages: resolve(idx.trainImages), trainLabels: resolve(idx.trainLabels),
      validationImages: resolve(idx.validationImages), validationLabels: resolve(idx.validationLabels))
    return DatasetSource(idx: files, trainLimit: trainLimit, validationLimit: validationLimit)
  }
}
