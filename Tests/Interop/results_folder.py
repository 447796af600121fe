"""Reading a results folder's files strictly: columns, types, and the way numbers are written.

Needs pandas.
"""

import csv
import io
import json
import pathlib
import re

import pandas as pd

CURVE = ["experiment", "variant", "seed", "epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy",
         "learning_rate"]
STEPS = ["experiment", "variant", "seed", "epoch", "step", "train_loss", "train_accuracy", "learning_rate"]
TIMING = ["epoch", "seconds", "images_per_second"]
SUMMARY = ["experiment", "variant", "bits", "seeds", "completed", "failed", "final_val_accuracy_mean",
           "final_val_accuracy_std", "final_val_accuracy_ci95_low", "final_val_accuracy_ci95_high",
           "best_val_accuracy_mean", "final_val_loss_mean", "accuracy_gap_to_full_precision", "weight_bytes",
           "train_seconds_mean", "status"]
INTEGERS = {"seed", "epoch", "step", "bits", "seeds", "completed", "failed", "weight_bytes"}
TEXT = {"experiment", "variant", "status"}


def digits(number):
    """A number's significant digits, without zeros at either end."""
    return re.sub(r"[eE].*|[^0-9]", "", number).strip("0")


class ResultsFolder:
    """One experiment's folder and everything found wrong with it."""

    def __init__(self, folder):
        self.folder, self.errors = pathlib.Path(folder), []

    def error(self, place, message):
        self.errors.append(f"{place}: {message}")

    def table(self, path, columns):
        """A CSV file as a frame, or nothing if it is not one; grid keys are dotted columns."""
        name = path.relative_to(self.folder)
        if not path.is_file():
            return self.error(name, "no such file")
        text = path.read_bytes().decode()
        if "\r" in text:
            self.error(name, "carriage returns; lines end in LF")
        if not text.endswith("\n"):
            self.error(name, "the last line does not end")
        rows = list(csv.reader(io.StringIO(text), strict=True))
        header = rows[0] if rows else []
        grid = [c for c in header if "." in c]
        after = "seed" if "seed" in columns else "bits"
        if [c for c in header if c not in grid] != columns:
            return self.error(name, f"columns {header}, expected {columns}")
        if grid and "seed" in columns and header[3 : 3 + len(grid)] != grid:
            self.error(name, f"grid keys {grid} do not follow the column {after}")
        for number, row in enumerate(rows[1:], 2):
            if len(row) != len(header):
                return self.error(f"{name}:{number}", f"{len(row)} cells, the header has {len(header)}")
            for column, cell in zip(header, row):
                self.cell(f"{name}:{number}", column, cell, column in grid)
        frame = pd.read_csv(path, keep_default_na=False, dtype={c: str for c in [*TEXT, *grid]},
                            na_values={c: ["", "nan"] for c in header if c not in TEXT | set(grid)})
        for column in frame.columns:
            kind = frame[column].dtype.kind
            if column in INTEGERS and len(frame) and kind != "i":
                return self.error(name, f"{column} is read as {frame[column].dtype}, expected an integer")
            if column not in INTEGERS | TEXT | set(grid):
                try:
                    frame[column] = pd.to_numeric(frame[column])
                except ValueError as error:
                    return self.error(name, f"{column}: {error}")
        frame.attrs["grid"] = grid
        return frame

    def cell(self, place, column, cell, is_grid):
        if column in TEXT or is_grid or cell == "":
            return
        if column in INTEGERS:
            if not re.fullmatch(r"0|-?[1-9][0-9]*", cell):
                self.error(place, f"{column} is {cell!r}, expected an integer")
        elif cell.lower().strip("+-") in ("nan", "inf", "infinity"):
            if cell not in ("nan", "inf", "-inf"):
                self.error(place, f"{column} is {cell!r}; expected the spelling nan, inf or -inf")
        elif not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", cell):
            self.error(place, f"{column} is {cell!r}, expected a number")
        elif len(digits(cell)) > len(digits(repr(float(cell)))):
            self.error(place, f"{column} is {cell!r}; the shortest that reads back is {float(cell)!r}")

    def read_json(self, path):
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError) as error:
            self.error(path.relative_to(self.folder), str(error))
