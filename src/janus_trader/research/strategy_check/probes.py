"""The probes: each asks a strategy the same question in two ways whose answers must agree.

All work on known bars (T,) of one instrument; they draw nothing at random, so a check repeats itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from janus_trader.contracts.errors import StrategyError
from janus_trader.research.strategy_check.elsewhere import answers_elsewhere
from janus_trader.research.strategy_check.perturbations import PRICES, changes, whole_future
from janus_trader.research.strategy_check.report import Kind, Violation
from janus_trader.research.strategy_check.source import findings
from janus_trader.research.strategy_check.subject import Subject
from janus_trader.research.strategy_check.tracing import first_difference, first_single_difference, record

#: Places of the cuts, as fractions of the history.
CUTS = (0.31, 0.42, 0.5, 0.58, 0.67, 0.76, 0.85, 0.93)
#: Bars after a cut that a probe keeps: who looks further ahead than this looks at the whole table too.
TAIL = 96
#: Bars at the end of the history at each of which a table is cut off.
DENSE = 130
#: Of so many cuts one tries values far out as well.
FAR_CUTS = 4
#: Bars that a trace runs through, before the cut.
TRACED = 250
#: Two answers that differ by no more than this are equal: rounding of sums over other windows.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Leak:
    """The future at ``cut`` changed the answer to bar ``bar`` before it; ``base`` and ``other`` show it."""

    bar: int
    cut: int
    base: np.ndarray
    other: np.ndarray


def _differ(a: np.ndarray, b: np.ndarray, tolerance: float = ROUNDING) -> np.ndarray:
    return np.flatnonzero(~(np.abs(a - b) <= tolerance))


def _cuts(length: int) -> list[int]:
    """Where to cut; odd places, so that no session or window ends there on purpose."""
    return sorted({min(length - 2, max(3, int(share * length) | 1)) for share in CUTS})


def truncation(subject: Subject, bars: np.ndarray) -> Leak | None:
    """Answers on a prefix must be those on the whole."""
    whole = subject.fresh().answers(bars)
    for cut in _cuts(len(bars)):
        wrong = _differ(subject.fresh().answers(bars[:cut]), whole[:cut])
        if wrong.size:
            return Leak(int(wrong[0]), cut, bars, bars[:cut])
    return None


def telling_cuts(subject: Subject, bars: np.ndarray) -> list[Leak]:
    """Bars near the end at which the answer to the last row of a table changes when later rows follow.

    A leak that acts only now and then (at the end of a session, say) shows at few bars: all of the last
    `DENSE` are tried. Only the signals form sees more than one bar at a time.
    """
    if subject.form != "signals":
        return []
    whole = subject.fresh().answers(bars)
    asked, found = subject.fresh(), []
    for cut in range(max(1, len(bars) - DENSE), len(bars) - 1):
        if abs(asked.answers(bars[:cut])[-1] - whole[cut - 1]) > ROUNDING:
            leak = by_later_rows(subject, bars, cut - 1, whole)
            found += [leak] if leak is not None else []
    return found[:: max(1, len(found) // 4)][:4]


def by_later_rows(
    subject: Subject, bars: np.ndarray, bar: int, whole: np.ndarray | None = None
) -> Leak | None:
    """Whether the answer to ``bar`` is another one once later rows exist, from a fresh file each time."""
    if subject.form != "signals":
        return None
    whole = subject.fresh().answers(bars) if whole is None else whole
    alone = subject.fresh().answers(bars[: bar + 1])[-1]
    return Leak(bar, bar + 1, bars, bars[: bar + 1]) if abs(alone - whole[bar]) > ROUNDING else None


@dataclass(frozen=True)
class Futures:
    """A history cut at several bars, with the answers before each cut."""

    parts: tuple[tuple[int, np.ndarray, np.ndarray], ...]


def futures(subject: Subject, bars: np.ndarray, more: list[int]) -> Futures:
    """Cut at the usual places and at ``more``; a part keeps `TAIL` bars after its cut."""
    parts = []
    for cut in dict.fromkeys((*_cuts(len(bars)), *more)):
        part = bars[: cut + TAIL]
        parts.append((cut, part, subject.fresh().answers(part)[:cut]))
    return Futures(tuple(parts))


def future_of(subject: Subject, cuts: Futures, field: str) -> tuple[Leak | None, str]:
    """Changing one field after a cut must not change an answer before it.

    Returns the leak, and what the file said where it refused every change (else ""): then nothing is known.
    """
    accepted, said = 0, ""
    for k, (cut, part, before) in enumerate(cuts.parts):
        for other in changes(part, field, cut, far=k % FAR_CUTS == 0):
            try:
                after = subject.fresh().answers(other)[:cut]
            except StrategyError as error:
                said = str(error.got)  # a bar that no market makes may be refused
                continue
            accepted += 1
            wrong = _differ(before, after)
            if wrong.size:
                return Leak(int(wrong[0]), cut, part, other), ""
    return None, "" if accepted else said


def blamed_line(subject: Subject, leak: Leak) -> int | None:
    """The line of the file through which the future came in."""
    if not subject.path:
        return None
    suspects = frozenset(f.line for f in findings(subject.source) if f.kind is Kind.LOOK_AHEAD)
    start = max(0, min(leak.bar - 2, leak.cut - TRACED))
    for first in (start, 0):
        base, other = leak.base[first:], leak.other[first:]
        cut, rows = leak.cut - first, len(base)
        if len(other) != len(base):  # a truncation: the longer run is compared with its own prefix
            base = base[: cut + TAIL]
            other, rows = whole_future(base, cut), len(base)
        try:
            if not _differ(subject.answers(base)[:cut], subject.answers(other)[:cut]).size:
                continue
        except StrategyError:
            continue
        traces = [
            record(lambda bars=bars: subject.answers(bars), subject.path, rows, cut)  # type: ignore[misc]
            for bars in (base, other)
        ]
        if subject.form == "signals":
            line = first_difference(traces[0], traces[1], subject.source, suspects)
        else:  # a step sees one bar at a time: whatever differs first, before the cut, has looked ahead
            line = first_single_difference(traces[0], traces[1])
        if line is not None:
            return line
    return None


@dataclass(frozen=True)
class Memory:
    """How long answers depend on where the history starts.

    ``needed`` is the first bar after the start from which on answers agree; ``share`` the part of the
    second half of the history whose answers still differ.
    """

    needed: int
    share: float
    bar: int


def memory(subject: Subject, bars: np.ndarray, tolerance: float) -> Memory:
    """Start the same history later: after a warm-up, answers must be the same within ``tolerance``."""
    whole = subject.fresh().answers(bars)
    needed, share, bar = 0, 0.0, 0
    for start in (len(bars) // 9, len(bars) // 5, len(bars) // 3):
        late = subject.fresh().answers(bars[start:])
        wrong = _differ(late, whole[start:], tolerance)
        if wrong.size:
            half = len(late) // 2
            needed = max(needed, int(wrong[-1]) + 1)
            still = float(np.mean(wrong >= half) * wrong.size / (len(late) - half))
            if still > share:
                share, bar = still, start + int(wrong[wrong >= half][0])
    return Memory(needed, share, bar)


def kept_history(subject: Subject, bars: np.ndarray, history: int, tolerance: float) -> int | None:
    """The first sampled bar at which ``history`` bars are not enough for the answer on all of them."""
    whole = subject.answers(bars)
    for t in range(len(bars) - 1, history, -max(1, len(bars) // 40)):
        if abs(subject.answers(bars[t + 1 - history : t + 1])[-1] - whole[t]) > tolerance:
            return t
    return None


def repetition(subject: Subject, bars: np.ndarray) -> Violation | None:
    """Two newly loaded files, and one file asked twice, must answer alike."""
    first, again = subject.fresh(), subject.fresh()
    a, b = first.answers(bars), again.answers(bars)
    wrong = _differ(a, b, 0.0)
    if wrong.size:
        line = _call_line(subject.fresh(), subject.fresh(), bars, None, int(wrong[0]))
        message = f"{a[wrong[0]]:g}, then {b[wrong[0]]:g} for the same bars: a clock or random numbers"
        return Violation(Kind.RANDOM, message, bar=int(wrong[0]), line=line)
    wrong = _differ(a, first.answers(bars), 0.0)
    if wrong.size:
        second = subject.fresh()
        second.answers(bars)
        line = _call_line(subject.fresh(), second, bars, None, int(wrong[0]))
        message = "a second pass over the same bars answers differently: something is kept outside the state"
        return Violation(Kind.STATE, message, bar=int(wrong[0]), line=line)
    return None


def another_process(subject: Subject, bars: np.ndarray, seeds: tuple[int, ...]) -> str:
    """What is wrong with the answers of new processes in which texts hash otherwise; "" where nothing is."""
    here = subject.fresh().answers(bars)
    for seed in seeds:
        try:
            wrong = _differ(here, answers_elsewhere(subject.path, bars, seed), 0.0)
        except StrategyError as error:
            return f"in another process it raises: {error.got}"
        if wrong.size:
            return (
                f"the answer to bar {wrong[0]} is another one in another process: hash and the order of sets "
                "are not the same everywhere"
            )
    return ""


def other_instruments(subject: Subject, columns: list[np.ndarray]) -> Violation | None:
    """An instrument beside others must get the answers it gets alone."""
    alone = [subject.fresh().answers(column) for column in columns]
    beside = subject.fresh()
    if subject.form == "signals":
        together = [beside.answers(column) for column in columns]
    else:
        bars = np.stack(columns, axis=1)
        out = np.zeros(bars.shape)
        beside.strategy.bind(len(columns)).advance(
            bars, np.ones(bars.shape, bool), np.zeros(len(columns)), out
        )
        together = list(out.T)
    for i, (a, b) in enumerate(zip(alone, together, strict=True)):
        wrong = _differ(a, b, 0.0)
        if wrong.size:
            second = subject.fresh()
            for column in columns[:1]:
                second.answers(column)
            line = _call_line(subject.fresh(), second, columns[i], None, int(wrong[0]))
            message = f"instrument {i} of {len(columns)} gets other answers beside the others than alone"
            return Violation(Kind.STATE, message, bar=int(wrong[0]), line=line)
    return None


def _call_line(a: Subject, b: Subject, bars: np.ndarray, cut: int | None, bar: int) -> int | None:
    """The first line of the file at which two subjects that get the same bars differ."""
    if not a.path or a.form == "compiled":
        return None
    part = bars[: bar + 2]
    traces = [record(lambda s=s: s.answers(part), s.path, 0, 0) for s in (a, b)]  # type: ignore[misc]
    return first_single_difference(traces[0], traces[1])


def unknown_bars(subject: Subject, bars: np.ndarray) -> list[Violation]:
    """Bars without prices change nothing; a volume that is not known must not break the strategy."""
    found = []
    places = np.array([len(bars) // 4, len(bars) // 2, len(bars) // 2 + 1])
    gaps = np.insert(bars, places, bars[places])
    rows = places + np.arange(len(places))
    for name in PRICES:
        gaps[name][rows] = np.nan
    try:
        plain, with_gaps = subject.fresh().strategy.scan(bars), subject.fresh().strategy.scan(gaps)
        wrong = _differ(np.delete(with_gaps, rows), plain)
        if wrong.size:
            message = "bars without prices change later answers"
            found.append(Violation(Kind.UNKNOWN_BARS, message, bar=int(wrong[0]), field="close"))
    except StrategyError as error:
        message = f"asked bar by bar it raises: {error.got}"
        found.append(Violation(Kind.RAISES, message, line=_told_line(error)))
    if not subject.needs_volume:
        silent = bars.copy()
        silent["volume"] = np.nan
        try:
            subject.fresh().answers(silent)
        except StrategyError as error:
            message = f"a volume that is not known (NaN) breaks it: {error.got}"
            found.append(Violation(Kind.UNKNOWN_BARS, message, bar=0, field="volume", line=_told_line(error)))
    return found


def _told_line(error: StrategyError) -> int | None:
    """The line that an error's sentence, ``FILE.py:LINE: ...``, begins with."""
    place = re.search(r"\.py:(\d+): ", error.what)
    return int(place[1]) if place else None


def scale(subject: Subject, bars: np.ndarray) -> float:
    """Share of answers that change when all prices are a hundred times larger or smaller."""
    base, worst = subject.fresh().answers(bars), 0.0
    for factor in (0.01, 100.0):
        other = bars.copy()
        for name in PRICES:
            other[name] *= factor
        try:
            worst = max(worst, _differ(base, subject.fresh().answers(other), 1e-6).size / len(bars))
        except StrategyError:
            worst = 1.0
    return worst
