"""The committed record of every configuration that was judged, which deflates the Sharpe ratio.

``TRIALS.jsonl`` holds one JSON object a line: ``at`` (date), ``kind`` (``selection``, ``holdout``,
``sweep``, ``ablation`` or ``backtest``), ``span``, ``config_fingerprint``, ``sharpe``, ``note``. A line of
kind ``sweep`` or ``ablation`` counts as its ``trials`` and is written when it begins; what one keeps in its
own directory has another name. The holdout is opened by ``janus run --holdout`` and ``janus ablate
--holdout``, which append a line; no default is changed because of what it shows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from janus_trader.contracts.errors import IntegrityError

NAME = "TRIALS.jsonl"


def find_trials() -> Path | None:
    """The record: in the working directory, else beside the source tree; None where there is none."""
    candidates = [Path.cwd() / NAME, *(parent / NAME for parent in Path(__file__).resolve().parents[2:4])]
    for path in candidates:
        if path.is_file():
            return path
    return None


def read_trials(path: Path | None) -> list[dict[str, Any]]:
    """All recorded trials; an absent record is an empty list.

    Raises
    ------
    IntegrityError
        A line is not a JSON object.
    """
    if path is None:
        return []
    trials = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            trials.append(msgspec.json.decode(line, type=dict[str, Any]))
        except msgspec.DecodeError as error:
            raise IntegrityError(f"{path}: line {number} is not a JSON object", got=str(error)) from error
    return trials


def append_trial(path: Path, trial: dict[str, Any]) -> None:
    """Append one line; the record only grows."""
    with open(path, "ab") as handle:
        handle.write(msgspec.json.encode(trial) + b"\n")
        handle.flush()
        os.fsync(handle.fileno())


def trial_sharpes(trials: list[dict[str, Any]]) -> list[float]:
    """Sharpe ratios (a year's) of the recorded trials that have one."""
    return [float(t["sharpe"]) for t in trials if isinstance(t.get("sharpe"), (int, float))]


def trial_count(trials: list[dict[str, Any]]) -> int:
    """Configurations that were judged: one a line, and as many as it says for a sweep or an ablation.

    >>> trial_count([{"kind": "selection"}, {"kind": "sweep", "trials": 40}, {"kind": "ablation", "trials": 11}])
    52
    """
    return sum(max(1, int(t.get("trials", 1))) for t in trials)
