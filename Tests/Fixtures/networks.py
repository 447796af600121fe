"""The two networks of the training fixtures, with the tensor names that BitLab's weight files have.

Needs torch (any CPU build), transformers, numpy.

The ViT is Hugging Face's own `ViTForImageClassification`; its quantized copies are that model with every `nn.Linear`
replaced.
"""

import re

import torch
from torch import nn

from bitlinear import QuantizedLinear, quantize_linear_layers
from fixture_file import normal, uniform

WIDTHS = [64, 32, 10, 10]

#: Module names of transformers 5 in memory, and what checkpoints on the Hub are called.
HUB_NAMES = [
    (r"^vit\.layers\.", "vit.encoder.layer."),
    (r"\.attention\.q_proj\.", ".attention.attention.query."),
    (r"\.attention\.k_proj\.", ".attention.attention.key."),
    (r"\.attention\.v_proj\.", ".attention.attention.value."),
    (r"\.attention\.o_proj\.", ".attention.output.dense."),
    (r"\.mlp\.fc1\.", ".intermediate.dense."),
    (r"\.mlp\.fc2\.", ".output.dense."),
]


def hub_name(name):
    """The name in a checkpoint of a parameter in memory; transformers 4 uses the checkpoint's names throughout."""
    for pattern, replacement in HUB_NAMES:
        name = re.sub(pattern, replacement, name)
    return name


class MLP(nn.Module):
    """Linear layers `layers.0`, `layers.1`, ... with ReLU between them."""

    def __init__(self, bias):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o, bias=b) for i, o, b in zip(WIDTHS, WIDTHS[1:], bias))

    def forward(self, pixels):
        x = pixels.flatten(1)
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)


class ViT(nn.Module):
    """`ViTForImageClassification` on 1x8x8 images, giving logits."""

    def __init__(self):
        from transformers import ViTConfig, ViTForImageClassification

        super().__init__()
        self.model = ViTForImageClassification(ViTConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=8,
            patch_size=2, num_channels=1, num_labels=10, layer_norm_eps=1e-12, hidden_act="gelu",
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, qkv_bias=True))

    def forward(self, pixels):
        return self.model(pixel_values=pixels).logits


def build(network, bits, method):
    model = MLP([True, bits != 32, True]) if network == "mlp" else ViT()
    return model if bits == 32 else quantize_linear_layers(model, bits, method)


def parameters(model):
    """Parameters by their names in a weight file."""
    return {hub_name(name.removeprefix("model.")): p for name, p in model.named_parameters()}


def initial_weights(model):
    """First values that depend on the tensor's name alone.

    As BitLab draws them, except that the ViT's biases and norms are not exactly 0 and 1, where a swapped pair would
    go unseen.

    How far rounding errors grow in 50 steps of the full-precision ViT depends on where it starts: from 6e-7 of the loss,
    float32 against float64, to 3e-5. The stream 5 is a start from which they stay small, so that losses can be compared
    closely.
    """
    kinds = (QuantizedLinear, nn.Linear) if isinstance(model, MLP) else QuantizedLinear
    is_uniform = {id(p) for m in model.modules() if isinstance(m, kinds) for p in m.parameters()}
    stream = "normal" if is_uniform else 5
    weights, fan_in = {}, 0
    for name, p in parameters(model).items():
        if id(p) in is_uniform:  # a weight comes before its bias
            fan_in = p.shape[1] if p.ndim == 2 else fan_in
            weights[name] = uniform(("uniform", name), *p.shape, bound=fan_in**-0.5)
        else:
            gain = "layernorm" in name and name.endswith("weight")
            weights[name] = normal((stream, name), *p.shape, mean=float(gain), std=0.02)
    return weights


def load(model, weights):
    with torch.no_grad():
        for name, p in parameters(model).items():
            p.copy_(torch.tensor(weights[name]))
