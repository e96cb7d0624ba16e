"""Two runs side by side: figures, configuration, first differing decision."""

from __future__ import annotations

from typing import Any

from janus_trader.runs.replay import compare_journals
from janus_trader.runs.run import Run

COMPARED = (
    "start",
    "end",
    "bars",
    "nights",
    "final_equity",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "turnover",
    "costs",
    "time_in_market",
    "deflated_sharpe_prob",
)


def flatten(tree: Any, path: str = "") -> dict[str, Any]:
    """Leaves of a nested mapping by dotted path.

    >>> flatten({"a": {"b": 1}})
    {'a.b': 1}
    """
    if isinstance(tree, dict):
        out: dict[str, Any] = {}
        for key, value in tree.items():
            out.update(flatten(value, f"{path}.{key}" if path else str(key)))
        return out
    return {path: tree}


def compare_runs(a: Run, b: Run) -> dict[str, Any]:
    """Figures of both, every configuration key that differs, and where the journals part."""
    left, right = flatten(a.manifest["config"]), flatten(b.manifest["config"])
    config = {
        key: [left.get(key), right.get(key)]
        for key in sorted(set(left) | set(right))
        if left.get(key) != right.get(key)
    }
    journals = compare_journals(a.directory.journal, b.directory.journal)
    return {
        "a": a.directory.run_id,
        "b": b.directory.run_id,
        "figures": {key: [a.summary.get(key), b.summary.get(key)] for key in COMPARED},
        "config": config,
        "same_data": a.manifest["data_fingerprint"] == b.manifest["data_fingerprint"],
        "journals": journals.to_dict(),
    }
