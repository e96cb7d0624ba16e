"""The life: bar by bar through a history, a night after every session, resumable after each night."""

from __future__ import annotations

import contextlib
import resource
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from janus_trader.brain.integration.brain import Book, Brain
from janus_trader.brain.integration.sleep import Sleep
from janus_trader.brain.integration.wake import Wake
from janus_trader.contracts.decision import Decision
from janus_trader.contracts.errors import IntegrityError, JanusError
from janus_trader.contracts.market import Field, Moment
from janus_trader.contracts.memory import Episode, SleepReport
from janus_trader.contracts.orders import RefusalReason
from janus_trader.data.features import FeatureEngine
from janus_trader.execution.cost_model import CostModel
from janus_trader.execution.planner import OrderPlanner
from janus_trader.foundation.bus import Bus
from janus_trader.foundation.codec import decode, encode
from janus_trader.foundation.hashing import HashChain
from janus_trader.foundation.logs import JsonLog
from janus_trader.foundation.rng import Rng
from janus_trader.foundation.threads import one_thread
from janus_trader.runs.history import History
from janus_trader.runs.memory_store import MemoryStore, own_memory
from janus_trader.runs.records import StepRecord, read_records
from janus_trader.runs.settings import LifeConfig
from janus_trader.stores.frames import FrameWriter, read_frames
from janus_trader.stores.run_directory import RunDirectory
from janus_trader.strategies.panel import StrategyPanel


class Interrupted(JanusError):
    """The life was asked to stop between two bars; everything up to the last night is safe."""


@dataclass
class Progress:
    """What a progress display may show."""

    step: int
    total: int
    ts_event: int
    regime: str
    posture: str
    equity: float
    steps_per_s: float
    nights: int


