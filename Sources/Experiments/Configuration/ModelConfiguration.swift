import Networks

/// The network of a run, apart from the data's shape and the precision of its weights.
package struct ModelConfiguration: Sendable, Hashable {
  @AnyArchitecture package var architecture: any Architecture
  package var initialization: Initialization

  package init(architecture: any Architecture, initialization: Initialization = .standard) {
    self.architecture = architecture
    self.initialization = initialization
  }
}
