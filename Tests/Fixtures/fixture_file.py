"""Reading and writing fixture files, and the random numbers they start from.

Needs numpy, safetensors.
"""

import json
import zlib

import numpy as np
from safetensors.numpy import save


def random(*key):
    """A generator that depends on `key` alone, so that adding a fixture never changes another one."""
    return np.random.Generator(np.random.PCG64(zlib.crc32("/".join(map(str, key)).encode())))


def normal(key, *shape, mean=0.0, std=1.0):
    return (mean + std * random(*key).standard_normal(shape)).astype(np.float32)


def uniform(key, *shape, bound=1.0):
    return random(*key).uniform(-bound, bound, shape).astype(np.float32)


def encode(tensors, **metadata):
    """The bytes of a float32 safetensors file; metadata values become strings.

    The library writes the metadata in an order that differs from run to run. Sorting it keeps the header's length.
    """
    arrays = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in tensors.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name}: not finite")
    data = save(arrays, {key: str(value) for key, value in metadata.items()} or None)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    if "__metadata__" in header:
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode().ljust(length)
    if len(text) != length:
        raise ValueError("the sorted header has another length")
    return data[:8] + text + data[8 + length :]
