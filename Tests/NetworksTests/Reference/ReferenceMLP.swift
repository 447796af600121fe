import Networks

/// The multilayer perceptron: linear layers with ReLU between them.
final class ReferenceMLP: ReferenceNetwork {
  private var layers = 0
  /// Each layer's input before and after its quantization.
  private var inputs: [Table] = []
  private var rounded: [Table] = []

  override func forward(_ images: Table) -> Table {
    guard let mlp = specification.architecture as? MLPSpecification else { fatalError("not an MLP") }
    layers = mlp.hidden.count + 1
    (inputs, rounded) = ([], [])
    var x = images
    for index in 0..<layers {
      inputs.append(x)
      rounded.append(linearInput(x, "layers.\(index)"))
      x = linear(rounded[index], "layers.\(index)")
      if index + 1 < layers {
        residues.note(distances: x.values.map(abs), blur: Residues.weightBlur)
        x = x.map { max($0, 0) }
      }
    }
    return x
  }

  override func backward(_ dlogits: Table) {
    var dy = dlogits
    for index in (0..<layers).reversed() {
      let dx = linearBackward(dy, x: rounded[index], "layers.\(index)")
      if index == 0 { return }
      dy = combine(linearInputBackward(dx, x: inputs[index]), inputs[index]) { $1 > 0 ? $0 : 0 }
    }
  }
}
