"""The quantized linear layers, as plain as PyTorch lets one write them.

Needs torch (any CPU build).

`SimpleBitLinear` is the method `simple-bitnet`, `BitLinear` the method `bitnet`; both keep latent weights under the
names of `nn.Linear` and quantize them on the way forward. Autograd derives every gradient.
"""

import torch
import torch.nn.functional as F
from torch import nn


def straight_through(value, quantized):
    """`quantized` on the way forward, the identity in `value` on the way back."""
    return value + (quantized - value).detach()


def ternary(a):
    """clip(round(a), -1, 1), halves rounded to even."""
    return a.round().clip(-1, 1)


def simple_scale(weight):
    """s = 2 * mean(|W|) + 1e-4; gradients flow through it."""
    return 2 * weight.abs().mean() + 1e-4


def simple_quantize(weight, bits):
    """The scale s, A = W / s and q."""
    s = simple_scale(weight)
    a = weight / s
    return s, a, ternary(a) if bits == 2 else a.sign()


def rms_norm(x, eps=1e-6):
    """x / sqrt(mean(x^2) + eps) for each row, without a gain."""
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt()


def int8_activations(xn):
    """Rounded to 127 steps of each row's largest magnitude, and back to the row's scale."""
    scale = 127 / xn.abs().amax(-1, keepdim=True).clamp(min=1e-5)
    return (xn * scale).round().clip(-128, 127) / scale


def bitnet_weights(weight, bits):
    """Ternary or binary values times the matrix's scale."""
    mean = weight.abs().mean()
    if bits == 1:
        return (weight - weight.mean()).sign() * mean
    scale = 1 / mean.clamp(min=1e-5)
    return ternary(weight * scale) / scale


class QuantizedLinear(nn.Module):
    """Latent weights `[out, in]` and a bias, initialized U(-1/sqrt(in), 1/sqrt(in))."""

    def __init__(self, fan_in, fan_out, bits, bias=True):
        super().__init__()
        bound = fan_in**-0.5
        self.bits = bits
        self.weight = nn.Parameter(torch.empty(fan_out, fan_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(fan_out).uniform_(-bound, bound)) if bias else None


class SimpleBitLinear(QuantizedLinear):
    """y = (s x) q^T + b, the gradient of q passed to A = W / s with s not detached."""

    def forward(self, x):
        s, a, q = simple_quantize(self.weight, self.bits)
        return F.linear(s * x, straight_through(a, q), self.bias)


class BitLinear(QuantizedLinear):
    """y = xq Wq^T + b after an RMS norm, gradients passed straight through both quantizers."""

    def forward(self, x):
        xn = rms_norm(x)
        xq = straight_through(xn, int8_activations(xn))
        return F.linear(xq, straight_through(self.weight, bitnet_weights(self.weight, self.bits)), self.bias)


METHODS = {"simple-bitnet": SimpleBitLinear, "bitnet": BitLinear}


def quantize_linear_layers(model, bits, method):
    """Replaces every `nn.Linear` of `model`, in place, by a freshly initialized quantized one with a bias."""
    for name, layer in list(model.named_modules()):
        if isinstance(layer, nn.Linear):
            owner, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(owner), leaf, METHODS[method](layer.in_features, layer.out_features, bits))
    return model
