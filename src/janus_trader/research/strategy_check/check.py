"""Run every probe on a strategy and put what they found into one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.research.strategy_check import probes
from janus_trader.research.strategy_check.report import CheckReport, Kind, Violation
from janus_trader.research.strategy_check.source import Finding, findings, statement_lines, text_of
from janus_trader.research.strategy_check.subject import Subject, subject
from janus_trader.strategies.signals_strategy import SignalsStrategy

_LEAST_BARS = 200


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
    """

    bars: int = 1500
    instruments: int = 3
    tolerance: float = 1e-3
    forgets: float = 0.01


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
        for name in probes.PRICES:
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
    tested = subject(name_or_path)
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
    for finding in suspects:
        if finding.kind is Kind.OWN_DATA:
            found.append(
                Violation(Kind.OWN_DATA, f"{finding.why}; its times are not checked", line=finding.line)
            )
    found = [_located(violation, tested, suspects) for violation in found]
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
    """One violation for each field whose future leaks; the truncation's where no single field does."""
    found = []
    more = probes.telling_cuts(tested, bars)
    for field in probes.FIELDS:
        if field == "volume" and not np.isfinite(bars["volume"]).all():
            continue
        leak = probes.future_of(tested, bars, field, more)
        if leak is not None:
            reach = leak.cut - leak.bar
            message = (
                f"the answer to bar {leak.bar} changes with {field} from bar {leak.cut} on, "
                f"{reach} bar{'s' if reach > 1 else ''} later"
            )
            found.append(
                Violation(
                    Kind.LOOK_AHEAD, message, bar=leak.bar, field=field, line=probes.blamed_line(tested, leak)
                )
            )
    if not found:
        leak = probes.truncation(tested, bars)
        if leak is not None:
            message = f"the answer to bar {leak.bar} changes when the history ends at bar {leak.cut - 1}"
            line = probes.blamed_line(tested, leak)
            found.append(Violation(Kind.LOOK_AHEAD, message, bar=leak.bar, line=line))
    return found


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
    if memory.share > settings.forgets:
        message = (
            f"{memory.share:.1%} of the answers in the second half depend on where the history starts "
            f"(by more than {settings.tolerance:g}): a run that begins elsewhere trades otherwise"
        )
        return None, [Violation(Kind.HISTORY, message, bar=memory.bar)], notes
    if isinstance(tested.strategy, SignalsStrategy):
        history = tested.strategy.history
        short = probes.kept_history(tested, bars, history, settings.tolerance)
        if short is not None:
            message = (
                f"HISTORY = {history} bars are not enough for the answer to bar {short}; "
                f"a warm-up of {memory.needed} bars was measured"
            )
            return memory.needed, [Violation(Kind.HISTORY, message, bar=short)], notes
    return memory.needed, [], notes


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
