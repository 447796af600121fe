#!/usr/bin/env python3
"""Writes the fixtures that Swift tests compare BitLab with: what PyTorch computes.

usage: generate.py [--output DIR] [--check]

Needs torch (any CPU build), numpy, safetensors, transformers, scikit-learn (see requirements.txt).

Everything is drawn from fixed seeds, so a second run on the same machine and versions writes the same bytes. Other CPUs
and versions may round sums of the training fixtures in another order. --check writes nothing and says which of the
committed files would change, and by how much; it exits 1 if any would.
"""

import argparse
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import load

import layers
import optimizers
import training


def all_fixtures():
    """Pairs of file name and bytes; prints how far float32 is from float64 on the way."""
    for name, data, worst in layers.fixtures():
        print(f"{name:58} {len(data):7} bytes, float32 - float64 {worst:.1e} of the largest value")
        yield name, data
    for name, data in optimizers.fixtures():
        print(f"{name:58} {len(data):7} bytes")
        yield name, data
    for name, data, report in training.fixtures():
        print(f"{name:58} {len(data):7} bytes")
        if report:
            print("    |float32 - float64| at most: " + ", ".join(f"{k} {v:.1e}" for k, v in report.items()))
        yield name, data


def difference(old, new):
    """A word on how two files differ."""
    old, new = load(old), load(new)
    if {n: a.shape for n, a in old.items()} != {n: a.shape for n, a in new.items()}:
        return "other tensors"
    name, most = max(((n, np.abs(old[n] - new[n]).max()) for n in old), key=lambda pair: pair[1])
    return f"{name} by {most:.2e}" if most > 0 else "the metadata alone"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    written, changed = set(), []
    for name, data in all_fixtures():
        path = args.output / name
        written.add(name)
        if not args.check:
            path.write_bytes(data)
        elif not path.exists():
            changed.append(f"{name}: missing")
        elif path.read_bytes() != data:
            changed.append(f"{name}: {difference(path.read_bytes(), data)}")
    for path in sorted(args.output.glob("*.safetensors")):
        if path.name not in written:
            changed.append(f"{path.name}: not written by this generator")
    print(*changed, sep="\n", file=sys.stderr, end="\n" if changed else "")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
