"""Timings of the spine on this machine against its goals: `make bench-spine`, or with ``--json``.

Every figure is measured here and now; nothing is asserted. ``--full`` adds the whole default run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
JANUS = str(Path(sys.executable).with_name("janus"))


def wall(command: list[str], repeats: int) -> float:
    """Median wall time of a command, s."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def life_rows() -> list[dict]:
    """Wake and night times over four years of the default book."""
    import numpy as np

    from support.lives import history, make_life

    with tempfile.TemporaryDirectory() as scratch:
        make_life(Path(scratch) / "warm", history("2004-01-02", "2004-12-31", symbols=())).run()
        life = make_life(Path(scratch) / "run", history("2004-01-02", "2007-12-31", symbols=()))
        nights: dict[bool, list[float]] = {True: [], False: []}
        real = life.sleep.night

        def timed(*args, **kwargs):
            began = time.perf_counter()
            report = real(*args, **kwargs)
            nights[report.deep].append(time.perf_counter() - began)
            return report

        life.sleep.night = timed
        began = time.perf_counter()
        life.run()
        total = time.perf_counter() - began
        steps = np.array(life.step_seconds) * 1e3
    return [
        row("wake.step, 20 instruments, p50", float(np.percentile(steps, 50)), "ms", 1.0),
        row("wake.step, 20 instruments, p99", float(np.percentile(steps, 99)), "ms", 3.0),
        row("light night, median", statistics.median(nights[False]) * 1e3, "ms", 15.0),
        row("deep night, median", statistics.median(nights[True]) * 1e3, "ms", None),
        row("bars a second, nights and orders included", len(steps) / total, "1/s", None),
    ]


def vision_rows() -> list[dict]:
    """Wake times over the last bars of a life in which a trained network looks at 20 instruments."""
    import numpy as np

    from support.lives import history, make_life

    rows, bars = [], 250
    for model, goal in (("diffgaf_lstm", 5.0), ("vivit", 10.0)):
        with tempfile.TemporaryDirectory() as scratch:
            past = history("2004-01-02", "2006-06-30", symbols=())
            life = make_life(Path(scratch) / "run", past, f'brain.visual_cortex.model="{model}"')
            life.run()
            looked = life.brain.visual_cortex.model
            life.venue.close()
        if looked != model:
            raise SystemExit(f"{model} stepped down to {looked}: nothing to measure")
        steps = np.array(life.step_seconds[-bars:]) * 1e3
        rows.append(row(f"wake.step with {model}, p50", float(np.percentile(steps, 50)), "ms", None))
        rows.append(row(f"wake.step with {model}, p99", float(np.percentile(steps, 99)), "ms", goal))
    return rows


def memory_rows() -> list[dict]:
    """A full memory of the default size: what a decision waits for, and what a bar costs it."""
    import numpy as np

    from janus_trader.brain.hippocampus import Hippocampus, HippocampusConfig
    from support.memories import decision_at, fill, moment_at

    n, k, rng = 20, 10, np.random.default_rng(0)
    memory = Hippocampus(HippocampusConfig(), n, k)
    fill(memory, rng)
    features = rng.standard_normal((n, 12))
    contexts = [np.tanh(rng.standard_normal(24)) for _ in range(300)]
    memory.recollect(contexts[0], features)
    recollected = [clocked(lambda c=c: memory.recollect(c, features)) for c in contexts]
    days = [decision_at(t, rng, n, k) for t in range(300)]
    moments = [moment_at(t, 100 + rng.random(n)) for t in range(300)]
    sigma = np.full(n, 0.01)
    lived = [
        clocked(lambda d=d, m=m: memory.observe(d, m, True, sigma))
        for d, m in zip(days, moments, strict=True)
    ]
    written = [clocked(memory.snapshot) for _ in range(30)]
    return [
        row("recollect, 2,048 episodes, 20 instruments", statistics.median(recollected) * 1e6, "us", 60.0),
        row("observe, 2,048 episodes, 20 instruments", statistics.median(lived) * 1e6, "us", None),
        row("snapshot of 2,048 episodes", statistics.median(written) * 1e3, "ms", None),
    ]


def deep_night_row() -> dict:
    """One deep night that replays 10,000 of 10,000 episodes for every default learner."""
    import numpy as np

    from support.lives import history, make_life
    from support.memories import fill

    settings = ("brain.hippocampus.capacity=13334", "sleep.replay_deep=10000")
    with tempfile.TemporaryDirectory() as scratch:
        life = make_life(Path(scratch) / "run", history("2004-01-02", "2005-12-31", symbols=()), *settings)
        life.run()
        memory = life.brain.hippocampus
        fill(memory, np.random.default_rng(0), 10_000, like=memory.recent(400))
        life.brain.session_steps = list(range(9_488, 10_000))
        life.brain.learned_until = 0
        elapsed = clocked(lambda: life.sleep.night(life.nights, 0, deep=True))
        life.venue.close()
    return row("deep night over 10,000 episodes", elapsed, "s", 30.0)


def clocked(work) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def row(work: str, value: float, unit: str, goal: float | None) -> dict:
    """One line of the table; ``met`` is None where there is no goal."""
    return {
        "work": work,
        "value": round(value, 4),
        "unit": unit,
        "goal": goal,
        "met": None if goal is None else value <= goal,
    }


def run_rows(name: str, arguments: list[str], goals: tuple[float, float | None]) -> list[dict]:
    """Wall time and memory of one run of the command line."""
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        done = subprocess.run(
            [JANUS, "run", *arguments, "--json", "--out", f"{scratch}/run"], check=True, capture_output=True
        )
        elapsed = time.perf_counter() - began
        summary = json.loads(done.stdout)
    return [
        row(f"{name}, whole command", elapsed, "s", goals[0]),
        row(f"{name}, peak memory", summary["peak_rss_mb"], "MB", goals[1]),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    rows = [
        row(
            "import janus_trader",
            wall([sys.executable, "-c", "import janus_trader"], 7) - wall([sys.executable, "-c", "pass"], 7),
            "s",
            0.3,
        ),
        row("janus --help", wall([JANUS, "--help"], 7), "s", 0.5),
        *life_rows(),
        *vision_rows(),
        *memory_rows(),
        deep_night_row(),
        *run_rows("janus run --quick", ["--quick"], (20.0, None)),
    ]
    if arguments.full:
        rows += run_rows("janus run --to 2017-12-31", ["--to", "2017-12-31"], (240.0, 1024.0))
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'work':<44}{'value':>12} {'unit':<5}{'goal':>8}  met")
    for r in rows:
        goal = "" if r["goal"] is None else f"{r['goal']:g}"
        met = {True: "yes", False: "MISSED", None: ""}[r["met"]]
        print(f"{r['work']:<44}{r['value']:>12.4g} {r['unit']:<5}{goal:>8}  {met}")


if __name__ == "__main__":
    main()
