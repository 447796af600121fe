#!/usr/bin/env python3
"""Checks that Hugging Face transformers reads a ViT's weight file and computes the same logits.

usage: check_from_pretrained.py MODEL.safetensors LOGITS.safetensors [MODEL LOGITS ...] [--heads N]
                                [--tolerance T] [--bits 32|2|1] [--method METHOD] [--folder DIR]

Needs torch (any CPU build), numpy, safetensors, transformers.

MODEL has the names that ViT checkpoints have on the Hub; LOGITS holds `pixels` [images, channels, side, side] and the
program's own `logits` [images, classes]. The model's shapes give the configuration, except for the number of heads.
The script writes a folder with config.json and MODEL, byte for byte, as model.safetensors, loads it with
`ViTForImageClassification.from_pretrained`, and compares. With --bits 2 or 1 it replaces the linear layers of the loaded
model by quantized ones first. Exit code 1: another result, with a message that says which.
"""

import argparse
import json
import math
import pathlib
import shutil
import sys
import tempfile

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Fixtures"))
from bitlinear import METHODS  # noqa: E402


class Mismatch(Exception):
    """What the files say and transformers does not."""


def configuration(weights, heads):
    """config.json's values, as the tensors' shapes tell them."""
    from transformers import ViTConfig

    def shape(name, rank):
        if name not in weights:
            raise Mismatch(f"no tensor {name}; found {', '.join(sorted(weights)[:5])}, ...")
        if weights[name].dim() != rank:
            raise Mismatch(f"{name}: shape {list(weights[name].shape)}, expected {rank} dimensions")
        return weights[name].shape

    width, channels, patch, _ = shape("vit.embeddings.patch_embeddings.projection.weight", 4)
    tokens = shape("vit.embeddings.position_embeddings", 3)[1]
    side = math.isqrt(tokens - 1)
    if side * side != tokens - 1:
        raise Mismatch(f"{tokens} positions are not a square of patches and a class token")
    layers = {int(n.split(".")[3]) for n in weights if n.startswith("vit.encoder.layer.")}
    if layers != set(range(len(layers))) or not layers:
        raise Mismatch(f"the layers are numbered {sorted(layers)}, expected 0, 1, ...")
    if width % heads:
        raise Mismatch(f"width {width} is not divisible by {heads} heads; give --heads")
    config = ViTConfig(
        hidden_size=width, num_hidden_layers=len(layers), num_attention_heads=heads,
        intermediate_size=shape("vit.encoder.layer.0.intermediate.dense.weight", 2)[0], image_size=patch * side,
        patch_size=patch, num_channels=channels, num_labels=shape("classifier.weight", 2)[0], layer_norm_eps=1e-12,
        hidden_act="gelu", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, qkv_bias=True)
    config.architectures = ["ViTForImageClassification"]
    return config


def load_pretrained(model_file, folder, heads):
    from transformers import ViTForImageClassification

    weights = load_file(model_file)
    others = {n: t.dtype for n, t in weights.items() if t.dtype != torch.float32}
    if others:
        raise Mismatch(f"tensors that are not float32: {others}")
    folder.mkdir(parents=True, exist_ok=True)
    config = configuration(weights, heads)
    (folder / "config.json").write_text(json.dumps(config.to_dict(), indent=2, default=str) + "\n")
    shutil.copyfile(model_file, folder / "model.safetensors")
    model, info = ViTForImageClassification.from_pretrained(
        folder, output_loading_info=True, local_files_only=True, dtype=torch.float32)
    complaints = {key: sorted(map(str, value)) for key, value in info.items() if value}
    if complaints:
        raise Mismatch(f"from_pretrained: {complaints}")
    # A name that transformers renames to nowhere could go unnoticed: every value must have arrived.
    loaded = sum(p.numel() for p in model.parameters())
    stored = sum(t.numel() for t in weights.values())
    if loaded != stored:
        raise Mismatch(f"the model has {loaded} parameters, the file {stored}")
    return model.eval()


def quantize(model, bits, method):
    """Replaces linear layers by quantized ones with the loaded weights."""
    for name, layer in list(model.named_modules()):
        if isinstance(layer, torch.nn.Linear):
            owner, _, leaf = name.rpartition(".")
            quantized = METHODS[method](layer.in_features, layer.out_features, bits)
            quantized.weight, quantized.bias = layer.weight, layer.bias
            setattr(model.get_submodule(owner), leaf, quantized)


def check(model_file, logits_file, folder, args):
    expected = load_file(logits_file)
    for name, rank in [("pixels", 4), ("logits", 2)]:
        if name not in expected or expected[name].dim() != rank:
            raise Mismatch(f"{logits_file}: needs {name} with {rank} dimensions; found "
                           + str({n: list(t.shape) for n, t in expected.items()}))
    model = load_pretrained(model_file, folder, args.heads)
    if args.bits != 32:
        quantize(model, args.bits, args.method)
    with torch.no_grad():
        logits = model(pixel_values=expected["pixels"]).logits
    if logits.shape != expected["logits"].shape:
        raise Mismatch(f"logits of shape {list(expected['logits'].shape)}, transformers {list(logits.shape)}")
    difference = (logits - expected["logits"]).abs()
    worst = difference.max().item() if difference.numel() else math.nan
    if not worst <= args.tolerance:
        image = int(difference.amax(1).argmax()) if difference.numel() else 0
        raise Mismatch(f"logits differ by up to {worst:.3g} (tolerance {args.tolerance:g}), most for image {image}")
    return f"{len(logits)} images, logits differ by at most {worst:.2g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help="MODEL.safetensors LOGITS.safetensors, in pairs")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--bits", type=int, choices=[32, 2, 1], default=32)
    parser.add_argument("--method", choices=list(METHODS), default="simple-bitnet")
    parser.add_argument("--folder", type=pathlib.Path, help="keep the folder that is loaded (one pair of files only)")
    args = parser.parse_args()
    if len(args.files) % 2 or (args.folder and len(args.files) != 2):
        parser.error("give pairs of MODEL and LOGITS, and only one pair with --folder")
    torch.set_num_threads(1)

    failed = False
    for model_file, logits_file in zip(args.files[::2], args.files[1::2]):
        with tempfile.TemporaryDirectory() as temporary:
            try:
                print(f"{model_file}: {check(model_file, logits_file, args.folder or pathlib.Path(temporary), args)}")
            except Exception as error:  # whatever it is, the file was not read as it should be
                failed = True
                print(f"{model_file}: {type(error).__name__}: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
