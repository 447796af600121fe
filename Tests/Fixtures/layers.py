"""Fixtures of single layers: inputs, parameters, output, upstream gradient, and autograd's gradients.

Needs torch (any CPU build), numpy, safetensors.

Inputs are float32 numbers; PyTorch computes in float64 and the results are rounded to float32 once, so that a
test's tolerance covers the tested code's rounding and no one else's. Quantized layers get inputs that no
quantizer rounds another way in float32.
"""

import numpy as np
import torch
import torch.nn.functional as F

from bitlinear import METHODS, bitnet_weights, int8_activations, rms_norm, simple_quantize
from fixture_file import encode, normal, random, uniform


def differentiate(function, tensors, dy):
    """Output and gradients (`d` + name) of `function(tensors)` for the upstream gradient `dy`."""

    def run(dtype):
        leaves = {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in tensors.items()}
        y = function(leaves)
        y.backward(torch.tensor(dy, dtype=dtype))
        return {"y": y.detach().numpy()} | {"d" + name: leaf.grad.numpy() for name, leaf in leaves.items()}

    # A key's bias moves no softmax: its gradient is 0, and rounding noise relative to that says nothing.
    exact, single = run(torch.float64), run(torch.float32)
    largest = {name: np.abs(value).max() for name, value in exact.items()}
    worst = max(np.abs(exact[n] - single[n]).max() / largest[n] for n in exact if largest[n] > 1e-9)
    return exact, worst


def layer(name, function, tensors, shape, **metadata):
    """One file, and float32's largest difference from float64 as a part of each tensor's largest magnitude."""
    dy = normal((name, "dy"), *shape)
    results, worst = differentiate(function, tensors, dy)
    return f"layer-{name}.safetensors", encode({**tensors, "dy": dy, **results}, **metadata), worst


def linear(t, prefix=""):
    return lambda x: F.linear(x, t[prefix + "weight"], t.get(prefix + "bias"))


def linear_parameters(key, fan_in, fan_out, prefix="", bias=True):
    bound = fan_in**-0.5
    parameters = {prefix + "weight": uniform((key, prefix + "weight"), fan_out, fan_in, bound=bound)}
    if bias:
        parameters[prefix + "bias"] = uniform((key, prefix + "bias"), fan_out, bound=bound)
    return parameters


def norm_parameters(key, width, prefix=""):
    return {
        prefix + "weight": normal((key, prefix + "weight"), width, mean=1, std=0.3),
        prefix + "bias": normal((key, prefix + "bias"), width, std=0.3),
    }


LINEAR_CASES = [  # rows, in, out, bias
    (1, 1, 1, True), (7, 13, 5, True), (7, 13, 5, False), (33, 17, 9, True), (33, 17, 9, False), (3, 785, 16, True)]
QUANTIZED_CASES = LINEAR_CASES[1:-1] + [(3, 785, 4, True)]


def case_name(kind, rows, fan_in, fan_out, bias):
    return f"{kind}-{rows}x{fan_in}-{fan_out}" + ("" if bias else "-nobias")


def linear_layers():
    for rows, fan_in, fan_out, bias in LINEAR_CASES:
        name = case_name("linear", rows, fan_in, fan_out, bias)
        tensors = {"x": normal((name, "x"), rows, fan_in)} | linear_parameters(name, fan_in, fan_out, bias=bias)
        yield layer(name, lambda t: linear(t)(t["x"]), tensors, (rows, fan_out))


def distance_to_thresholds(x, weight, bits, method):
    """How close float64 comes to a point where a quantizer jumps, in steps of that quantizer."""
    x, weight = torch.tensor(x, dtype=torch.float64), torch.tensor(weight, dtype=torch.float64)
    if method == "simple-bitnet":
        a = weight / (2 * weight.abs().mean() + 1e-4)
        return ((a.abs() - 0.5).abs() if bits == 2 else a[a != 0].abs()).min().item(), 1.0
    a = weight / weight.abs().mean()
    weights = (a.abs() - 0.5).abs() if bits == 2 else (a - a.mean()).abs()
    xn = rms_norm(x[x.abs().amax(-1) > 0])
    steps = xn * (127 / xn.abs().amax(-1, keepdim=True))
    return weights.min().item(), ((steps.abs() % 1) - 0.5).abs().min().item()


