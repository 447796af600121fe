"""Writes CompressedDigits.swift, the built-in digits, beside this script.

    pip install scikit-learn && python3 generate_digits.py

The content is all images (one byte a pixel, row by row), then all labels (one byte each), compressed by zlib and
written as base64.
"""

import base64
import hashlib
import pathlib
import textwrap
import zlib

import numpy
from sklearn.datasets import load_digits

digits = load_digits()
images = digits.data.astype(numpy.uint8)
labels = digits.target.astype(numpy.uint8)
assert images.shape == (1797, 64) and (images == digits.data).all() and images.max() == 16

content = images.tobytes() + labels.tobytes()
lines = textwrap.wrap(base64.b64encode(zlib.compress(content, 9)).decode(), 108)
pathlib.Path(__file__).with_name("CompressedDigits.swift").write_text(
    "// swift-format-ignore-file\n"
    "// Written by generate_digits.py; do not edit.\n\n"
    "/// The bytes of `Digits.content()`, compressed by zlib, as base64. For source and license see ATTRIBUTION.txt.\n"
    'let compressedDigits = """\n' + "".join(f"  {line}\n" for line in lines) + '  """\n'
)
print("SHA-256 of the content:", hashlib.sha256(content).hexdigest())
