"""Fixtures of whole networks: initial weights, and 50 steps of training on the 8x8 digits.

Needs torch (any CPU build), numpy, safetensors, transformers, scikit-learn.
"""

import numpy as np
import torch
import torch.nn.functional as F

from bitlinear import BitLinear, rms_norm
from fixture_file import encode, uniform
from networks import build, initial_weights, load, parameters

TRAINING_IMAGES, BATCH, STEPS = 1437, 128, 50
VARIANTS = [(32, None), (2, "simple-bitnet"), (1, "simple-bitnet"), (2, "bitnet"), (1, "bitnet")]


def digits():
    """The first 1,437 of scikit-learn's digits in file order, pixels in sixteenths."""
    from sklearn.datasets import load_digits

    data = load_digits()
    pixels = (data.images[:TRAINING_IMAGES, None] / 16).astype(np.float32)
    return pixels, data.target[:TRAINING_IMAGES]


def batches(pixels, labels):
    """The first 50 batches: epochs follow one another, each ends with a short batch of 29."""
    starts = range(0, TRAINING_IMAGES, BATCH)
    for step in range(STEPS):
        start = starts[step % len(starts)]
        yield pixels[start : start + BATCH], labels[start : start + BATCH]


def train(network, bits, method, weights, learning_rate, data, dtype):
    """Losses of all steps; logits and gradients of the first."""
    model = build(network, bits, method).to(dtype).train()
    load(model, weights)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    losses, first = [], None
    for x, labels in batches(*data):
        logits = model(torch.tensor(x, dtype=dtype))
        loss = F.cross_entropy(logits, torch.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        if first is None:
            first = {"logits": logits.detach().numpy().copy()}
            first |= {f"grad.{name}": p.grad.numpy().copy() for name, p in parameters(model).items()}
        optimizer.step()
    return np.array(losses), first


def clear_images(model, count, margin=3e-4):
    """Random images for which no activation of `model` lies within `margin` of where its rounding jumps.

    A digit's pixel of 8/16 beside one of 16/16 lies right there, at 63.5, so a float32 run of `bitnet` on digits
    depends on the last bit of every intermediate value.
    """
    nearest = []

    def watch(_, inputs):
        xn = rms_norm(inputs[0])
        steps = xn * (127 / xn.abs().amax(-1, keepdim=True))
        nearest.append(((steps.abs() % 1) - 0.5).abs().min().item())

    hooks = [m.register_forward_pre_hook(watch) for m in model.modules() if isinstance(m, BitLinear)]
    images, attempt = [], 0
    while len(images) < count:
        image, attempt = uniform(("clear", attempt), 1, 1, 8, 8), attempt + 1
        nearest.clear()
        with torch.no_grad():
            model(torch.tensor(image, dtype=torch.float64))
        if min(nearest) > margin:
            images.append(image)
    for hook in hooks:
        hook.remove()
    return np.concatenate(images)


def bitnet_step(network, bits, weights, start):
    """Forward and backward pass on images that are safe to compare closely; float64, rounded to float32 once."""
    def run(dtype, pixels):
        model = build(network, bits, "bitnet").to(dtype)
        load(model, weights)
        pixels = clear_images(model, 3) if pixels is None else pixels
        logits = model(torch.tensor(pixels, dtype=dtype))
        loss = F.cross_entropy(logits, torch.tensor([3, 0, 9]))
        loss.backward()
        results = {"logits": logits.detach().numpy(), "loss": loss.detach().reshape(1).numpy()}
        return pixels, results | {f"grad.{name}": p.grad.numpy() for name, p in parameters(model).items()}

    pixels, results = run(torch.float64, None)
    _, single = run(torch.float32, pixels)
    report = {"logits": np.abs(results["logits"] - single["logits"]).max(),
              "gradients": max(np.abs(results[n] - single[n]).max() for n in results if n.startswith("grad."))}
    data = encode({"pixels": pixels, "labels": [3, 0, 9], **results},
                  initial_weights=start, bits=bits, method="bitnet")
    return f"step-{network}-{bits}-bitnet.safetensors", data, report


def variant(network, bits, method, weights, start, data):
    """File name, bytes, and how far float32 is from float64."""
    rate = 1e-3 if bits == 32 else 1e-4
    losses, first = train(network, bits, method, weights, rate, data, torch.float32)
    exact, exact_first = train(network, bits, method, weights, rate, data, torch.float64)
    off = np.abs(losses - exact)
    report = {"logits": np.abs(first["logits"] - exact_first["logits"]).max(),
              "gradients": max(np.abs(first[n] - exact_first[n]).max() for n in first if n.startswith("grad."))}
    report |= {f"losses to step {step}": off[:step].max() for step in (1, 5, 10, 20, 50)}
    metadata = {"initial_weights": start, "optimizer": "adam", "learning_rate": rate, "batch_size": BATCH, "bits": bits}
    if method:
        metadata["method"] = method
    name = f"train-{network}-{bits}" + ("-bitnet" if method == "bitnet" else "") + ".safetensors"
    return name, encode({"losses": losses, "losses_double": exact, **first}, **metadata), report


def fixtures():
    """Triples of file name, bytes, and a report on float32's distance from float64 (or nothing)."""
    data = digits()
    yield "digits.safetensors", encode({"pixels": data[0], "labels": data[1]}), {}
    for network in ("mlp", "vit"):
        for start, variants in [("full", VARIANTS[:1]), ("quantized", VARIANTS[1:])]:
            weights, start = initial_weights(build(network, *variants[0])), f"initial-{network}-{start}.safetensors"
            yield start, encode(weights), {}
            for bits, method in variants:
                yield variant(network, bits, method, weights, start, data)
                if method == "bitnet":
                    yield bitnet_step(network, bits, weights, start)