class Life:
    """One life through a `History`.

    Parameters
    ----------
    history : History
    config : LifeConfig
    strategies : StrategyPanel
    directory : RunDirectory
    seed : int
    memory : MemoryStore, optional
        Where memories are searched; without it, and where the configuration asks for one, one in this process.

    Every `StepRecord` and `SleepReport` is published on ``bus`` after it has been journaled.
    """

    def __init__(
        self,
        history: History,
        config: LifeConfig,
        strategies: StrategyPanel,
        directory: RunDirectory,
        seed: int,
        memory: MemoryStore | None = None,
    ) -> None:
        from janus_trader.trader.backtest import BacktestVenue

        panel = history.panel
        n = len(panel.symbols)
        self.history, self.panel, self.config, self.directory = history, panel, config, directory
        book = Book(panel.symbols, panel.fields, panel.bars_per_year, config.account.long_only)
        rng = Rng(seed)
        self.memory = own_memory(config) if memory is None else memory
        self.brain = Brain(config.brain, book, strategies, self.memory)
        self.wake = Wake(self.brain)
        self.sleep = Sleep(config.sleep, self.brain, rng.child("sleep"))
        self.features = FeatureEngine.for_panel(panel, config.features)
        self.venue = BacktestVenue(
            panel.instruments,
            capital=config.account.capital,
            cost_model=CostModel(config.costs, n, volume_known=Field.VOLUME in panel.fields),
            fills_at_open=panel.fills_at_open,
            permission=self.brain.amygdala.kill_switch,
            cash_rate=config.account.cash_rate,
            interest_from_ns=int(panel.ts[history.observe]),
            bars_per_year=panel.bars_per_year,
            config=config.venue,
        )
        self.planner = OrderPlanner(config.orders)
        self.bus = Bus()
        self.bus.subscribe(SleepReport, self._log_night)
        self.chain = HashChain()
        self.step = 0
        self.nights = 0
        self.step_seconds: list[float] = []
        self._last_close = np.full(n, np.nan)
        self._session = -1
        self._rested_at = -1
        self._previous: Decision | None = None

    # ------------------------------------------------------------------ the loop

    @one_thread()
    def run(
        self,
        progress: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """Live to the end of the history, from wherever this life stands, on one thread of BLAS.

        Raises
        ------
        Interrupted
            ``stop()`` became true.
        """
        offsets = self._open()
        began, first = time.perf_counter(), self.step
        try:
            while self.step < len(self.panel):
                t = self.step
                if self.panel.session[t] != self._session:
                    if self._session >= 0:
                        self._night(t)
                    self._session = int(self.panel.session[t])
                    self.brain.begin_session(t)
                    self.venue.start_session()
                decision = self._bar(t)
                self.step = t + 1
                if progress is not None:
                    speed = (self.step - first) / max(1e-9, time.perf_counter() - began)
                    progress(self._progress(decision, speed))
                if stop is not None and stop():
                    raise Interrupted("the run was interrupted")
            self._night(len(self.panel))
        finally:
            with contextlib.ExitStack() as stack:  # each is closed even where another cannot be
                stack.callback(self.log.close)
                for writer in (self._journal, self._episodes, self._nights):
                    stack.callback(writer.close)
                self.log.event("closed", step=self.step, offsets=offsets)

    def _bar(self, t: int) -> Decision:
        panel, brain = self.panel, self.brain
        ts, bars, present = int(panel.ts[t]), panel.bars[t], panel.present[t]
        result = self.venue.advance(ts, bars, present)
        prices = np.where(present, bars["close"], np.nan)
        brain.cerebellum.observe(result.fills, brain.sigma(), ts, prices)
        portfolio = self.venue.portfolio(ts)
        returns = self._returns(bars, present)
        features = self.features.update(
            ts, float(panel.market[t]), float(panel.market_volume[t]), returns, present
        )
        moment = Moment(
            ts_event=ts,
            step=t,
            session=int(panel.session[t]),
            symbols=panel.symbols,
            bars=bars,
            present=present,
            returns=returns,
            features=features,
            portfolio=portfolio,
            external=panel.external[t],
            fields=panel.fields,
            senses=self.history.senses(ts),
        )
        for episode in brain.hippocampus.observe(self._previous, moment, panel.fills_at_open, brain.sigma()):
            self._episodes.append(encode(episode))
        began = time.perf_counter()
        decision = self.wake.step(moment)
        self.step_seconds.append(time.perf_counter() - began)
        traded = t >= self.history.observe
        orders = (
            self.planner.plan(
                decision.weights, portfolio, bars["close"], present, panel.symbols, panel.instruments, ts, t
            )
            if traded
            else ()
        )
        refusals = result.refusals + self.venue.submit(orders)
        record = StepRecord(
            step=t,
            ts_event=ts,
            session=int(panel.session[t]),
            traded=traded,
            decision=decision,
            orders=orders,
            fills=result.fills,
            refusals=refusals,
            equity=portfolio.equity,
            cash=portfolio.cash,
            costs=portfolio.realised_costs,
            weights=portfolio.weights,
        )
        payload = encode(record)
        self.chain.append(payload)
        self._journal.append(payload)
        self._previous = decision
        self.bus.publish(record)
        return decision

    def _returns(self, bars: np.ndarray, present: np.ndarray) -> np.ndarray:
        close = bars["close"]
        returns = np.zeros(len(close))
        known = present & np.isfinite(self._last_close)
        returns[known] = close[known] / self._last_close[known] - 1.0
        self._last_close[present] = close[present]
        return returns

    def _night(self, t: int) -> None:
        """The night between the session that ended at bar ``t - 1`` and the next one, once."""
        if self._rested_at == t:
            return
        self._rested_at = t
        ts = int(self.panel.ts[t - 1])
        month = month_of(ts)
        coming = month_of(int(self.panel.ts[t])) if t < len(self.panel) else month + 1
        report = self.sleep.night(self.nights, ts, deep=coming != month)
        self._nights.append(encode(report))
        self.nights += 1
        self.bus.publish(report)
        self.checkpoint()

    def _log_night(self, report: SleepReport) -> None:
        adopted = [c.learner for c in report.candidates if c.accepted]
        self.log.event("night", number=report.night, deep=report.deep, adopted=adopted, note=report.note)

    def _progress(self, decision: Decision, speed: float) -> Progress:
        return Progress(
            step=self.step,
            total=len(self.panel),
            ts_event=decision.ts_event,
            regime=decision.regime.dominant.name,
            posture=decision.threat.posture.name,
            equity=decision.portfolio_equity,
            steps_per_s=speed,
            nights=self.nights,
        )

    # ------------------------------------------------------------------ files and resume

    def _open(self) -> dict[str, int]:
        """Open the journals, going on from the checkpoint where there is one."""
        found = self.directory.load_checkpoint()
        offsets = {"journal": 0, "episodes": 0, "nights": 0}
        if found is not None:
            self._restore(found.state, found.parts)
            offsets = {key: int(value) for key, value in found.state["offsets"].items()}
        self._journal = FrameWriter(self.directory.journal, offsets["journal"])
        self._episodes = FrameWriter(self.directory.episodes, offsets["episodes"])
        self._nights = FrameWriter(self.directory.nights, offsets["nights"])
        self.log = JsonLog(self.directory.log)
        self.log.event("opened", step=self.step, nights=self.nights)
        if self.memory is not None:
            self.memory.tell = lambda note: self.log.event("memory", step=self.step, note=note)
        return offsets

    def checkpoint(self) -> None:
        """Make everything up to now resumable: journals reach the system first, then the state."""
        offsets = {
            "journal": self._journal.flush(),
            "episodes": self._episodes.flush(),
            "nights": self._nights.flush(),
        }
        self.directory.save_checkpoint(
            self.nights,
            {
                "step": self.step,
                "nights": self.nights,
                "session": self._session,
                "rested_at": self._rested_at,
                "chain": self.chain.head,
                "length": self.chain.length,
                "offsets": offsets,
                "silent": 0 if self.memory is None else self.memory.silent,
                "last_close": self._last_close,
            },
            {
                "sleep": self.sleep.snapshot(),
                "features": self.features.snapshot(),
                **self.brain.snapshots(episodes=False),  # they are in their journal
            },
        )

    def _restore(self, state: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Brain and features from the checkpoint; the venue by replaying the journaled orders."""
        self.step, self.nights = int(state["step"]), int(state["nights"])
        self._session, self._rested_at = int(state["session"]), int(state["rested_at"])
        self.chain = HashChain(str(state["chain"]), int(state["length"]))
        self.sleep.restore(parts.pop("sleep"))
        self.features.restore(parts.pop("features"))
        self.brain.restore_parts(parts, self._lived(int(state["offsets"]["episodes"])))
        if self.memory is not None:
            self.memory.silent = int(state["silent"])
        self._last_close = np.array(state["last_close"])
        self._replay_venue()

    def _lived(self, offset: int) -> list[Episode]:
        """The last episodes among the first ``offset`` bytes of their journal, all that memory can hold."""
        frames = read_frames(self.directory.episodes, offset) if offset else ()
        held = deque(frames, maxlen=self.brain.hippocampus.config.capacity)
        return [decode(payload, Episode) for payload in held]

    def _replay_venue(self) -> None:
        session = -1
        equity = None
        refused = {
            refusal.order_id
            for record in read_records(self.directory.journal, self.step)
            for refusal in record.refusals
            if refusal.reason is not RefusalReason.STALE_INSTRUMENT
        }
        for record in read_records(self.directory.journal, self.step):
            t = record.step
            if record.session != session:
                session = record.session
                self.venue.start_session()
            self.venue.replay(
                int(self.panel.ts[t]),
                self.panel.bars[t],
                self.panel.present[t],
                record.orders,
                refused=refused,
            )
            equity, self._previous = record.equity, record.decision
        if equity is not None:
            rebuilt = self.venue.portfolio(int(self.panel.ts[self.step - 1])).equity
            if rebuilt != equity:
                raise IntegrityError(
                    "the venue rebuilt from the journal differs from the one recorded",
                    got=f"equity {rebuilt!r}",
                    expected=repr(equity),
                    remedy="the data or the environment changed since the run began; start it again",
                )


def month_of(ts_ns: int) -> int:
    """Months since year 0 of a time stamp, UTC."""
    moment = datetime.fromtimestamp(ts_ns / 1e9, UTC)
    return moment.year * 12 + moment.month


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, MiB."""
    # Linux lets a new program inherit `ru_maxrss` from whoever started it; the high-water mark is its own.
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