def quantized_inputs(name, rows, fan_in, fan_out, bias, bits, method):
    """The first draw that keeps clear of every threshold.

    Simple-bitnet gets a weight of exactly zero (sign and |.|'s gradient are zero there), bitnet a row of zeros
    where it has rows to spare (the clamp of the row's largest magnitude).
    """
    for attempt in range(1000):
        key = (name, attempt)
        x = normal((*key, "x"), rows, fan_in)
        parameters = linear_parameters("/".join(map(str, key)), fan_in, fan_out, bias=bias)
        if method == "simple-bitnet":
            parameters["weight"][0, 0] = 0
        elif rows == 33:
            x[5] = 0
        weights, activations = distance_to_thresholds(x, parameters["weight"], bits, method)
        if weights > 1e-5 and activations > 5e-5:
            return {"x": x} | parameters
    raise ValueError(f"{name}: no draw keeps clear of the thresholds")


def quantized_layers():
    for method, kind in METHODS.items():
        for bits in (2, 1):
            for rows, fan_in, fan_out, bias in QUANTIZED_CASES:
                name = case_name(f"{method}-{bits}bit", rows, fan_in, fan_out, bias)
                tensors = quantized_inputs(name, rows, fan_in, fan_out, bias, bits, method)

                def forward(t):
                    module = kind(fan_in, fan_out, bits, bias).to(t["x"].dtype)
                    return torch.func.functional_call(module, {k: v for k, v in t.items() if k != "x"}, t["x"])

                x, weight = (torch.tensor(tensors[n], dtype=torch.float64) for n in ("x", "weight"))
                if method == "simple-bitnet":
                    s, _, q = simple_quantize(weight, bits)
                    inner = {"scale": s.reshape(1).numpy(), "q": q.numpy()}
                else:
                    inner = {"xq": int8_activations(rms_norm(x)).numpy(), "wq": bitnet_weights(weight, bits).numpy()}
                dy = normal((name, "dy"), rows, fan_out)
                results, worst = differentiate(forward, tensors, dy)
                data = encode({**tensors, **inner, "dy": dy, **results}, bits=bits, method=method)
                yield f"layer-{name}.safetensors", data, worst


def norms():
    for rows, width in [(1, 3), (7, 13), (33, 32), (3, 785)]:
        name = f"layernorm-{rows}x{width}"
        tensors = {"x": normal((name, "x"), rows, width, mean=1, std=2)} | norm_parameters(name, width)
        yield layer(name, lambda t: F.layer_norm(t["x"], (width,), t["weight"], t["bias"], 1e-12), tensors,
                    (rows, width), eps="1e-12")
        name = f"rmsnorm-{rows}x{width}"
        x = normal((name, "x"), rows, width, mean=1, std=2)
        if rows == 33:
            x[5] = 0
        yield layer(name, lambda t: rms_norm(t["x"], 1e-6), {"x": x}, (rows, width), eps="1e-06")


def activations():
    for name, function in [("gelu", F.gelu), ("relu", F.relu)]:
        x = normal((name, "x"), 7, 37, std=2)
        x[0] = np.linspace(-9, 9, 37)  # the tails, and 0 in the middle
        yield layer(name, lambda t: function(t["x"]), {"x": x}, (7, 37))


def cross_entropies():
    """Mean over the rows; `y` has one element and there is no `dy`: it is 1."""
    for rows, classes, std, suffix in [(1, 2, 1, ""), (7, 10, 3, ""), (33, 100, 1, ""), (5, 3, 300, "-large")]:
        name = f"cross-entropy-{rows}x{classes}{suffix}"
        x = normal((name, "x"), rows, classes, std=std)
        labels = random(name, "labels").integers(0, classes, rows)
        results, worst = differentiate(
            lambda t: F.cross_entropy(t["x"], torch.tensor(labels)).reshape(1), {"x": x}, np.ones(1))
        yield f"layer-{name}.safetensors", encode({"x": x, "labels": labels, **results}), worst


