"""One seed of the study: nights in regime A, then nights in regime B, with and without the memory of A.

Every regime gets a simulated market of its own, with the prices of `simulation.regime_switching.PROFILES`: a
year in which features and strategies warm up, the days that are learned from, and the days that are held
out. The product lives through it once without learning; what it saw and decided is kept. Then a brain of
the product is given these days in the order of the protocol and sleeps the product's own nights over them:
its learners, its hippocampus, its acceptance of candidates.

*With replay* the hippocampus still holds A while the nights in B are slept, *without* it is emptied in
between; nothing else differs.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from janus_trader.brain.hippocampus import Hippocampus
from janus_trader.brain.integration.brain import Book, Brain
from janus_trader.brain.integration.sleep import Sleep
from janus_trader.contracts.decision import Decision
from janus_trader.contracts.market import Moment
from janus_trader.contracts.memory import Episodes
from janus_trader.contracts.panel import NS_PER_DAY
from janus_trader.contracts.regime import Regime
from janus_trader.foundation.config import build
from janus_trader.foundation.rng import Rng
from janus_trader.research.ablation.workers import Tell
from janus_trader.runs.driver import Life, Progress, month_of
from janus_trader.runs.history import History
from janus_trader.runs.memory_store import own_memory
from janus_trader.runs.settings import LifeConfig
from janus_trader.runs.simulated import market_panel
from janus_trader.simulation.regime_switching import PROFILES
from janus_trader.simulation.scenarios import SESSION_MINUTES, lay_out, simulate_market
from janus_trader.stores.run_directory import RunDirectory
from janus_trader.strategies.catalogue import default_strategies
from janus_trader.strategies.panel import StrategyPanel

#: Bars between the learned and the held-out days: an episode ends two bars after its decision.
EMBARGO = 2


@dataclass(frozen=True)
class SeedTask:
    """One seed; plain data, so that any process can take it.

    ``days`` are learned from, ``held_out`` judged, ``warm`` come before both; a night follows every
    ``every`` days.
    """

    seed: int
    regimes: tuple[int, ...]
    config: dict[str, Any]
    days: int
    held_out: int
    warm: int
    every: int
    instruments: int


@dataclass(frozen=True)
class Day:
    """What the hippocampus is told at a bar: the moment, the decision of the bar before, the volatilities."""

    decision: Decision | None
    moment: Moment
    sigma: np.ndarray


@dataclass(frozen=True)
class Recording:
    """A regime lived through once: the days that are learned from, and the episodes held out."""

    days: tuple[Day, ...]
    held_out: Episodes


class _UnsavedLife(Life):
    """A life that nobody resumes: it keeps no checkpoints."""

    def checkpoint(self) -> None:
        """Nothing."""


def regime_history(regime: Regime, task: SeedTask) -> History:
    """A market that is in one regime all the time."""
    total = task.warm + task.days + EMBARGO + task.held_out + 2  # an episode ends two bars after its decision
    phase = replace(PROFILES[regime], days=float(total))
    generator = Rng(task.seed).child("research.forgetting").child(regime.name.lower()).generator()
    timeline = lay_out((phase,), total, SESSION_MINUTES)
    market = simulate_market(regime.name.lower(), timeline, task.instruments, generator)
    return History(panel=market_panel(market), observe=task.warm, phases=market.spans)


def _strategies(config: LifeConfig, history: History) -> StrategyPanel:
    panel = history.panel
    return StrategyPanel(
        default_strategies(config.strategies),
        len(panel.symbols),
        fields=panel.fields,
        bar_seconds=panel.bar_seconds,
        n_external=panel.external.shape[1],
    )


def record(regime: Regime, task: SeedTask, tell: Tell) -> Recording:
    """Live once through a regime, without learning, and keep what was seen and decided."""
    config = build(LifeConfig, [task.config, {"sleep": {"enabled": False}}])
    history = regime_history(regime, task)
    seen: list[Day] = []

    def progress(state: Progress) -> None:
        if state.step % 32 == 0:
            tell(0.0)

    with tempfile.TemporaryDirectory(prefix="janus-forget-") as scratch:
        directory = RunDirectory(Path(scratch) / "life").create()
        life = _UnsavedLife(history, config, _strategies(config, history), directory, task.seed)
        memory = life.brain.hippocampus
        observe = memory.observe

        def kept(decision: Any, moment: Any, fills_at_open: bool, sigma: np.ndarray) -> Any:
            seen.append(Day(decision, moment, np.array(sigma)))
            return observe(decision, moment, fills_at_open, sigma)

        memory.observe = kept  # type: ignore[method-assign]
        try:
            life.run(progress)
        finally:
            life.venue.close()
    first = task.warm
    judged = seen[first + task.days + EMBARGO :]
    return Recording(
        tuple(seen[first : first + task.days]), episodes_of(config, judged, history.panel.fills_at_open)
    )


def episodes_of(config: LifeConfig, days: list[Day], fills_at_open: bool) -> Episodes:
    """The episodes of some days in a row, from a hippocampus of their own."""
    moment = days[0].moment
    k = next(len(d.decision.signals.names) for d in days if d.decision is not None)
    memory = Hippocampus(config.brain.hippocampus, len(moment.symbols), k, own_memory(config))
    for number, day in enumerate(days):
        memory.observe(day.decision if number else None, day.moment, fills_at_open, day.sigma)
    return memory.held_back(0)


class Sleeper:
    """A brain that is given recorded days and sleeps the product's nights over them.

    Parameters
    ----------
    task : SeedTask
    history : History
        Of any of the regimes: the book is the same in all.
    """

    def __init__(self, task: SeedTask, history: History) -> None:
        self.config = build(LifeConfig, [task.config])
        panel = history.panel
        book = Book(panel.symbols, panel.fields, panel.bars_per_year, self.config.account.long_only)
        self.brain = Brain(
            self.config.brain, book, _strategies(self.config, history), own_memory(self.config)
        )
        self._fills_at_open, self._every = panel.fills_at_open, task.every
        self._step, self._ts, self._nights = 0, 0, 0
        self._start = self.state()

    def state(self) -> tuple[bytes, int, int, int]:
        """Everything, to go back to."""
        return self.brain.snapshot(), self._step, self._ts, self._nights

    def go_back(self, state: tuple[bytes, int, int, int] | None = None) -> None:
        """To a state, by default the first one."""
        raw, self._step, self._ts, self._nights = state or self._start
        self.brain.restore(raw)
        self.brain.parameters_changed()

    def forget_days(self) -> None:
        """Empty the hippocampus; what was learned stays."""
        self.brain.hippocampus.reset()

    def live(self, recording: Recording, rng: Rng, tell: Tell) -> set[str]:
        """Days and nights of a regime; names of the learners that adopted something."""
        sleep = Sleep(self.config.sleep, self.brain, rng)
        days, adopted = recording.days, set()
        memory = self.brain.hippocampus
        shift, later = self._step - days[0].moment.step, self._ts - days[0].moment.ts_event + NS_PER_DAY
        for number, day in enumerate(days):
            moment = msgspec.structs.replace(
                day.moment, step=day.moment.step + shift, ts_event=day.moment.ts_event + later
            )
            self.brain.begin_session(moment.step)
            memory.observe(
                _shifted(day.decision, shift, later) if number else None,
                moment,
                self._fills_at_open,
                day.sigma,
            )
            if (number + 1) % self._every == 0:
                coming = days[min(number + self._every, len(days) - 1)].moment.ts_event
                deep = month_of(coming + later) != month_of(moment.ts_event)
                report = sleep.night(self._nights, moment.ts_event, deep=deep)
                adopted |= {c.learner for c in report.candidates if c.accepted}
                self._nights += 1
                tell(0.0)
        for _ in range(2):  # nothing is decided while the last decisions come to their ends
            moment = msgspec.structs.replace(
                moment, step=moment.step + 1, ts_event=moment.ts_event + NS_PER_DAY
            )
            memory.observe(None, moment, self._fills_at_open, days[-1].sigma)
        self._step, self._ts = moment.step + 1, moment.ts_event
        return adopted

    def scores(self, held_out: Episodes) -> dict[str, float]:
        """Score of every learner's parameters in force on episodes it has never seen."""
        return {x.name: float(x.score(x.parameters(), held_out)) for x in self.brain.learners()}


