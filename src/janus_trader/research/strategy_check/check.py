"""Run every probe on a strategy and put what they found into one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.research.strategy_check import probes
from janus_trader.research.strategy_check.outside import Touch, Touched, own_modules, watched
from janus_trader.research.strategy_check.perturbations import FIELDS, FURTHER, PRICES
from janus_trader.research.strategy_check.report import CheckReport, Kind, Violation
from janus_trader.research.strategy_check.source import (
    READS_A_CLOCK,
    Finding,
    findings,
    first_set,
    statement_lines,
    text_of,
)
from janus_trader.research.strategy_check.subject import Subject, subject
from janus_trader.strategies.signals_strategy import SignalsStrategy

_LEAST_BARS = 200
#: ``HISTORY`` that declares an answer to depend on every bar since the start, as an all-time high does.
EXPANDING = 100_000
#: Bars that another process is asked about.
_ELSEWHERE = 400
#: Hash seeds of other processes: the first always, all where the file calls ``hash``.
_SEEDS = (1, 2, 3, 4, 5, 6)


@dataclass(frozen=True)
class CheckSettings:
    """How much is checked, and how close is equal.

    Attributes
    ----------
    bars : int
        Bars of each instrument, >= 200; the last ones are taken.
    instruments : int
        Instruments that take part.
    tolerance : float
        Answers closer than this count as equal in the warm-up probe; the others allow rounding only.
    forgets : float
        Largest share of the answers in the second half that may still depend on where the history starts.
    elsewhere : bool
        Ask a new process, in which texts hash otherwise, as well (seconds).
    """

    bars: int = 1500
    instruments: int = 3
    tolerance: float = 1e-3
    forgets: float = 0.01
    elsewhere: bool = True


def made_up_columns(length: int, instruments: int) -> list[np.ndarray]:
    """Histories for a check without data: waves and jumps with volume and sessions of 26 bars.

    >>> made_up_columns(300, 2)[0].dtype == BAR_DTYPE
    True
    """
    columns = []
    for i in range(instruments):
        rng = np.random.Generator(np.random.PCG64(1000 + i))
        t = np.arange(length)
        drift = 0.003 * np.sign(np.sin(t / (37.0 + 5 * i)))
        close = 100.0 * (1 + i) * np.exp(np.cumsum(rng.normal(0.0, 0.01, length) + drift))
        bars = np.zeros(length, BAR_DTYPE)
        bars["close"] = close
        bars["open"] = np.concatenate((close[:1], close[:-1])) * np.exp(rng.normal(0.0, 0.002, length))
        bars["high"] = np.maximum(bars["open"], close) * (1 + np.abs(rng.normal(0, 0.004, length)))
        bars["low"] = np.minimum(bars["open"], close) * (1 - np.abs(rng.normal(0, 0.004, length)))
        bars["volume"] = rng.lognormal(8.0, 0.8, length)
        bars["session"], bars["bar_of_session"] = t // 26, t % 26
        columns.append(bars)
    return columns


def known_columns(bars: np.ndarray, present: np.ndarray) -> list[np.ndarray]:
    """The known bars of each instrument of a panel's (T, n) bars."""
    columns = []
    for i in range(bars.shape[1]):
        column = bars[:, i]
        seen = present[:, i].copy()
        for name in PRICES:
            seen &= np.isfinite(column[name])
        columns.append(np.ascontiguousarray(column[seen]))
    return columns


