#!/usr/bin/env python3
"""A peer's matrix products at the shapes of `bitlab bench gemm`: numpy's OpenBLAS or torch's MKL.

usage: gemm_peer.py --library openblas|mkl [--threads N] [--seconds S]

Prints one JSON object a line: library, shape, product, gflops (the best of many), gflops_cold (the best of the turns' first
calls). Wants numpy, and torch for MKL. One library a process, and its threads set before it is loaded, so that the two
are not in each other's way. Exit code 1: numpy or torch computes with another library.
"""
import argparse
import json
import os
import sys
import time

SHAPES = [(6400, 128, 128), (6400, 128, 256), (6400, 256, 128), (8320, 128, 128), (8320, 128, 256), (8320, 256, 128)]
CALLS_IN_TURN = 3  # as bitlab bench gemm has it
NAMES = {"openblas": "OpenBLAS", "mkl": "MKL"}


def products(library, threads):
    """What the library offers: (matrix of values, multiplication into a third)."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    # Set where an older OpenBLAS errs: this one is to choose its kernels by the CPU.
    for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(variable, None)
    import numpy as np

    def values(rows, columns):
        return np.random.default_rng(0).uniform(-0.01, 0.01, (rows, columns)).astype(np.float32)

    if library == "openblas":
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
        if "openblas" not in blas:
            sys.exit(f"numpy {np.__version__} computes with {blas}, not with OpenBLAS: take numpy from PyPI")
        return values, lambda a, b, c: np.matmul(a, b, out=c)
    import torch
    if not torch.backends.mkl.is_available():
        sys.exit(f"torch {torch.__version__} was built without MKL: take torch from PyPI or pytorch.org")
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return (lambda *size: torch.from_numpy(values(*size))), lambda a, b, c: torch.matmul(a, b, out=c)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", choices=NAMES, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10)
    args = parser.parse_args()
    values, multiply = products(args.library, args.threads)
    cases = [["1024x1024x1024", "A B, packing", 2 * 1024 ** 3, values(1024, 1024), values(1024, 1024),
              values(1024, 1024)]]
    for rows, inputs, outputs in SHAPES:
        shape, operations = f"{rows}x{inputs}x{outputs}", 2 * rows * inputs * outputs
        x, dy, w = values(rows, inputs), values(rows, outputs), values(outputs, inputs)
        cases += [[shape, "X W^T", operations, x, w.T, values(rows, outputs)],
                  [shape, "dY W", operations, dy, w, values(rows, inputs)],
                  [shape, "dY^T X", operations, dy.T, x, values(outputs, inputs)]]
    rates, cold = [0.0] * len(cases), [0.0] * len(cases)
    end = time.perf_counter() + args.seconds
    while time.perf_counter() < end:
        for index, (_, _, operations, a, b, c) in enumerate(cases):
            for call in range(CALLS_IN_TURN):
                start = time.perf_counter()
                multiply(a, b, c)
                rate = operations / (time.perf_counter() - start) * 1e-9
                rates[index] = max(rates[index], rate)
                if call == 0:
                    cold[index] = max(cold[index], rate)
    for (shape, product, *_), rate, cold_rate in zip(cases, rates, cold):
        print(json.dumps({"library": NAMES[args.library], "shape": shape, "product": product, "threads": args.threads,
                          "gflops": round(rate, 1), "gflops_cold": round(cold_rate, 1)}))


if __name__ == "__main__":
    main()
