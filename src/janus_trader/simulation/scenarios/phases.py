"""A scenario as a sequence of phases, laid out on the steps of a trading calendar.

Time is counted in trading days of one session of `SESSION_MINUTES`; a session is cut into steps of at
most ten minutes, a bar is a whole number of steps. A phase lasts a number of days of its own
(``days``) or a share of what the others leave (``share``), and always a whole number of bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import numpy as np

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.regime import Regime

#: One session, 08:00 to 16:00 UTC, Monday to Friday: most usual bar lengths divide it.
SESSION_MINUTES = 480
SESSION_OPEN_MINUTE = 8 * 60
TRADING_DAYS = 252.0
_LONGEST_STEP = 10
_MOST_CELLS = 400_000_000  # steps times instruments: some minutes of work


@dataclass(frozen=True)
class Phase:
    """One stretch of a scenario and what is true in it.

    Attributes
    ----------
    name : what the label says
    regime : the regime that the truth of this phase is called
    days, share : its own length in trading days, or its share of the days that are left over
    begin : fraction of a session at which it starts (the phase before ends there), None: wherever
    move : simple return of the market over the phase, besides chance; above -1
    drift : further expected log return of the market a year
    jump : simple return of the market at the phase's first instant; above -1
    bend : how the move is spread: 1 evenly, above 1 faster and faster, below 1 slower and slower
    volatility, volume, spread : factors on the usual ones
    together : 0 the usual correlations .. 1 every instrument follows the market
    band : price limit around the reference price, as a fraction; 0: none
    absent : the exchange is out: no bars, while the value goes on moving
    """

    name: str
    regime: Regime
    days: float = 0.0
    share: float = 0.0
    begin: float | None = None
    move: float = 0.0
    drift: float = 0.0
    jump: float = 0.0
    bend: float = 1.0
    volatility: float = 1.0
    volume: float = 1.0
    spread: float = 1.0
    together: float = 0.0
    band: float = 0.0
    absent: bool = False
    factors: ClassVar[tuple[str, ...]] = ("volatility", "volume", "spread")


P = TypeVar("P", bound=Phase)


@dataclass(frozen=True)
class Timeline:
    """Phases laid out on steps: arrays of shape (days * steps_per_day,).

    ``phase`` numbers ``phases``; ``drift`` is the market's log return of a step that is no chance;
    ``jump`` that of the instant before a step.
    """

    phases: tuple[Phase, ...]
    days: int
    bar_minutes: int
    step_minutes: int
    phase: np.ndarray
    drift: np.ndarray
    jump: np.ndarray

    @property
    def steps_per_day(self) -> int:
        """Steps of one session."""
        return SESSION_MINUTES // self.step_minutes

    @property
    def steps_per_bar(self) -> int:
        """Steps of one bar."""
        return self.bar_minutes // self.step_minutes

    def of_steps(self, name: str) -> np.ndarray:
        """A property of the phases, a value a step."""
        return np.array([getattr(p, name) for p in self.phases], np.float64)[self.phase]


def bar_minutes_of(text: str) -> int:
    """Minutes of a bar written as ``5min``, ``1h`` or ``1d`` (one session).

    >>> bar_minutes_of("5min"), bar_minutes_of("2h"), bar_minutes_of("1d")
    (5, 120, 480)

    Raises
    ------
    ConfigError
        It is no such text, or does not divide the session.
    """
    units = {"min": 1, "m": 1, "h": 60, "d": SESSION_MINUTES}
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(number) :]
    minutes = int(number) * units[unit] if number.isascii() and number.isdigit() and unit in units else 0
    if not 0 < minutes <= SESSION_MINUTES or SESSION_MINUTES % minutes:
        raise ConfigError(
            "not a length of bars",
            got=text,
            expected=f"1min to 1d, a divisor of the session of {SESSION_MINUTES} minutes: 5min, 1h, 4h, 1d",
        )
    return minutes


def bar_text(minutes: int) -> str:
    """A bar's length as `bar_minutes_of` reads it.

    >>> bar_text(480), bar_text(60), bar_text(90)
    ('1d', '1h', '90min')
    """
    if minutes == SESSION_MINUTES:
        return "1d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}min"


def lay_out(phases: Sequence[Phase], days: int, bar_minutes: int, *, severity: float = 1.0) -> Timeline:
    """Phases on the steps of ``days`` sessions.

    Parameters
    ----------
    phases : one or more
    days : int
        Trading days in all, at least 1.
    bar_minutes : int
        Divisor of the session.
    severity : float
        Factor on every move and jump, and on how far volatility, volume, spread and correlation are from usual; 0 is
        a market to which nothing happens, 1 the scenario as it stands.

    Raises
    ------
    ConfigError
        No day, a negative severity, a fall of the whole price or more, too few days for the phases,
        or a phase shorter than a bar.
    """
    if days < 1:
        raise ConfigError("a simulation needs days", got=days, expected="1 or more trading days")
    step = max(d for d in range(1, _LONGEST_STEP + 1) if bar_minutes % d == 0)
    scaled = tuple(scaled_phase(p, severity) for p in phases)
    lengths = phase_lengths(scaled, days, bar_minutes)
    per_bar = bar_minutes // step
    phase = np.repeat(np.arange(len(scaled)), np.array(lengths) * per_bar)
    drift, jump = np.zeros(len(phase)), np.zeros(len(phase))
    at = 0
    for p, bars in zip(scaled, lengths, strict=True):
        count = bars * per_bar
        path = np.log1p(p.move) * np.linspace(0.0, 1.0, count + 1) ** p.bend
        yearly = p.drift * step / (SESSION_MINUTES * TRADING_DAYS)
        drift[at : at + count] = np.diff(path) + yearly
        jump[at] = np.log1p(p.jump)
        at += count
    return Timeline(scaled, days, bar_minutes, step, phase, drift, jump)


def check_cells(timeline: Timeline, n: int) -> None:
    """Refuse a book without instruments, and work that would not end.

    Raises
    ------
    ConfigError
    """
    if n < 1:
        raise ConfigError("a simulation needs assets", got=n, expected="1 or more")
    cells = len(timeline.phase) * n
    if cells > _MOST_CELLS:
        raise ConfigError(
            "too much to simulate at once",
            got=f"{cells:,} steps of instruments",
            expected=f"at most {_MOST_CELLS:,}",
            remedy="fewer days or assets, or longer bars",
        )


def scaled_phase(phase: P, severity: float) -> P:
    """A phase of that severity; errors as in `lay_out`."""
    if not (np.isfinite(severity) and severity >= 0.0):
        raise ConfigError("severity is not allowed", got=severity, expected="a number of 0 or more")
    move, jump = severity * phase.move, severity * phase.jump
    for what, value in (("move", move), ("jump", jump)):
        if not value > -1.0:
            raise ConfigError(
                f"phase {phase.name}: the {what} is larger than the price",
                got=f"{value:.0%}",
                expected="a fall of less than 100 %",
                remedy="a smaller severity",
            )
    factors = {name: getattr(phase, name) ** severity for name in phase.factors}
    return replace(phase, move=move, jump=jump, together=min(1.0, severity * phase.together), **factors)


def phase_lengths(phases: Sequence[Phase], days: float, bar_minutes: int) -> list[int]:
    """Bars of each phase; they add up to those of all the days. Errors as in `lay_out`."""
    per_day = SESSION_MINUTES // bar_minutes
    total = round(days * per_day)
    own = sum(p.days for p in phases)
    shares = sum(p.share for p in phases)
    spare = days - own
    if spare < 0.0 or (shares > 0.0 and spare <= 0.0):
        raise ConfigError(
            "too few days for the scenario",
            got=f"{days:g} days",
            expected=f"more than {own:g}, the length of its own phases",
            remedy="more days",
        )
    ends: list[int] = []
    at = 0.0
    for i, p in enumerate(phases):
        if p.days > 0.0:  # begins with a bar, so that it has its own length to the bar
            at = round(at * per_day) / per_day
            ends[-1:] = [round(at * per_day)] if ends else []
        at += p.days if p.days > 0.0 else spare * p.share / shares
        following = phases[i + 1].begin if i + 1 < len(phases) else None
        if following is not None:
            at = max(0.0, np.floor(at - following + 0.5)) + following
        ends.append(round(at * per_day))
    ends[-1] = total
    lengths = np.diff([0, *ends]).tolist()
    for p, bars in zip(phases, lengths, strict=True):
        if bars < 1 or (p.days > 0.0 and p.days * per_day < 1.0 - 1e-9):
            wanted = p.days or spare * p.share / shares
            raise ConfigError(
                f"phase {p.name} is shorter than a bar",
                got=f"{wanted * SESSION_MINUTES:.4g} minutes of a market with bars of {bar_text(bar_minutes)}",
                expected="bars no longer than any phase",
                remedy="shorter bars, or more days",
            )
    return lengths
