"""check_results.py accepts a folder as documented, and finds each of the damages done to it.

Needs pytest, numpy, pandas, scipy. Run: python -m pytest -p no:cacheprovider Tests/Interop
"""

import csv
import json

import numpy as np
import pytest

from check_results import RUN, Results
from results_folder import CURVE, STEPS, SUMMARY, TIMING

#: Student's t at 0.975 for two degrees of freedom, so that the expected interval is not scipy's own word.
T2 = 4.302652729911275
ACCURACIES = {"full-precision": [0.9, 0.92, 0.925], "2-bit": [0.75, 0.8, 0.875]}


def write_csv(path, columns, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([columns, *rows])


@pytest.fixture
def folder(tmp_path):
    """Two variants, three seeds, two epochs of 30 steps, a steps.csv row every 20."""
    config = {"name": "tiny", "training": {"epochs": 2, "log_every_steps": 20}, "seeds": [0, 1, 2],
              "variants": [{"name": "full-precision", "bits": 32}, {"name": "2-bit", "bits": 2}]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    all_rows, summary, reference = [], [], None
    for variant, accuracies in ACCURACIES.items():
        bits = 32 if variant == "full-precision" else 2
        for seed, accuracy in enumerate(accuracies):
            run_id = f"{variant}-seed{seed}"
            run = tmp_path / "runs" / run_id
            run.mkdir(parents=True)
            rows = [["tiny", variant, seed, epoch, 30 * epoch, 0.5, 0.8, 0.25 * seed + 0.5, accuracy - 0.125 * (2 - epoch),
                     0.001] for epoch in (1, 2)]
            all_rows += rows
            write_csv(run / "curve.csv", CURVE, rows)
            write_csv(run / "steps.csv", STEPS, [["tiny", variant, seed, e, s, 0.5, 0.75, 0.001]
                                                 for e, s in [(1, 20), (2, 40), (2, 60)]])
            write_csv(run / "timing.csv", TIMING, [[1, 0.5, 2000.0], [2, 0.5, 2000.0]])
            values = dict.fromkeys(RUN) | {
                "experiment": "tiny", "run": run_id, "variant": variant, "seed": seed, "bits": bits,
                "status": "completed", "weight_bytes": 100 * bits, "epoch": 2, "step": 60,
                "final_val_accuracy": accuracy, "final_val_loss": 0.25 * seed + 0.5, "best_val_accuracy": accuracy,
                "best_epoch": 2, "train_seconds": 1.0}
            (run / "run.json").write_text(json.dumps(values))
        mean, spread = float(np.mean(accuracies)), float(np.std(accuracies, ddof=1))
        reference = mean if reference is None else reference
        half = T2 * spread / 3**0.5
        summary.append(["tiny", variant, bits, 3, 3, 0, mean, spread, mean - half, mean + half, mean, 0.75,
                        reference - mean, 100 * bits, 1.0, "completed"])
    write_csv(tmp_path / "curves.csv", CURVE, all_rows)
    write_csv(tmp_path / "summary.csv", SUMMARY, summary)
    write_summary_json(tmp_path)
    return tmp_path


def write_summary_json(folder):
    with (folder / "summary.csv").open() as file:
        rows = [{k: v if k in ("experiment", "variant", "status") else json.loads(v) if v else None
                 for k, v in row.items()} for row in csv.DictReader(file)]
    (folder / "summary.json").write_text(json.dumps({"variants": rows}))


def test_accepts_a_folder_as_documented(folder):
    assert Results(folder).check() == []


def test_accepts_a_loss_that_is_not_a_number(folder):
    run = folder / "runs/2-bit-seed2"
    for path in (run / "steps.csv", folder / "runs/2-bit-seed1/steps.csv"):
        path.write_text(path.read_text().replace("0.5,0.75", "nan,0.75"))
    assert Results(folder).check() == []


def replace(folder, name, old, new, count=1):
    path = folder / name
    assert old in path.read_text()
    path.write_bytes(path.read_text().replace(old, new, count).encode())


SEED0 = "runs/2-bit-seed0/"


@pytest.mark.parametrize(("name", "old", "new", "expected"), [
    ("curves.csv", "val_loss,val_accuracy", "val_accuracy,val_loss", "curves.csv: columns"),
    ("curves.csv", "tiny,2-bit,1,2,60", "tiny,2-bit,1,2,61", "curves.csv:10: not the rows of a run's curve.csv"),
    ("curves.csv", "\n", "\r\n", "carriage returns"),
    (SEED0 + "curve.csv", ",60,", ",60.0,", "step is '60.0', expected an integer"),
    (SEED0 + "curve.csv", ",0.8,", ",0.80000000000000004,", "the shortest that reads back is 0.8"),
    (SEED0 + "curve.csv", ",0.8,", ",1.8,", "train_accuracy outside"),
    (SEED0 + "curve.csv", "tiny,2-bit,0,2", "tiny,2-bit,0,3", "epochs [1, 3]"),
    (SEED0 + "curve.csv", "tiny,2-bit,0,2", "tiny,2-bit,1,2", "seed ['1'], run.json has 0"),
    (SEED0 + "steps.csv", ",40,", ",45,", "expected every multiple of 20"),
    (SEED0 + "steps.csv", "0,2,40", "0,1,40", "epoch in progress"),
    (SEED0 + "steps.csv", "0.5,", "NaN,", "expected the spelling nan"),
    (SEED0 + "timing.csv", "seconds", "second", "timing.csv: columns"),
    (SEED0 + "run.json", '"best_epoch": 2', '"best_epoch": 1', "best_epoch is 1"),
    (SEED0 + "run.json", '"final_val_accuracy": 0.75', '"final_val_accuracy": 0.5', "final_val_accuracy is 0.5"),
    (SEED0 + "run.json", '"host"', '"hostname"', "missing keys ['host'], unknown ['hostname']"),
    (SEED0 + "run.json", '"completed"', '"done"', "status 'done'"),
    (SEED0 + "run.json", '"completed"', '"failed"', "failed of 2-bit is 0, expected 1"),
    ("summary.json", '"bits": 2,', '"bits": 1,', "bits of row 2 is 1"),
    ("summary.json", '"variants"', '"rows"', "under variants"),
    ("summary.csv", "completed\n", "partial\n", "status partial with 3 of 3 completed"),
    ("config.json", '[0, 1, 2]', '[0, 2, 1]', "order of runs"),
])
def test_finds_damage(folder, name, old, new, expected):
    replace(folder, name, old, new, -1 if old == "\n" else 1)
    errors = Results(folder).check()
    assert any(expected in error for error in errors), errors


def test_finds_a_missing_file(folder):
    (folder / SEED0 / "steps.csv").unlink()
    assert Results(folder).check() == [f"{SEED0}steps.csv: no such file"]


@pytest.mark.parametrize("column", [c for c in SUMMARY if c not in ("experiment", "variant", "status")])
def test_finds_each_wrong_statistic(folder, column):
    with (folder / "summary.csv").open() as file:
        rows = list(csv.reader(file))
    cell = rows[2][SUMMARY.index(column)]
    rows[2][SUMMARY.index(column)] = repr(json.loads(cell) + (1 if "." not in cell else 1e-4))
    write_csv(folder / "summary.csv", rows[0], rows[1:])
    write_summary_json(folder)
    assert any(column in error or "of 4 completed" in error for error in Results(folder).check())


@pytest.fixture
def grid_folder(tmp_path):
    """One variant, two learning rates, one seed; the second run diverged before its first row."""
    key, config = "training.learning_rate", {"name": "g", "training": {"log_every_steps": 0}}
    config |= {"variants": [{"name": "full", "bits": 32}], "grid": {key: [0.001, 10.0]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    header = CURVE[:3] + [key] + CURVE[3:]
    row = ["g", "full", 0, 0.001, 1, 12, 1.5, 0.5, 1.25, 0.625, 0.001]
    for point, status in [("0.001", "completed"), ("10.0", "diverged")]:
        run_id = f"full-{key}={point}-seed0"
        run = tmp_path / "runs" / run_id
        run.mkdir(parents=True)
        values = dict.fromkeys(RUN) | {"experiment": "g", "run": run_id, "variant": "full", "seed": 0, "bits": 32,
                                       "status": status, "weight_bytes": 400}
        if status == "completed":
            values |= {"epoch": 1, "step": 12, "final_val_accuracy": 0.625, "final_val_loss": 1.25,
                       "best_val_accuracy": 0.625, "best_epoch": 1, "train_seconds": 0.5}
            write_csv(run / "curve.csv", header, [row])
            write_csv(run / "timing.csv", TIMING, [[1, 0.5, 2874.0]])
        (run / "run.json").write_text(json.dumps(values))
    write_csv(tmp_path / "curves.csv", header, [row])
    write_csv(tmp_path / "summary.csv", SUMMARY[:3] + [key] + SUMMARY[3:], [
        ["g", "full", 32, 0.001, 1, 1, 0, 0.625, "", "", "", 0.625, 1.25, 0.0, 400, 0.5, "completed"],
        ["g", "full", 32, 10.0, 1, 0, 1, "", "", "", "", "", "", "", 400, "", "failed"]])
    write_summary_json(tmp_path)
    return tmp_path


def test_accepts_a_grid_and_a_single_seed(grid_folder):
    assert Results(grid_folder).check() == []


def test_finds_a_deviation_of_a_single_seed(grid_folder):
    replace(grid_folder, "summary.csv", "0.625,,,,", "0.625,0.0,,,")
    assert any("final_val_accuracy_std of full is 0.0, expected None" in e for e in Results(grid_folder).check())


def test_accepts_runs_that_the_plan_no_longer_has(grid_folder):
    """An experiment that got a grid keeps the runs from before."""
    run = grid_folder / "runs/full-seed0"
    run.mkdir()
    values = json.loads((grid_folder / "runs/full-training.learning_rate=0.001-seed0/run.json").read_text())
    (run / "run.json").write_text(json.dumps(values | {"run": "full-seed0"}))
    write_csv(run / "curve.csv", CURVE, [["g", "full", 0, 1, 12, 1.5, 0.5, 1.25, 0.625, 0.001]])
    write_csv(run / "timing.csv", TIMING, [[1, 0.5, 2874.0]])
    assert Results(grid_folder).check() == []
    replace(grid_folder, "runs/full-seed0/run.json", '"step": 12', '"step": 13')
    assert Results(grid_folder).check() != []
