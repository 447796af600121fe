import TensorCore

/// The place of one activation in every workspace: so many rows an image, so many columns.
package struct ActivationSlot: Sendable, Hashable {
  let offset: Int
  let rowsPerImage: Int
  let columns: Int

  /// The same room for so many rows an image, at most its own.
  func with(rowsPerImage: Int) -> ActivationSlot {
    precondition(
      rowsPerImage <= self.rowsPerImage,
      "ActivationSlot: \(rowsPerImage) rows in room for \(self.rowsPerImage)")
    return ActivationSlot(offset: offset, rowsPerImage: rowsPerImage, columns: columns)
  }
}

/// All activations of a network, planned once, so that a training step allocates nothing.
package struct ActivationPlan: Sendable {
  /// Images that a workspace has room for.
  package let images: Int
  /// Values of a workspace.
  package private(set) var count = 0

  package init(images: Int) {
    precondition(images > 0, "ActivationPlan: \(images) images")
    self.images = images
  }

  package mutating func add(rowsPerImage: Int, columns: Int) -> ActivationSlot {
    let slot = ActivationSlot(offset: count, rowsPerImage: rowsPerImage, columns: columns)
    // Each activation begins on a cache line, and an odd number of lines apart, so that equal offsets in neighbouring
    // activations do not fall into one cache set.
    count = Size.sum(count, Size.roundedUp(Size.product(images, rowsPerImage, columns), to: 16) + 16)
    return slot
  }
}

/// Room for one shard's activations and scratch; one thread uses it at a time.
package final class Workspace: Sendable {
  let activations: FloatStorage
  let scratch: FloatStorage

  package init(for network: some Network) throws(OutOfMemory) {
    activations = try FloatStorage(allocating: network.plan.count)
    scratch = try FloatStorage(allocating: network.scratchCount)
  }

  /// The activation's values for the first `images` images.
  package func matrix(_ slot: ActivationSlot, images: Int) -> Matrix {
    activations.matrix(at: slot.offset, rows: images * slot.rowsPerImage, columns: slot.columns)
  }
}

/// What a forward pass works on.
package struct ForwardPass: Sendable {
  /// Images in the shard.
  package let images: Int
  package let parameters: ParameterValues
  package let weights: any ForwardWeights
  package let workspace: Workspace

  package init(
    images: Int, parameters: ParameterValues, weights: any ForwardWeights, workspace: Workspace
  ) {
    self.images = images
    self.parameters = parameters
    self.weights = weights
    self.workspace = workspace
  }

  package subscript(slot: ActivationSlot) -> Matrix { workspace.matrix(slot, images: images) }

  var scratch: Vector { workspace.scratch.all }
}

/// What a backward pass works on: the same, and where the gradients go.
package struct BackwardPass: Sendable {
  package let forward: ForwardPass
  package let panels: WeightPanels
  package let gradients: ParameterValues
  /// Whether gradients are added to what is there, or replace it.
  package var accumulates: Bool

  package init(
    _ forward: ForwardPass, panels: WeightPanels, gradients: ParameterValues, accumulates: Bool
  ) {
    self.forward = forward
    self.panels = panels
    self.gradients = gradients
    self.accumulates = accumulates
  }

  subscript(slot: ActivationSlot) -> Matrix { forward[slot] }

  var images: Int { forward.images }
  var parameters: ParameterValues { forward.parameters }
  var scratch: Vector { forward.scratch }
}
