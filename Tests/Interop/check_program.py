#!/usr/bin/env python3
"""Checks the program from outside: it trains, and PyTorch follows.

usage: check_program.py [BITLAB]      (default .build/release/bitlab)

Needs torch (any CPU build), numpy, safetensors, transformers, scikit-learn, pandas.

Trains the networks of the training fixtures (an MLP and a tiny ViT; 32, 2 and 1 bit, both methods) on the built-in digits
with `bitlab run`, for 50 steps from the fixtures' initial weights, into a temporary folder. Then for each run:

- steps.csv has the losses of Tests/Fixtures/train-*.safetensors,
- Python's safetensors reads model.safetensors, which has the names, shapes and type of the initial weights,
- PyTorch with those weights has the validation loss and accuracy of curve.csv; for the ViT in full precision it is
  transformers that loads them, with from_pretrained.

Exit code 1: something differs; each difference is one line on standard error.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pandas
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.numpy import load_file

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "Fixtures"
sys.path[:0] = [str(HERE), str(FIXTURES)]
import networks  # noqa: E402
from check_from_pretrained import load_pretrained  # noqa: E402
from training import STEPS, TRAINING_IMAGES, VARIANTS  # noqa: E402

MODELS = {
    "mlp": {"type": "mlp", "hidden": [32, 10]},
    "vit": {"type": "vit", "width": 32, "layers": 2, "heads": 4, "mlp_width": 64, "patch": 2},
}


def variant_name(bits, method):
    return str(bits) + ("-bitnet" if method == "bitnet" else "")


def initial_weights(network, bits):
    return FIXTURES / f"initial-{network}-{'full' if bits == 32 else 'quantized'}.safetensors"


def configuration(network):
    variants = []
    for bits, method in VARIANTS:
        variant = {"name": variant_name(bits, method), "bits": bits, "learning_rate": 1e-3 if bits == 32 else 1e-4,
                   "initial_weights": str(initial_weights(network, bits))}
        if method:
            variant["method"] = method
        if network == "mlp":
            variant["bias"] = [True, bits != 32, True]
        variants.append(variant)
    training = {"epochs": 5, "batch_size": 128, "learning_rate": 1e-3, "shuffle": False, "log_every_steps": 1,
                "max_steps": STEPS}
    return {"name": network, "dataset": {"name": "digits"}, "model": MODELS[network], "training": training,
            "variants": variants}


def check_losses(folder, fixture, bits, method):
    steps = pandas.read_csv(folder / "steps.csv")
    if list(steps.step) != list(range(1, STEPS + 1)):
        yield f"steps.csv has the steps {list(steps.step)}"
        return
    compared, tolerance = (1, 1e-3) if method == "bitnet" else (10, 2e-4) if bits == 1 else (STEPS, 1e-5)
    expected = fixture["losses"].astype(float)[:compared]
    worst = np.max(np.abs(steps.train_loss[:compared] - expected) / expected)
    if not worst <= tolerance:
        yield f"train_loss differs by up to {worst:.2g} of PyTorch's (tolerance {tolerance:g})"


def check_weights(model_file, initial):
    with safe_open(model_file, "np") as file:
        if file.metadata() != {"format": "pt"}:
            yield f"the metadata is {file.metadata()}"
    found = {name: (a.shape, a.dtype) for name, a in load_file(model_file).items()}
    expected = {name: (a.shape, a.dtype) for name, a in initial.items()}
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            yield f"{name} is {found.get(name)}, expected {expected.get(name)}"


def pytorch_model(network, bits, method, model_file, folder):
    if network == "vit" and bits == 32:
        vit = load_pretrained(model_file, folder, heads=4)
        return lambda pixels: vit(pixel_values=pixels).logits
    model = networks.build(network, bits, method).eval()
    networks.load(model, load_file(model_file))
    return model


def check_validation(folder, model, rounds_activations):
    from sklearn.datasets import load_digits

    data = load_digits()
    pixels = torch.tensor((data.images[TRAINING_IMAGES:, None] / 16).astype(np.float32))
    labels = torch.tensor(data.target[TRAINING_IMAGES:])
    with torch.no_grad():
        logits = model(pixels)
    loss, right = F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).sum().item()
    last = pandas.read_csv(folder / "curve.csv").iloc[-1]
    # Rounded activations amplify the last bit: two correct programs may even disagree about an image.
    tolerance, images = (1e-2, 5) if rounds_activations else (1e-5, 0)
    if not abs(last.val_loss - loss) <= tolerance * loss:
        yield f"val_loss is {last.val_loss}, PyTorch's {loss} (tolerance {tolerance:g} of it)"
    if not abs(last.val_accuracy * len(labels) - right) <= images + 1e-6:
        yield f"val_accuracy is {last.val_accuracy}, PyTorch's {right / len(labels)}"


def check_run(results, network, bits, method, scratch):
    name = variant_name(bits, method)
    folder = results / network / "runs" / f"{name}-seed0"
    status = json.loads((folder / "run.json").read_text())["status"]
    if status != "completed":
        yield f"the run's status is {status}"
        return
    yield from check_losses(folder, load_file(FIXTURES / f"train-{network}-{name}.safetensors"), bits, method)
    problems = list(check_weights(folder / "model.safetensors", load_file(initial_weights(network, bits))))
    yield from problems
    if not problems:
        model = pytorch_model(network, bits, method, folder / "model.safetensors", scratch / "pretrained")
        yield from check_validation(folder, model, method == "bitnet")


def main():
    if len(sys.argv) > 2 or sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__)
        return 2
    bitlab = pathlib.Path(sys.argv[1] if len(sys.argv) == 2 else HERE.parents[1] / ".build/release/bitlab").resolve()
    torch.set_num_threads(1)
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        scratch = pathlib.Path(temporary)
        configs = [scratch / f"{network}.json" for network in MODELS]
        for network, path in zip(MODELS, configs):
            path.write_text(json.dumps(configuration(network)))
        results = scratch / "results"
        subprocess.run([bitlab, "run", "-q", "--results", results, *configs], check=True)
        for network in MODELS:
            for bits, method in VARIANTS:
                problems = list(check_run(results, network, bits, method, scratch))
                failed |= bool(problems)
                for problem in problems:
                    print(f"{network}, {variant_name(bits, method)}: {problem}", file=sys.stderr)
                if not problems:
                    print(f"{network}, {variant_name(bits, method)}: PyTorch agrees")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
