"""What the comparisons with other programs share."""
import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import sys


HERE = pathlib.Path(__file__).resolve().parent


class Failure(Exception):
    """A program that could not be run, or said something else than expected."""


def run(command):
    shown = " ".join(map(str, command))
    try:
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    except OSError as error:
        raise Failure(f"{shown}\n{error}") from None
    if result.returncode:
        hint = ("\n(--python or make's PYTHON=... names an interpreter that has torch and numpy)"
                if "ModuleNotFoundError" in result.stderr else "")
        raise Failure(f"{shown}\nexit code {result.returncode}\n{result.stderr.strip()[-2000:]}{hint}")
    return shown, result.stdout


def cpu():
    """The CPU's name, with family and model: some names say no more than who made it."""
    try:
        fields = {}
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
        number = f" (family {fields['cpu family']}, model {fields['model']})" if "cpu family" in fields else ""
        return fields["model name"] + number
    except (OSError, KeyError):
        return platform.processor() or "unknown"


def read_check(paths, key):
    """Of earlier --jsons that of this CPU, else the first: its CPU and its ratios."""
    found = []
    for path in paths:
        try:
            earlier = json.loads(pathlib.Path(path).read_text())
            found.append((earlier["cpu"], {key(row): float(row["ratio"]) for row in earlier["rows"]}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Failure(f"{path}: expected what an earlier --json wrote: {error!r}") from None
    for one in found:
        if one[0] == cpu():
            return one
    print(f"note: no file is of this CPU, {cpu()}: compared with ratios of {found[0][0]}", file=sys.stderr)
    return found[0]


def warnings(rows, key, say, cpu, known):
    """Lines for ratios 10% worse than those of an earlier run, and for those that it does not have."""
    for row in rows:
        if key(row) not in known:
            yield f"note: {say(row)}: nothing to compare with"
        elif row["ratio"] < 0.9 * known[key(row)]:
            yield f"warning: {say(row)}: ratio {row['ratio']:.2f}, was {known[key(row)]:.2f} on {cpu}"


def spread(ratios):
    return {"ratio": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)}


def aligned(lines, names):
    """Rows of words as aligned text, of which the first so many columns are names."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(word.ljust(width) if place < names else word.rjust(width)
                               for place, (word, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def at_least_one(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def arguments(description):
    """The options that every comparison has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=at_least_one, default=3)
    parser.add_argument("--threads", type=at_least_one, default=2)
    parser.add_argument("--python", default=sys.executable, help="interpreter that has torch and numpy")
    parser.add_argument("--bitlab", default=HERE.parent / ".build/release/bitlab", help="our program")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    return parser


def report(rows, table, as_json):
    """Prints the rows: as JSON with the CPU, or as the text that `table` makes of them."""
    print(json.dumps({"cpu": cpu(), "rows": rows}, indent=2) if as_json else table(rows))
