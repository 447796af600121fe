import TensorCore

/// A multilayer perceptron: linear layers with ReLU between them, logits at the end.
package struct MLPSpecification: Architecture {
  package static let type = "mlp"

  /// Widths of the hidden layers, first to last.
  package var hidden: [Int]
  /// Whether each linear layer has a bias: one value a layer, `hidden.count + 1` in all.
  package var bias: [Bool]

  package init(hidden: [Int], bias: [Bool]) {
    self.hidden = hidden
    self.bias = bias
  }

  package func problem(image: ImageShape) -> String? {
    bias.count == hidden.count + 1 ? nil : "\(bias.count) biases for \(hidden.count + 1) layers"
  }

  package func network(_ builder: inout NetworkBuilder) -> any Network { MLP(self, &builder) }
}

struct MLP: Network {
  let parts: NetworkParts
  let input: ActivationSlot
  let logits: ActivationSlot

  private let inputs: [LinearInput]
  /// Each layer's output, after ReLU but for the last.
  private let outputs: [ActivationSlot]
  /// Gradients of the hidden layers' outputs.
  private let gradients: [ActivationSlot]

  init(_ mlp: MLPSpecification, _ builder: inout NetworkBuilder) {
    let specification = builder.specification
    let widths = [specification.image.count] + mlp.hidden + [specification.classes]
    precondition(
      mlp.bias.count == widths.count - 1, "MLP: \(mlp.bias.count) biases for \(widths.count - 1) layers")
    input = builder.activation(rowsPerImage: 1, columns: widths[0])
    var inputs: [LinearInput] = []
    var outputs: [ActivationSlot] = []
    for index in 0..<widths.count - 1 {
      let bound = InitialValues.uniform(bound: 1 / Float(widths[index]).squareRoot())
      _ = builder.linear(
        "layers.\(index)", rowsPerImage: 1, inputs: widths[index], outputs: widths[index + 1],
        bias: mlp.bias[index], hasInputGradient: index > 0, standard: (bound, bound))
      inputs.append(LinearInput(rowsPerImage: 1, columns: widths[index], &builder))
      outputs.append(builder.activation(rowsPerImage: 1, columns: widths[index + 1]))
    }
    gradients = mlp.hidden.map { builder.activation(rowsPerImage: 1, columns: $0) }
    self.inputs = inputs
    self.outputs = outputs
    logits = outputs[outputs.count - 1]
    parts = builder.parts
  }

  func forward(_ pass: ForwardPass) {
    var x = pass[input]
    for (index, linear) in linears.enumerated() {
      let y = pass[outputs[index]]
      linear.forward(inputs[index].forward(x, pass), into: y, pass)
      if index + 1 < linears.count { y.relu() }
      x = y
    }
  }

  func backward(_ pass: BackwardPass) {
    let forward = pass.forward
    var dy = forward[logits]
    for (index, linear) in linears.enumerated().reversed() {
      let x = forward[index == 0 ? input : outputs[index - 1]]
      let dx = index == 0 ? nil : forward[gradients[index - 1]]
      linear.backward(dy, x: inputs[index].kept(x, forward), into: dx, pass)
      guard let dx else { return }
      inputs[index].backward(dx, x: x, forward)
      dx.reluBackward(output: x)
      dy = dx
    }
  }
}
