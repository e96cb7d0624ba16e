"""The table of works as text: cells for a terminal, and the generated part of ``docs/performance.md``."""

from __future__ import annotations

from collections.abc import Sequence

from janus_trader.research.bench.table import Growth, Row

COLUMNS = ("work", "peer", "peer's time", "ours", "ratio", "goal", "limit", "agreement", "")
GROWTH_COLUMNS = ("work", "n", "one repetition", "cost")


def duration(ns: float | None) -> str:
    """A time with three digits and the unit that suits it.

    >>> duration(1234.5), duration(None), duration(0.52)
    ('1.23 µs', '', '0.52 ns')
    """
    if ns is None:
        return ""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def goal_text(ratio: float | None, ns: float | None) -> str:
    """The goals of a work in one cell."""
    parts = []
    if ratio is not None:
        parts.append(f"≥ {ratio:g}×")
    if ns is not None:
        parts.append(f"≤ {duration(ns)}")
    return ", ".join(parts)


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table; the last cell says whether the goals are met."""
    peer = " ".join(part for part in (row.peer, row.peer_version) if part)
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}×"
    agreement = "" if row.agreement is None else f"{row.agreement:.1e}"
    verdict = "failed" if row.failure else {True: "met", False: "MISSED", None: ""}[row.met]
    return (
        row.work,
        peer,
        duration(row.peer_ns),
        duration(row.ours_ns),
        ratio,
        goal_text(row.goal, row.goal_ns),
        duration(row.limit_ns),
        agreement,
        verdict,
    )


def growth_cells(growth: Growth) -> tuple[str, ...]:
    """One line of the table of growth."""
    return (
        growth.work,
        ", ".join(f"{n:,}" for n in growth.sizes),
        ", ".join(duration(t) for t in growth.repetition_ns),
        f"n^{growth.exponent:.2f}",
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def markdown(rows: Sequence[Row], growth: Sequence[Growth], machine: str) -> str:
    """The generated part of the performance page: the table, what was done, and how cost grows."""
    lines = [f"Measured on {machine}. Times are an item's; `limit` is what this machine allows at all.", ""]
    lines += _table(COLUMNS, [cells(r) for r in rows])
    lines += ["", "## What was done", ""]
    seen: set[str] = set()
    for row in rows:
        if row.work not in seen:
            seen.add(row.work)
            notes = [f"{r.peer}: {r.settings}" for r in rows if r.work == row.work and r.settings]
            notes += [f"{r.peer} failed: {r.failure}" for r in rows if r.work == row.work and r.failure]
            lines.append(f"- `{row.work}` (per {row.unit}): {row.title}" + "".join(f"; {n}" for n in notes))
    if growth:
        lines += ["", "## How cost grows", ""]
        lines += _table(GROWTH_COLUMNS, [growth_cells(g) for g in growth])
    return "\n".join(lines) + "\n"