def check_strategy(
    name_or_path: str, columns: Sequence[np.ndarray] | None = None, settings: CheckSettings = CheckSettings()
) -> CheckReport:
    """Look for answers that depend on the future, on other instruments, on chance or on the start.

    Parameters
    ----------
    name_or_path : str
        A built-in strategy, or a ``.py`` file, whose code runs in this process.
    columns : sequence of (T,) arrays of `BAR_DTYPE`, optional
        Known bars of each instrument; made up where not given.
    settings : CheckSettings

    Returns
    -------
    CheckReport

    Raises
    ------
    StrategyError
        The file cannot be loaded, or raises on plain bars.
    DataError
        No instrument has 200 known bars.

    Examples
    --------
    >>> check_strategy("ema_flip").clean
    True
    """
    given = made_up_columns(settings.bars, settings.instruments) if columns is None else list(columns)
    used = [c[-settings.bars :] for c in given if len(c) >= _LEAST_BARS][: settings.instruments]
    if not used:
        raise DataError(
            "too little data to check a strategy",
            got=f"{max((len(c) for c in given), default=0)} known bars",
            expected=f"at least {_LEAST_BARS} bars of one instrument",
        )
    with watched(name_or_path) as touched:
        tested = subject(name_or_path)
        tested.answers(used[0])
    suspects = findings(tested.source) if tested.source else ()
    found: list[Violation] = []
    notes: list[str] = []
    random = probes.repetition(tested, used[0])
    if random is not None:
        found.append(random)
    if random is None or random.kind != Kind.RANDOM:  # chance would look like everything else
        found += _look_ahead(tested, used[0])
        found += _state(tested, used, [v.kind for v in found])
        found += probes.unknown_bars(tested, used[0][-400:])
    warm_up, history, note = _history(tested, used[0], settings, found)
    found += history
    notes += note
    found = [_located(violation, tested, suspects) for violation in found]
    found += _outside(tested, touched, suspects, found)
    if settings.elsewhere and tested.path and all(v.kind is not Kind.RANDOM for v in found):
        found += _elsewhere(tested, touched, used[0][-_ELSEWHERE:])
    notes += _other_suspects(tested, suspects, found)
    return CheckReport(
        name=tested.strategy.name,
        form=tested.form,
        path=tested.path,
        bars=len(used[0]),
        instruments=len(used),
        warm_up=warm_up,
        violations=tuple(found),
        notes=tuple(notes),
    )


def _look_ahead(tested: Subject, bars: np.ndarray) -> list[Violation]:
    """One violation for each field whose future leaks; else for prices together or the calendar; else a cut's."""
    found: list[Violation] = []
    refused: dict[str, str] = {}
    telling = probes.telling_cuts(tested, bars)
    cuts = probes.futures(tested, bars, [leak.cut for leak in telling])
    for field in (*FIELDS, *FURTHER):
        if field == "volume" and not np.isfinite(bars["volume"]).all():
            continue
        if found and field in FURTHER:
            break
        leak, said = probes.future_of(tested, cuts, field)
        if leak is not None:
            found.append(_leaks(tested, leak, field))
        elif said:
            refused[field] = said
    if not found:
        leak = probes.truncation(tested, bars) or (telling[0] if telling else None)
        if leak is not None:
            message = f"the answer to bar {leak.bar} changes when the history ends at bar {leak.cut - 1}"
            line = probes.blamed_line(tested, leak)
            found.append(Violation(Kind.LOOK_AHEAD, message, bar=leak.bar, line=line))
    if refused:
        said = next(iter(refused.values()))
        message = (
            f"every change of {', '.join(refused)} after a bar makes it raise ({said}): whether it looks "
            "at their future is not checked"
        )
        found.append(Violation(Kind.NOT_CHECKED, message))
    return found


def _leaks(tested: Subject, leak: probes.Leak, field: str) -> Violation:
    reach = leak.cut - leak.bar
    message = (
        f"the answer to bar {leak.bar} changes with {field} from bar {leak.cut} on, "
        f"{reach} bar{'s' if reach > 1 else ''} later"
    )
    line = probes.blamed_line(tested, leak)
    return Violation(Kind.LOOK_AHEAD, message, bar=leak.bar, field=field, line=line)


def _outside(
    tested: Subject, touched: Touched, suspects: Sequence[Finding], found: Sequence[Violation]
) -> list[Violation]:
    """Data and clocks besides the bars, as seen when the file ran and as read in its source; one a line."""
    if not tested.path:
        return []
    seen = [*touched.found, *own_modules(tested.source)]
    seen += [
        Touch(f.kind, f.line, f.why)
        for f in suspects
        if f.kind is Kind.OWN_DATA or f.why.endswith(READS_A_CLOCK)
    ]
    told = {(v.kind, v.line) for v in found}
    out = []
    for touch in seen:
        if (touch.kind, touch.line) in told:
            continue
        told.add((touch.kind, touch.line))
        end = "its times are not checked" if touch.kind is Kind.OWN_DATA else "no two runs are alike"
        text = text_of(tested.path, touch.line)
        out.append(Violation(touch.kind, f"{touch.what}; {end}", line=touch.line, text=text))
    return out


def _elsewhere(tested: Subject, touched: Touched, bars: np.ndarray) -> list[Violation]:
    """Answers of processes in which texts hash otherwise."""
    said = probes.another_process(tested, bars, _SEEDS if touched.hashed else _SEEDS[:1])
    if not said:
        return []
    line = touched.hashed or first_set(tested.source)
    return [Violation(Kind.RANDOM, said, line=line, text=text_of(tested.path, line))]


