"""The logits of a packed model, by numpy alone: what docs/weights.md says in words.

    python3 packed_reader.py MODEL IMAGES.idx3-ubyte [COUNT]
"""

import json
import sys

import numpy as np


def read(path):
    """The tensors of a packed file, quantized ones as scale times level, and its metadata."""
    data = open(path, "rb").read()
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    about = header.pop("__metadata__")
    assert about["format"] == "bitlab-packed" and about["version"] == "1"
    types = {"F32": np.float32, "U8": np.uint8}
    raw = {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }
    two_bit = json.loads(about["two_bit"])
    tensors = {name: values for name, values in raw.items() if not name.endswith((".packed", ".scale"))}
    for name in (name[: -len(".packed")] for name in raw if name.endswith(".packed")):
        packed, bits = raw[name + ".packed"], 2 if about["bits"] == "2" or name in two_bit else 1
        codes = packed[:, :, None] >> np.arange(0, 8, bits, dtype=np.uint8) & (3 if bits == 2 else 1)
        levels = codes.reshape(len(packed), -1).astype(np.float32)
        levels = levels - 1 if bits == 2 else 2 * levels - 1
        # The bits behind the last weight of a row mean nothing.
        tensors[name] = raw[name + ".scale"] * levels
    return tensors, about


def logits(tensors, about, pixels):
    """Of images [count, channels, height, width] of bytes."""
    model, dataset = json.loads(about["architecture"]), json.loads(about["dataset"])
    x = pixels.astype(np.float32) / np.float32(dataset["white_level"])
    if dataset["normalize"] == "half":
        x = (x - np.float32(0.5)) / np.float32(0.5)

    def linear(x, name):
        if about.get("method") == "bitnet":
            x = x / np.sqrt(np.mean(x * x, -1, keepdims=True) + np.float32(1e-6))
            scale = 127 / np.maximum(np.abs(x).max(-1, keepdims=True), np.float32(1e-5))
            x = np.clip(np.round(x * scale), -128, 127) / scale
        weight = tensors[name + ".weight"][:, : x.shape[-1]]
        return x @ weight.T + tensors.get(name + ".bias", np.float32(0))

    def norm(x, name):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-12) * tensors[name + ".weight"] + tensors[name + ".bias"]

    def gelu(x):
        # Half of x (1 + erf(x / sqrt 2)).
        from math import erf

        return (x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2).astype(np.float32)

    def softmax(x):
        powers = np.exp(x - x.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)

    count = len(x)
    if model["type"] == "mlp":
        x = x.reshape(count, -1)
        for index in range(len(model["hidden"]) + 1):
            x = linear(x if index == 0 else np.maximum(x, 0), f"layers.{index}")
        return x

    width, heads, side = model["width"], model["heads"], model["patch"]
    kernel = tensors["vit.embeddings.patch_embeddings.projection.weight"].reshape(width, -1)
    channels, rows, columns = x.shape[1], x.shape[2] // side, x.shape[3] // side
    patches = x.reshape(count, channels, rows, side, columns, side).transpose(0, 2, 4, 1, 3, 5)
    patches = patches.reshape(count, rows * columns, -1) @ kernel.T
    patches = patches + tensors["vit.embeddings.patch_embeddings.projection.bias"]
    first = np.broadcast_to(tensors["vit.embeddings.cls_token"], (count, 1, width))
    x = np.concatenate([first, patches], 1) + tensors["vit.embeddings.position_embeddings"]
    for index in range(model["layers"]):
        layer = f"vit.encoder.layer.{index}."
        normal = norm(x, layer + "layernorm_before")
        query, key, value = (
            linear(normal, layer + "attention.attention." + part).reshape(count, -1, heads, width // heads)
            for part in ("query", "key", "value")
        )
        scores = np.einsum("nqhd,nkhd->nhqk", query, key) / np.sqrt(width // heads)
        context = np.einsum("nhqk,nkhd->nqhd", softmax(scores), value).reshape(count, -1, width)
        x = x + linear(context, layer + "attention.output.dense")
        normal = norm(x, layer + "layernorm_after")
        x = x + linear(gelu(linear(normal, layer + "intermediate.dense")), layer + "output.dense")
    return linear(norm(x[:, 0], "vit.layernorm"), "classifier")


def images(path):
    data = open(path, "rb").read()
    sides = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    pixels = np.frombuffer(data, np.uint8, offset=4 + 4 * len(sides)).reshape(sides)
    return pixels[:, None] if pixels.ndim == 3 else pixels


if __name__ == "__main__":
    count = int(sys.argv[3]) if len(sys.argv) > 3 else None
    for row in logits(*read(sys.argv[1]), images(sys.argv[2])[:count]):
        print(*row)
