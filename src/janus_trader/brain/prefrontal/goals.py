"""Goals of the book: what is wanted by when, how far it has come, and what became of it."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.contracts.market import PortfolioState
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Count, Fraction, NonNegative, Positive


class Measure(StrEnum):
    """What a goal is about. All are fractions of equity."""

    RETURN = "return"  # to reach: growth of equity since the goal was set
    DRAWDOWN = "drawdown"  # to keep: largest loss from a peak since then
    COST = "cost"  # to keep: costs paid since then over the equity at the start
    GROSS = "gross"  # to keep: largest gross exposure since then
    SUBGOALS = "subgoals"  # all of its subgoals


class Status(StrEnum):
    """What became of a goal."""

    ACTIVE = "active"
    ACHIEVED = "achieved"
    FAILED = "failed"  # a limit to keep was broken, or a subgoal failed
    EXPIRED = "expired"  # time was up before it was reached


_RETURN, _DRAWDOWN, _COST, _SUBGOALS = Measure.RETURN, Measure.DRAWDOWN, Measure.COST, Measure.SUBGOALS
# finding a member of an enumeration by its name costs more than the comparison
_ACTIVE, _ACHIEVED, _FAILED = Status.ACTIVE, Status.ACHIEVED, Status.FAILED


class GoalConfig(Config, frozen=True):
    """One goal. ``parent`` names the goal it belongs to; ``repeat`` sets it anew when it has ended."""

    name: str
    measure: Measure
    target: Annotated[NonNegative, Meta(description="to reach, or not to exceed; unused for subgoals")] = 0.0
    horizon: Annotated[Count, Meta(description="bars until it must be reached, or kept")] = 252
    priority: Annotated[Positive, Meta(description="how much it counts among its siblings")] = 1.0
    parent: str = ""
    repeat: bool = True


class GoalsConfig(Config, frozen=True):
    """The goals of a run. With ``effect`` 0, the default, they are reported and change nothing."""

    goals: tuple[GoalConfig, ...] = (
        GoalConfig(name="year", measure=Measure.SUBGOALS),
        GoalConfig(name="grow", measure=Measure.RETURN, target=0.08, parent="year"),
        GoalConfig(name="protect", measure=Measure.DRAWDOWN, target=0.15, priority=2.0, parent="year"),
        GoalConfig(name="thrift", measure=Measure.COST, target=0.02, parent="year"),
    )
    effect: Annotated[Fraction, Meta(description="largest share of risk that used-up limits take away")] = 0.0


class GoalBook:
    r"""Follows goals bar by bar.

    Progress of a goal to reach is :math:`x / \text{target}` in [0, 1]; of one to keep
    :math:`1 - x / \text{limit}`, what is left of the limit. A goal to reach is achieved when its progress is 1
    and expires with its horizon; a goal to keep fails when its limit is exceeded and is achieved by lasting to
    its horizon. A goal of subgoals has their progress, averaged by priority; it is achieved when all are
    and fails when one has failed. A subgoal that has ended waits for its parent to begin again.

    Parameters
    ----------
    config : GoalsConfig

    Raises
    ------
    ConfigError
        Two goals of one name, a parent that is not a goal of subgoals or comes after its child, a goal of
        subgoals without any, or a target of 0 to reach.

    Notes
    -----
    A portfolio whose equity is not positive and finite is no evidence of progress: goals to keep count as broken,
    goals to reach as not reached. Deterministic; no clock but the bars. O(goals) a bar.

    Examples
    --------
    >>> book = GoalBook(GoalsConfig(goals=(GoalConfig(name="grow", measure=Measure.RETURN, target=0.1, horizon=9),)))
    >>> def at(equity): return PortfolioState(ts_event=0, equity=equity, cash=equity, peak_equity=equity,
    ...     session_start_equity=equity, weights=(), quantities=())
    >>> book.update(at(100.0)); book.update(at(105.0)); book.line()
    'grow 5.0% of 10.0%, 1 of 9 bars'
    """

    def __init__(self, config: GoalsConfig) -> None:
        self.config = config
        _checked(config.goals)
        self._measures = [Measure(g.measure) for g in config.goals]
        self._limits = [(g.target, g.horizon) for g in config.goals]
        self._priorities = [g.priority for g in config.goals]
        self._children = [[i for i, c in enumerate(config.goals) if c.parent == g.name] for g in config.goals]
        self._upwards = range(len(config.goals) - 1, -1, -1)  # children before their parents
        self._words = tuple(_words(g) for g in config.goals)
        self.reset()

    def reset(self) -> None:
        """Set every goal anew at the next bar; forget what became of earlier ones."""
        n = len(self.config.goals)
        self._status = [Status.ACTIVE] * n
        self._age = [-1] * n
        self._start = [0.0] * n
        self._paid = [0.0] * n
        self._peak = [0.0] * n
        self._value = [0.0] * n
        self._ended = {g.name: dict.fromkeys(Status, 0) for g in self.config.goals}

    def update(self, portfolio: PortfolioState) -> None:
        """One bar."""
        equity = portfolio.equity
        known = 0.0 < equity < math.inf
        status, age = self._status, self._age
        if status.count(_ACTIVE) < len(status):
            self._renew()
        for i, measure in enumerate(self._measures):
            if age[i] < 0:
                if not known:
                    continue
                self._start[i] = self._peak[i] = equity
                self._paid[i], self._value[i] = portfolio.realised_costs, 0.0
            if status[i] is not _ACTIVE:
                continue
            age[i] += 1
            if measure is not _SUBGOALS:
                value = self._measure(i, measure, portfolio) if known else _unknown(measure)
                self._value[i] = value if value == value else math.inf
        for i in self._upwards:
            if status[i] is _ACTIVE and age[i] >= 0:
                self._settle(i, known)

    def _renew(self) -> None:
        """Goals that have ended and repeat begin again, subgoals together with their parent."""
        for i, goal in enumerate(self.config.goals):
            if self._status[i] is _ACTIVE or not goal.repeat:
                continue
            if not goal.parent:
                self._begin(i)

    def _begin(self, i: int) -> None:
        self._status[i], self._age[i] = _ACTIVE, -1
        for child in self._children[i]:
            self._begin(child)

    def _measure(self, i: int, measure: Measure, portfolio: PortfolioState) -> float:
        """Where a goal stands, by a portfolio that is known."""
        equity = portfolio.equity
        if measure is _RETURN:
            return equity / self._start[i] - 1.0
        if measure is _DRAWDOWN:
            peak = self._peak[i] = max(self._peak[i], equity)
            return max(self._value[i], 1.0 - equity / peak)
        if measure is _COST:
            return (portfolio.realised_costs - self._paid[i]) / self._start[i]
        return max(self._value[i], portfolio.gross)

    def _settle(self, i: int, known: bool) -> None:
        measure, (target, horizon) = self._measures[i], self._limits[i]
        over = self._age[i] >= horizon
        if measure is _SUBGOALS:
            below = [self._status[c] for c in self._children[i]]
            if _FAILED in below:
                self._end(i, _FAILED)
            elif below.count(_ACHIEVED) == len(below):
                self._end(i, _ACHIEVED)
            elif over:
                self._end(i, Status.EXPIRED)
        elif measure is _RETURN:
            if known and self._value[i] >= target:
                self._end(i, _ACHIEVED)
            elif over:
                self._end(i, Status.EXPIRED)
        elif self._value[i] > target:
            self._end(i, _FAILED)
        elif over:
            self._end(i, _ACHIEVED)

    def _end(self, i: int, status: Status) -> None:
        self._status[i] = status
        self._ended[self.config.goals[i].name][status] += 1

    def status(self, name: str) -> Status:
        """What became of a goal, or that it is active. Raises KeyError for an unknown name."""
        return self._status[self._index(name)]

    def progress(self, name: str) -> float:
        """How far a goal has come, in [0, 1]. Raises KeyError for an unknown name."""
        return self._progress(self._index(name))

    def _index(self, name: str) -> int:
        for i, goal in enumerate(self.config.goals):
            if goal.name == name:
                return i
        raise KeyError(name)

    def _progress(self, i: int) -> float:
        measure = self._measures[i]
        if self._status[i] is _ACHIEVED:
            return 1.0
        if measure is _SUBGOALS:
            progress, total = 0.0, 0.0
            for c in self._children[i]:
                progress += self._priorities[c] * self._progress(c)
                total += self._priorities[c]
            return progress / total
        target = self._limits[i][0]
        share = self._value[i] / target if target > 0.0 else math.inf * self._value[i]
        if share != share:
            share = 0.0
        return min(max(share if measure is _RETURN else 1.0 - share, 0.0), 1.0)

    @property
    def ended(self) -> dict[str, dict[str, int]]:
        """Per goal, how often it was achieved, failed and expired."""
        return {
            name: {str(s): n for s, n in counts.items() if s is not Status.ACTIVE}
            for name, counts in self._ended.items()
        }

    @property
    def factor(self) -> float:
        """What the goals leave of the risk appetite, in [1 − effect, 1]: 1 by default.

        ``1 − effect · Σ priority · used / Σ priority`` over the goals to keep, where ``used`` is the share of
        their limits that is used up.
        """
        if self.config.effect == 0.0:
            return 1.0
        used, total = 0.0, 0.0
        for i, goal in enumerate(self.config.goals):
            if goal.measure in (Measure.RETURN, Measure.SUBGOALS):
                continue
            share = 1.0 - self._progress(i) if self._status[i] is not Status.ACHIEVED else 0.0
            used, total = used + goal.priority * share, total + goal.priority
        return 1.0 - self.config.effect * used / total if total > 0.0 else 1.0

    def line(self) -> str:
        """The goals in one line, for `janus explain`."""
        parts = []
        for i, (composite, name, wanted, horizon) in enumerate(self._words):
            status = self._status[i]
            become = f"{max(self._age[i], 0)}{horizon}" if status is _ACTIVE else str(status)
            if composite:
                parts.append(f"{name} {self._progress(i):.0%}, {become}")
            else:
                parts.append(f"{name} {self._value[i]:.1%}{wanted}, {become}")
        return "; ".join(parts)

    def snapshot(self) -> bytes:
        """All goals as bytes."""
        return pack(
            {
                "names": [g.name for g in self.config.goals],
                "status": [str(s) for s in self._status],
                "age": self._age,
                "numbers": [self._start, self._paid, self._peak, self._value],
                "ended": {k: {str(s): n for s, n in v.items()} for k, v in self._ended.items()},
            }
        )

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to other goals."""
        tree: dict[str, Any] = unpack(raw)
        names = [g.name for g in self.config.goals]
        if tree.get("names") != names:
            raise IntegrityError("snapshot of other goals", got=tree.get("names"), expected=str(names))
        self._status = [Status(s) for s in tree["status"]]
        self._age = [int(a) for a in tree["age"]]
        self._start, self._paid, self._peak, self._value = ([float(x) for x in xs] for xs in tree["numbers"])
        self._ended = {k: {Status(s): int(n) for s, n in v.items()} for k, v in tree["ended"].items()}