def _state(tested: Subject, used: list[np.ndarray], kinds: list[Kind]) -> list[Violation]:
    if Kind.STATE in kinds or len(used) < 2:
        return []
    length = min(400, *map(len, used))
    leak = probes.other_instruments(tested, [c[-length:] for c in used])
    return [leak] if leak is not None else []


def _history(
    tested: Subject, bars: np.ndarray, settings: CheckSettings, found: list[Violation]
) -> tuple[int | None, list[Violation], list[str]]:
    """The warm-up, what is wrong with it, and how answers depend on the scale of prices."""
    if any(v.kind in (Kind.RANDOM, Kind.LOOK_AHEAD) for v in found):
        return None, [], []
    notes = []
    share = probes.scale(tested, bars)
    if share > 0.0:
        notes.append(
            f"{share:.1%} of the answers change with the unit of prices: it does not carry over to another "
            "instrument as it is"
        )
    memory = probes.memory(tested, bars, settings.tolerance)
    history = _declared_history(tested)
    if memory.share > settings.forgets:
        message = (
            f"{memory.share:.1%} of the answers in the second half depend on where the history starts "
            f"(by more than {settings.tolerance:g})"
        )
        if history == EXPANDING:
            return None, [], [*notes, f"{message}, as HISTORY = {EXPANDING} declares"]
        message += (
            ": a run that begins elsewhere trades otherwise. If every bar since the start is meant to count, "
            f"declare HISTORY = {EXPANDING}"
        )
        return None, [_of_the_past(tested, bars, memory.bar, message)], notes
    if history is not None and isinstance(tested.strategy, SignalsStrategy):
        short = probes.kept_history(tested, bars, history, settings.tolerance)
        if short is not None:
            message = (
                f"HISTORY = {history} bars are not enough for the answer to bar {short}; "
                f"a warm-up of {memory.needed} bars was measured"
            )
            return memory.needed, [_of_the_past(tested, bars, short, message)], notes
    return memory.needed, [], notes


def _of_the_past(tested: Subject, bars: np.ndarray, bar: int, message: str) -> Violation:
    """A finding about the history, unless later rows alone change the answer to that bar."""
    leak = probes.by_later_rows(tested, bars, bar)
    if leak is None:
        return Violation(Kind.HISTORY, message, bar=bar)
    message = f"the answer to bar {bar} changes when the history ends there"
    return Violation(Kind.LOOK_AHEAD, message, bar=bar, line=probes.blamed_line(tested, leak))


def _declared_history(tested: Subject) -> int | None:
    """``HISTORY`` of the file; for a step, which is shown every bar, only what it declares."""
    if isinstance(tested.strategy, SignalsStrategy):
        return tested.strategy.history
    step = getattr(tested.strategy, "step", None)
    declared = getattr(getattr(step, "py_func", step), "__globals__", {}).get("HISTORY")
    return declared if tested.path and isinstance(declared, int) else None


def _located(violation: Violation, tested: Subject, suspects: Sequence[Finding]) -> Violation:
    """Settle the line: within the statement a trace has found, the suspicious construct's own line.

    What is kept outside the state, or drawn at random, shows only where it is used; there the construct
    counts before the trace.
    """
    if not tested.path:
        return violation
    same = [f for f in suspects if f.kind is violation.kind]
    line = violation.line
    if violation.kind in (Kind.STATE, Kind.RANDOM) and same:
        line = None
    if line is not None:
        first, last = statement_lines(tested.source).get(line, (line, line))
        inside = [f for f in same if first <= f.line <= last]
        chosen = inside[0] if inside else None
        line = chosen.line if chosen is not None else line
    else:
        chosen = same[0] if same else None
        line = chosen.line if chosen is not None else None
    why = f"{violation.message} ({chosen.why})" if chosen and chosen.why not in violation.message else None
    return replace(violation, message=why or violation.message, line=line, text=text_of(tested.path, line))


def _other_suspects(tested: Subject, suspects: Sequence[Finding], found: Sequence[Violation]) -> list[str]:
    """Constructs that looked wrong but are no violation's line; only where they can do harm."""
    told = {v.line for v in found}
    kinds = {Kind.STATE, Kind.RANDOM} | ({Kind.LOOK_AHEAD} if tested.form == "signals" else set())
    return [
        f"line {f.line} looks suspicious ({f.why}), but no probe saw an effect of it"
        for f in suspects
        if f.kind in kinds and f.line not in told
    ]
