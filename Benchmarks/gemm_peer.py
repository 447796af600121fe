#!/usr/bin/env python3
"""The peers' matrix products: numpy's OpenBLAS and torch's MKL at the shapes of `bitlab bench gemm`.

usage: gemm_peer.py [--threads N] [--seconds S]

Prints one JSON object a line: library, shape, product, gflops (the best of many). Wants numpy and torch. Threads are
set before the libraries are loaded.
"""
import argparse
import json
import os
import time

SHAPES = [(6400, 128, 128), (6400, 128, 256), (6400, 256, 128), (8320, 128, 128), (8320, 128, 256), (8320, 256, 128)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    args = parser.parse_args()
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(args.threads)
    import numpy as np
    import torch
    torch.set_num_threads(args.threads)

    def values(rows, columns):
        return np.random.default_rng(0).uniform(-0.01, 0.01, (rows, columns)).astype(np.float32)

    cases = []

    def case(shape, product, operations, a, b, into):
        at, bt, ct = torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(into.copy())
        cases.append(["OpenBLAS", shape, product, operations, lambda: np.matmul(a, b, out=into), 0.0])
        cases.append(["MKL", shape, product, operations, lambda: torch.matmul(at, bt, out=ct), 0.0])

    case("1024x1024x1024", "A B, packing", 2 * 1024 ** 3, values(1024, 1024), values(1024, 1024), values(1024, 1024))
    for rows, inputs, outputs in SHAPES:
        shape, operations = f"{rows}x{inputs}x{outputs}", 2 * rows * inputs * outputs
        x, dy, w = values(rows, inputs), values(rows, outputs), values(outputs, inputs)
        case(shape, "X W^T", operations, x, w.T, values(rows, outputs))
        case(shape, "dY W", operations, dy, w, values(rows, inputs))
        case(shape, "dY^T X", operations, dy.T, x, values(outputs, inputs))
    with torch.no_grad():
        end = time.perf_counter() + args.seconds
        while time.perf_counter() < end:
            for one in cases:
                start = time.perf_counter()
                one[4]()
                one[5] = max(one[5], one[3] / (time.perf_counter() - start) * 1e-9)
    for library, shape, product, _, _, gflops in cases:
        print(json.dumps({"library": library, "shape": shape, "product": product, "threads": args.threads,
                          "gflops": round(gflops, 1)}))


if __name__ == "__main__":
    main()