def _unknown(measure: Measure) -> float:
    """The worst a goal can stand: nothing reached, a limit broken."""
    return 0.0 if measure is _RETURN else math.inf


def _words(goal: GoalConfig) -> tuple[bool, str, str, str]:
    """What `GoalBook.line` says of a goal at every bar: has it subgoals, its name, what is wanted, by when."""
    word = "of" if goal.measure == _RETURN else "of at most"
    return goal.measure == _SUBGOALS, goal.name, f" {word} {goal.target:.1%}", f" of {goal.horizon} bars"


def _checked(goals: tuple[GoalConfig, ...]) -> None:
    """Every parent is a goal of subgoals and stands before its children, so that there is no cycle."""
    composite: set[str] = set()
    names: set[str] = set()
    for goal in goals:
        if goal.name in names or not goal.name:
            raise ConfigError("a goal needs a name of its own", got=repr(goal.name))
        if goal.parent and goal.parent not in composite:
            raise ConfigError(
                f"goal '{goal.name}' has no such parent",
                got=goal.parent,
                expected="a goal of measure 'subgoals' that stands before it",
            )
        if goal.measure == Measure.RETURN and goal.target <= 0.0:
            raise ConfigError(
                f"goal '{goal.name}' is reached at once", got=goal.target, expected="target > 0"
            )
        if goal.measure == Measure.SUBGOALS:
            composite.add(goal.name)
        names.add(goal.name)
    for name in composite - {goal.parent for goal in goals}:
        raise ConfigError(f"goal '{name}' has no subgoals", expected="a goal with it as parent")