def _shifted(decision: Decision | None, shift: int, later: int) -> Decision | None:
    if decision is None:
        return None
    return msgspec.structs.replace(decision, step=decision.step + shift, ts_event=decision.ts_event + later)


def live_seed(task: SeedTask, tell: Tell) -> dict[str, Any]:
    """Everything of one seed.

    Returns
    -------
    dict
        ``adopted``: learners that ever adopted a candidate. ``rows``: for every A its ``name``, the scores
        on its held-out days ``untaught`` and ``taught`` (after A), and for every B ``with`` and ``without``
        replay (after B), and the scores on B's own held-out days in both (``new_with``, ``new_without``) and before B
        (``new_before``).
    """
    steps, done = len(task.regimes) * (len(task.regimes) + 1), 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        tell(done / steps)

    regimes = [Regime(r) for r in task.regimes]

    def asked(share: float) -> None:
        tell(done / steps)

    recordings = {}
    for regime in regimes:
        recordings[regime] = record(regime, task, asked)
        step(1)
    sleeper = Sleeper(task, regime_history(regimes[0], task))
    rng = Rng(task.seed).child("research.forgetting.nights")
    adopted: set[str] = set()
    rows = []
    for a in regimes:
        sleeper.go_back()
        held = recordings[a].held_out
        row: dict[str, Any] = {"name": a.name.lower(), "untaught": sleeper.scores(held), "pairs": {}}
        adopted |= sleeper.live(recordings[a], rng.child(a.name.lower()), asked)
        row["taught"] = sleeper.scores(held)
        after_a = sleeper.state()
        for b in regimes:
            if b == a:
                continue
            sleeper.go_back(after_a)
            pair = {"new_before": sleeper.scores(recordings[b].held_out)}
            for arm in ("with", "without"):
                sleeper.go_back(after_a)
                if arm == "without":
                    sleeper.forget_days()
                adopted |= sleeper.live(recordings[b], rng.child(f"{a.name}.{b.name}".lower()), asked)
                pair[arm] = sleeper.scores(held)
                pair[f"new_{arm}"] = sleeper.scores(recordings[b].held_out)
            row["pairs"][b.name.lower()] = pair
            step(1)
        rows.append(row)
    return {"seed": task.seed, "adopted": sorted(adopted), "rows": rows}