def attention(t, x, heads, prefix="", output="output."):
    batch, tokens, width = x.shape
    query, key, value = (
        linear(t, prefix + part)(x).view(batch, tokens, heads, width // heads).transpose(1, 2)
        for part in ("query.", "key.", "value."))
    scores = query @ key.transpose(2, 3) / (width // heads) ** 0.5
    context = (scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, tokens, width)
    return linear(t, output)(context)


def attentions():
    for batch, tokens, width, heads in [(1, 1, 4, 2), (3, 5, 12, 3), (1, 7, 10, 2), (2, 17, 32, 4)]:
        name = f"attention-{batch}x{tokens}x{width}-{heads}heads"
        tensors = {"x": normal((name, "x"), batch, tokens, width, std=2)}
        for part in ("query.", "key.", "value.", "output."):
            tensors |= linear_parameters(name, width, width, part)
        yield layer(name, lambda t: attention(t, t["x"], heads), tensors, (batch, tokens, width), heads=heads)


def embed(t, patch):
    x = F.conv2d(t["x"], t["projection.weight"], t["projection.bias"], stride=patch).flatten(2).transpose(1, 2)
    return torch.cat([t["cls_token"].expand(len(x), -1, -1), x], 1) + t["position_embeddings"]


def patch_embeddings():
    for batch, channels, side, patch, width in [(3, 1, 6, 2, 5), (2, 3, 8, 4, 7), (2, 3, 9, 3, 16)]:
        name = f"patch-embedding-{batch}x{channels}x{side}x{side}-{patch}-{width}"
        tokens = (side // patch) ** 2 + 1
        tensors = {
            "x": normal((name, "x"), batch, channels, side, side),
            "projection.weight": normal((name, "w"), width, channels, patch, patch, std=0.3),
            "projection.bias": normal((name, "b"), width, std=0.3),
            "cls_token": normal((name, "c"), 1, 1, width),
            "position_embeddings": normal((name, "p"), 1, tokens, width),
        }
        yield layer(name, lambda t: embed(t, patch), tensors, (batch, tokens, width), patch=patch)


def blocks():
    name, batch, tokens, width, inner, heads = "mlp-block-2x5x12-23", 2, 5, 12, 23, 3

    def mlp(t, x):
        return linear(t, "output.dense.")(F.gelu(linear(t, "intermediate.dense.")(x)))

    def parameters(name):
        return linear_parameters(name, width, inner, "intermediate.dense.") | linear_parameters(
            name, inner, width, "output.dense.")

    tensors = {"x": normal((name, "x"), batch, tokens, width)} | parameters(name)
    yield layer(name, lambda t: mlp(t, t["x"]), tensors, (batch, tokens, width))

    name = "vit-block-2x5x12-23-3heads"

    def norm(t, x, prefix):
        return F.layer_norm(x, (width,), t[prefix + "weight"], t[prefix + "bias"], 1e-12)

    def block(t):
        y = t["x"] + attention(t, norm(t, t["x"], "layernorm_before."), heads,
                               "attention.attention.", "attention.output.dense.")
        return y + mlp(t, norm(t, y, "layernorm_after."))

    tensors = {"x": normal((name, "x"), batch, tokens, width)} | parameters(name)
    for part in ("attention.query.", "attention.key.", "attention.value.", "output.dense."):
        tensors |= linear_parameters(name, width, width, "attention." + part)
    for part in ("layernorm_before.", "layernorm_after."):
        tensors |= norm_parameters(name, width, part)
    yield layer(name, block, tensors, (batch, tokens, width), heads=heads, eps="1e-12")


def fixtures():
    """Triples of file name, bytes, and float32's largest relative difference."""
    for group in (linear_layers, quantized_layers, norms, activations, cross_entropies, attentions, patch_embeddings,
                  blocks):
        yield from group()
