#!/usr/bin/env python3
"""Checks a results folder of one experiment, as pandas and scipy see it.

usage: check_results.py RESULTS_FOLDER     (the folder that holds summary.csv and runs/)

Needs numpy, pandas, scipy.

Checks columns and their order, types, the way numbers are written, the order of rows, that curves.csv is the runs'
curve.csv under one header, that run.json agrees with the curve, and every statistic of summary.csv: means, sample standard
deviation, the 95% interval from Student's t (both empty with fewer than two completed runs), the gap to full
precision. Exit code 1 and one line for each thing that is wrong.
"""

import argparse
import json
import math
import pathlib
import re
import sys

import numpy as np
from scipy import stats

from results_folder import CURVE, STEPS, SUMMARY, TEXT, TIMING, ResultsFolder

RUN = ["experiment", "run", "variant", "seed", "bits", "method", "status", "error", "config_hash", "parameters",
       "weight_bytes", "epoch", "step", "final_val_accuracy", "final_val_loss", "best_val_accuracy", "best_epoch",
       "started", "ended", "train_seconds", "host", "cpu", "threads", "bitlab_version", "swift_version",
       "run_hash", "reused_from", "stopped_by", "data_sha256", "crc32"]
RUN_STATUSES = {"queued", "running", "paused", "completed", "failed", "diverged", "cancelled"}
SUMMARY_STATUSES = {"completed", "partial", "running", "failed"}


def same(found, expected):
    """Equal up to the rounding of a sum; missing equals missing."""
    if missing(found) or missing(expected):
        return missing(found) and missing(expected)
    return math.isclose(float(found), float(expected), rel_tol=1e-6, abs_tol=1e-9)


def missing(value):
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


