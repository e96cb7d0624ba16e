"""Where a simulated market agrees with real ones, and where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from janus_trader.contracts.errors import ConfigError
from janus_trader.research.market_realism.catalogue import FACTS, FactSpec
from janus_trader.research.market_realism.measure import measure
from janus_trader.research.market_realism.measures import Fact, Measures
from janus_trader.research.market_realism.observe import observe
from janus_trader.stores.book_recordings import BookRecording


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One fact: the real ones, the simulated one and the verdict.

    ``agrees`` is None where one side could not be measured. ``gap`` is the simulated value minus the nearest
    real one, 0 within their range.
    """

    name: str
    title: str
    unit: str
    known: str
    real: list[Fact]
    simulated: Fact
    agrees: bool | None
    gap: float | None
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Measures of the real markets and of the simulated one, and a row a fact."""

    real: tuple[Measures, ...]
    simulated: Measures
    rows: tuple[Row, ...]

    def failures(self) -> tuple[Row, ...]:
        """Facts that the simulated market gets wrong."""
        return tuple(row for row in self.rows if row.agrees is False)

    def summary(self) -> str:
        """One sentence."""
        agree = sum(row.agrees is True for row in self.rows)
        failed, silent = len(self.failures()), sum(row.agrees is None for row in self.rows)
        tail = f"; {silent} could not be measured" if silent else ""
        return f"{self.simulated.name}: {agree} facts agree with the real range, {failed} fail{tail}."

    def body(self) -> dict[str, Any]:
        """Everything but the curves, for JSON."""
        return {
            "real": [_market(one) for one in self.real],
            "simulated": _market(self.simulated),
            "summary": self.summary(),
            "facts": [msgspec.to_builtins(row) for row in self.rows],
        }


def _market(one: Measures) -> dict[str, Any]:
    return {"name": one.name, "seconds": one.seconds, "trades": one.trades, "events": one.events}


def compare_recordings(real: Sequence[BookRecording], simulated: BookRecording, seed: int = 0) -> Comparison:
    """Measure recordings and compare. Some seconds each.

    Raises
    ------
    DataError
        A recording too short to be measured at all.
    ConfigError
        No real recording.
    """
    return compare([measure(observe(one), seed) for one in real], measure(observe(simulated), seed))


def compare(real: Sequence[Measures], simulated: Measures) -> Comparison:
    """Compare measures. O(facts).

    A fact agrees where the simulated interval meets the range that the real intervals span. Real instruments
    differ, so several of them span more than one does: a fact that fails does so against all.

    Raises
    ------
    ConfigError
        No real market.
    """
    if not real:
        raise ConfigError("nothing real to compare with", expected="at least one real recording")
    names = [one.name for one in real]
    rows = tuple(
        _row(spec, names, [one.facts[spec.name] for one in real], simulated.facts[spec.name])
        for spec in FACTS
    )
    return Comparison(tuple(real), simulated, rows)


def _row(spec: FactSpec, names: list[str], real: list[Fact], simulated: Fact) -> Row:
    agrees, gap, verdict = judge(real, simulated, names)
    return Row(
        name=spec.name, title=spec.title, unit=spec.unit, known=spec.known, real=real, simulated=simulated,
        agrees=agrees, gap=gap, verdict=verdict,
    )  # fmt: skip


def judge(
    real: Sequence[Fact], simulated: Fact, names: Sequence[str] = ()
) -> tuple[bool | None, float | None, str]:
    """Verdict on one fact: agrees or not (None: not measured), gap to the nearest real value, words.

    With ``names`` the words tell the real markets whose own intervals the simulated one meets.

    >>> judge([Fact(1.0, 0.8, 1.2), Fact(2.0, 1.5, 2.5)], Fact(4.0, 3.0, 5.0))
    (False, 2.0, 'fails: too high by 2 (+100 %)')
    >>> judge([Fact(1.0, 0.8, 1.2)], Fact(1.3, 1.1, 1.5), ["AAPL"])[2]
    'agrees with AAPL'
    """
    if simulated.value is None:
        return None, None, f"not measured in the simulated market: {simulated.reason}"
    known = [k for k, fact in enumerate(real) if fact.value is not None]
    if not known:
        return None, None, f"not measured in a real market: {real[0].reason}"
    value, (low, high) = simulated.value, _ends(simulated)
    values = [real[k].value or 0.0 for k in known]
    ends = [_ends(real[k]) for k in known]
    gap = value - min(max(value, min(values)), max(values))
    if low <= max(end[1] for end in ends) and high >= min(end[0] for end in ends):
        meets = [
            names[k] for k, end in zip(known, ends, strict=True) if names and low <= end[1] and high >= end[0]
        ]
        if names and not meets:
            return True, gap, "agrees: between them, like none"
        return True, gap, "agrees" + (f" with {', '.join(meets)}" if meets else "")
    nearest = value - gap
    relative = f" ({100.0 * gap / abs(nearest):+.0f} %)" if nearest else ""
    return False, gap, f"fails: too {'high' if gap > 0 else 'low'} by {abs(gap):.3g}{relative}"


def _ends(fact: Fact) -> tuple[float, float]:
    value = 0.0 if fact.value is None else fact.value
    return value if fact.low is None else fact.low, value if fact.high is None else fact.high