class Results(ResultsFolder):
    """The checks of one experiment's folder."""

    def __init__(self, folder):
        super().__init__(folder)
        self.config = {}

    def runs(self):
        """Every run's run.json with its curve under `curve`."""
        runs = {}
        for folder in sorted((self.folder / "runs").glob("*/")):
            run = self.read_json(folder / "run.json")
            if not isinstance(run, dict):
                continue
            place = f"runs/{folder.name}/run.json"
            if set(run) != set(RUN):
                self.error(place, f"missing keys {sorted(set(RUN) - set(run))}, unknown {sorted(set(run) - set(RUN))}")
                continue
            if run["status"] not in RUN_STATUSES:
                self.error(place, f"status {run['status']!r}")
            if run["bits"] not in (32, 2, 1):
                self.error(place, f"bits {run['bits']!r}")
            if run["run"] not in (folder.name, f"{run['experiment']}/{folder.name}"):
                self.error(place, f"run is {run['run']!r}, the folder {folder.name!r}")
            run["grid"] = self.grid_point(folder.name, run)
            run["curve"] = self.curve(folder, run)
            self.steps(folder, run)
            runs[folder.name] = run
        if not runs:
            self.error("runs", "no run")
        return runs

    def grid_point(self, run_id, run):
        """The part of an id between variant and seed."""
        head, tail = run["variant"], f"-seed{run['seed']}"
        if not (run_id.startswith(head) and run_id.endswith(tail)):
            self.error(f"runs/{run_id}", f"expected an id {head}[-KEY=VALUE...]{tail}")
            return ""
        return run_id[len(head) : len(run_id) - len(tail)].removeprefix("-")

    def curve(self, folder, run):
        place = f"runs/{folder.name}/curve.csv"
        if not (folder / "curve.csv").exists() and run["status"] != "completed":
            return None
        curve = self.table(folder / "curve.csv", CURVE)
        if curve is None:
            return None
        self.identity(place, curve, run)
        if curve.epoch.tolist() != list(range(1, len(curve) + 1)):
            self.error(place, f"epochs {curve.epoch.tolist()}, expected 1, 2, ...")
        if (np.diff(curve.step) <= 0).any() or (curve.step < 1).any():
            self.error(place, f"steps {curve.step.tolist()} do not increase")
        for column in ("train_accuracy", "val_accuracy"):
            if ((curve[column] < 0) | (curve[column] > 1)).any():
                self.error(place, f"{column} outside 0...1")
        if run["status"] == "completed":
            self.final_values(folder, run, curve)
        timing = self.table(folder / "timing.csv", TIMING)
        if timing is not None and run["status"] == "completed" and timing.epoch.tolist() != curve.epoch.tolist():
            self.error(f"runs/{folder.name}/timing.csv", f"epochs {timing.epoch.tolist()}, curve.csv {curve.epoch.tolist()}")
        return curve

    def identity(self, place, frame, run):
        for key in ("experiment", "variant", "seed"):
            others = set(frame[key]) - {run[key]}
            if others:
                self.error(place, f"{key} {sorted(map(str, others))}, run.json has {run[key]!r}")

    def final_values(self, folder, run, curve):
        place = f"runs/{folder.name}/run.json"
        if curve.empty:
            return self.error(place, "completed, but curve.csv has no row")
        last, best = curve.iloc[-1], curve.val_accuracy.idxmax()
        expected = {"final_val_accuracy": last.val_accuracy, "final_val_loss": last.val_loss, "epoch": last.epoch,
                    "step": last.step, "best_val_accuracy": curve.val_accuracy[best], "best_epoch": curve.epoch[best]}
        for key, value in expected.items():
            if not same(run[key], value):
                self.error(place, f"{key} is {run[key]}, curve.csv says {value}")

    def steps(self, folder, run):
        path, place = folder / "steps.csv", f"runs/{folder.name}/steps.csv"
        every = self.log_every_steps(run["variant"])
        due = run["status"] == "completed" and every and run["step"] >= every
        steps = self.table(path, STEPS) if path.exists() or due else None
        if steps is None or steps.empty:
            return self.error(place, "has no row") if due and steps is not None else None
        self.identity(place, steps, run)
        if (np.diff(steps.step) <= 0).any() or (np.diff(steps.epoch) < 0).any():
            self.error(place, "steps or epochs do not increase")
        if not every:
            return self.error(place, "exists, though log_every_steps is 0")
        if steps.step.tolist() != list(range(every, every * (len(steps) + 1), every)):
            self.error(place, f"steps {steps.step.tolist()[:5]}, ...; expected every multiple of {every}")
        curve = run["curve"]
        if curve is not None and len(curve) and run["status"] == "completed":
            ends = np.asarray(curve.step)
            if steps.step.iloc[-1] > ends[-1] or steps.step.iloc[-1] + every <= ends[-1]:
                self.error(place, f"ends at step {steps.step.iloc[-1]}, the run at {ends[-1]}")
            progress = curve.epoch.to_numpy()[np.minimum(np.searchsorted(ends, steps.step), len(ends) - 1)]
            if (steps.epoch.to_numpy() != progress).any():
                self.error(place, "epoch is not the 1-based epoch in progress that curve.csv implies")

    def log_every_steps(self, variant):
        variants = {v["name"]: v for v in self.config.get("variants", [])}
        default = self.config.get("training", {}).get("log_every_steps", 50)
        return variants.get(variant, {}).get("log_every_steps", default)

    def plan(self):
        """Variants in the config's order, and the seeds."""
        return [v["name"] for v in self.config.get("variants", [])], self.config.get("seeds", [0])

    def is_planned(self, run):
        """Whether the config has the run: an experiment that grew may have left others behind."""
        variants, seeds = self.plan()
        grid = {key: [self.value(json.dumps(v).strip('"')) for v in values]
                for key, values in self.config.get("grid", {}).items()}
        point = dict(self.point_values(run["grid"])) if run["grid"] else {}
        return (run["variant"] in variants and run["seed"] in seeds and set(point) == set(grid)
                and all(value in grid[key] for key, value in point.items()))

    def curves(self, runs):
        path = self.folder / "curves.csv"
        curves = self.table(path, CURVE)
        if curves is None:
            return
        header, *rows = path.read_text().splitlines()
        parts, order = {}, []
        for name, run in runs.items():
            if run["curve"] is None:
                continue
            head, *body = (self.folder / "runs" / name / "curve.csv").read_text().splitlines()
            if head != header:
                self.error(f"runs/{name}/curve.csv", "another header than curves.csv")
            if body:
                parts[body[0]] = (name, body)
        index = 0
        while index < len(rows):
            name, body = parts.pop(rows[index], (None, []))
            if name is None or rows[index : index + len(body)] != body:
                return self.error(f"curves.csv:{index + 2}", "not the rows of a run's curve.csv, whole and once")
            order.append(runs[name])
            index += len(body)
        for name, _ in parts.values():
            self.error("curves.csv", f"lacks the rows of {name}")
        variants, seeds = self.plan()
        for point in {run["grid"] for run in order}:
            found = [(run["variant"], run["seed"]) for run in order if run["grid"] == point]
            expected = [(v, s) for v in variants for s in seeds if (v, s) in found]
            if found != expected:
                self.error("curves.csv", f"order of runs {found}, the plan's is {expected}")

    def summary(self, runs):
        summary = self.table(self.folder / "summary.csv", SUMMARY)
        if summary is None:
            return
        self.summary_json(summary)
        variants, _ = self.plan()
        full = next((v["name"] for v in self.config.get("variants", []) if v.get("bits") == 32), None)
        places = [variants.index(v) if v in variants else -1 for v in summary.variant]
        if -1 in places:
            self.error("summary.csv", f"variants {summary.variant.tolist()}, config.json has {variants}")
        elif not summary.attrs["grid"] and places != sorted(places):
            self.error("summary.csv", f"order of variants {summary.variant.tolist()}, config.json has {variants}")
        groups = {}
        for run in runs.values():
            groups.setdefault((run["variant"], run["grid"]), []).append(run)
        rows = {}
        for position, row in summary.iterrows():
            point = "-".join(f"{key}={row[key]}" for key in summary.attrs["grid"])
            key = (row.variant, point)
            if key not in groups:
                # A grid value may be spelled otherwise in an id: then the only unmatched one it can be.
                near = [g for g in groups if g[0] == row.variant and g not in rows
                        and self.point_values(g[1]) == self.point_values(point)]
                key = near[0] if len(near) == 1 else key
            if key in rows:
                self.error(f"summary.csv:{position + 2}", f"a second row for {key}")
            rows[key] = (position, row)
            if key not in groups and row.status in ("completed", "partial"):
                self.error(f"summary.csv:{position + 2}", f"no runs of {key}")
        for key in groups:
            if key not in rows:
                self.error("summary.csv", f"no row for {key}")
        for key, (position, row) in rows.items():
            self.summary_row(f"summary.csv:{position + 2}", row, groups.get(key, []), groups.get((full, key[1]), []))

    @staticmethod
    def point_values(point):
        """A grid point's cells, numbers as numbers."""
        parts = re.split(r"-(?=[A-Za-z_]+\.[A-Za-z_.]+=)", point)
        return [(key, Results.value(text)) for key, _, text in (part.partition("=") for part in parts)]

    @staticmethod
    def value(text):
        try:
            return float(text)
        except ValueError:
            return text

    def summary_row(self, place, row, runs, full):
        def values(runs, key):
            return np.array([r[key] for r in runs if r["status"] == "completed"], dtype=float)

        def mean(values):
            return values.mean() if len(values) else None

        accuracy, reference = values(runs, "final_val_accuracy"), mean(values(full, "final_val_accuracy"))
        spread = low = high = None
        if len(accuracy) > 1:
            spread = accuracy.std(ddof=1)
            # scipy gives nan for a standard error of 0
            low, high = (stats.t.interval(0.95, len(accuracy) - 1, accuracy.mean(), stats.sem(accuracy)) if spread > 0
                         else (accuracy.mean(), accuracy.mean()))
        expected = {
            "completed": len(accuracy),
            "failed": sum(r["status"] in ("failed", "diverged") for r in runs),
            "final_val_accuracy_mean": mean(accuracy), "final_val_accuracy_std": spread,
            "final_val_accuracy_ci95_low": low, "final_val_accuracy_ci95_high": high,
            "best_val_accuracy_mean": mean(values(runs, "best_val_accuracy")),
            "final_val_loss_mean": mean(values(runs, "final_val_loss")),
            "accuracy_gap_to_full_precision":
                None if reference is None or not len(accuracy) else reference - accuracy.mean(),
            "train_seconds_mean": mean(values(runs, "train_seconds")),
        }
        if runs:
            expected |= {"bits": runs[0]["bits"], "weight_bytes": runs[0]["weight_bytes"]}
        for key, value in expected.items():
            if not same(row[key], value):
                self.error(place, f"{key} of {row.variant} is {row[key]}, expected {value}")
        if row.status not in SUMMARY_STATUSES:
            self.error(place, f"status {row.status!r}, expected one of {sorted(SUMMARY_STATUSES)}")
        if (row.status == "completed") != (row.completed == row.seeds):
            self.error(place, f"status {row.status} with {row.completed} of {row.seeds} completed")
        if row.completed + row.failed > row.seeds:
            self.error(place, f"{row.completed} completed and {row.failed} failed of {row.seeds}")

    def summary_json(self, summary):
        """The same rows under `variants`."""
        value = self.read_json(self.folder / "summary.json")
        if value is None:
            return
        rows = value.get("variants") if isinstance(value, dict) else None
        if not isinstance(rows, list) or len(rows) != len(summary):
            return self.error("summary.json", f"expected the {len(summary)} rows of summary.csv under variants")
        for index, row in enumerate(rows):
            for column in summary.columns:
                found, expected = row.get(column), summary[column].iloc[index]
                if column in TEXT:
                    equal = found == expected
                elif column in summary.attrs["grid"]:
                    equal = self.point_values(f"k.k={found}") == self.point_values(f"k.k={expected}")
                else:
                    equal = missing(found) and missing(float(expected)) or same(found, expected)
                if not equal:
                    self.error("summary.json", f"{column} of row {index + 1} is {found!r}, summary.csv has {expected!r}")
            unknown = set(row) - set(summary.columns)
            if unknown:
                self.error("summary.json", f"row {index + 1} has other keys: {sorted(unknown)}")

    def check(self):
        if not self.folder.is_dir():
            self.error(self.folder, "no such folder")
            return self.errors
        self.config = self.read_json(self.folder / "config.json")
        if isinstance(self.config, dict):
            runs = {name: run for name, run in self.runs().items() if self.is_planned(run)}
            self.curves(runs)
            self.summary(runs)
        return self.errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="RESULTS_FOLDER", type=pathlib.Path)
    args = parser.parse_args()
    errors = Results(args.folder).check()
    print(*(errors or [f"{args.folder}: as documented"]), sep="\n", file=sys.stderr if errors else sys.stdout)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
