"""The hippocampus: decisions become episodes, episodes are kept, recollected and replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from janus_trader.brain.hippocampus.compression import Compression, compress
from janus_trader.brain.hippocampus.config import HippocampusConfig
from janus_trader.brain.hippocampus.consolidation import faded, gains, handed_on
from janus_trader.brain.hippocampus.episodes import EpisodeRing, record_dtype
from janus_trader.brain.hippocampus.market_state import state_of, states_of
from janus_trader.brain.hippocampus.memory_search import MemorySearch
from janus_trader.brain.hippocampus.place_map import PlaceMap
from janus_trader.brain.hippocampus.recollection import recollection
from janus_trader.brain.hippocampus.recorder import Finished, Recorder
from janus_trader.brain.hippocampus.replay import PrioritisedReplay
from janus_trader.brain.hippocampus.ripple_queue import RippleQueue
from janus_trader.brain.hippocampus.ripples import RIPPLES, RippleDetector, RippleType
from janus_trader.contracts.decision import Decision, Recollection
from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.market import Moment
from janus_trader.contracts.memory import Consolidated, Episode, Episodes
from janus_trader.contracts.protocols import VectorStore
from janus_trader.foundation.codec import pack, unpack

#: What a queue with nothing to tell tells.
_NOTHING = Episodes.of([])


class Hippocampus:
    r"""Memory of single experiences.

    The episode of the decision at bar t is complete at bar t+2 (specification eq. 37). With P the open where
    orders fill at the open, else the close,

    .. math:: payoff_i = \mathrm{clip}\big((P_{t+2,i} / P_{t+1,i} - 1) / \sigma_{t,i}\big), \qquad
        reward = E_{t+2} / E_{t+1} - 1

    where E is equity; payoff is 0 for an instrument absent at either bar or without a volatility, and cost
    is the growth of realised costs over the same interval as a fraction of :math:`E_{t+1}`.

    Parameters
    ----------
    config : HippocampusConfig
    n, k : int
        Instruments and sources of signals.
    store : VectorStore, optional
        Keeps the codes where ``config.search`` is ``store``; the key of an episode is its step.

    Raises
    ------
    ConfigError
        At construction: nothing to remember, or a store is asked for and none is given.

    Notes
    -----
    A full memory of 2048 episodes of 20 instruments and 10 sources is 2.4 MB, and 3 MB of codes and
    features that are not written. `observe` costs O(n + k·n + capacity·winners) with a small constant,
    `recollect` the same and O(memories·n·f); `snapshot` is one copy.

    Examples
    --------
    >>> memory = Hippocampus(HippocampusConfig(), 20, 10)
    >>> len(memory), memory.recall(np.zeros(24)), len(memory.recent(5))
    (0, (0.0, 0.0, 0), 0)
    """

    def __init__(self, config: HippocampusConfig, n: int, k: int, store: VectorStore | None = None) -> None:
        if n < 1 or k < 0:
            raise ConfigError("hippocampus: nothing to remember", got=(n, k), expected="n >= 1, k >= 0")
        self.config, self.n, self.k = config, int(n), int(k)
        dtype = record_dtype(config.context_size, self.n, self.k)
        self._ring = EpisodeRing(config.capacity, dtype)
        self._recorder = Recorder(
            dtype,
            config.ripples,
            config.payoff_clip,
            config.surprise_scale,
            config.statistics_halflife,
            config.statistics_warmup,
        )
        self._replay = PrioritisedReplay(config.replay, config.capacity)
        self._ripples = RippleDetector(config.ripples)
        self.queue = RippleQueue(config.queue)
        self._search = MemorySearch(config, self._ring, store)
        self.reset()

    def reset(self) -> None:
        """Remember nothing."""
        for part in self._parts().values():
            part.reset()
        self._raised: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ring)

    @property
    def latest_step(self) -> int:
        """The last decision taken in, finished or not; -1 before any."""
        return self._recorder.latest

    @property
    def newest_step(self) -> int:
        """Decision of the last finished episode; -1 before any."""
        return int(self._ring.steps[self._ring.newest]) if len(self._ring) else -1

    @property
    def traces(self) -> int:
        """Episodes of which replay has left a trace that has not passed over."""
        held = self._ring.records[: len(self._ring)]
        return int(np.sum((held["trace"] > 0.0) & (held["consolidated"] == 0)))

    # --- by day ---------------------------------------------------------------------------------------

    def observe(
        self, decision: Decision | None, moment: Moment, fills_at_open: bool, sigma: np.ndarray
    ) -> list[Episode]:
        """Take in a bar and the latest decision; returns the episodes that this bar completes.

        Parameters
        ----------
        decision : Decision or None
            Made at ``moment`` or at the bar before it; every decision is passed once, in order. None where
            there is none.
        moment : Moment
        fills_at_open : bool
            Whether orders fill at the next open, else at the next close.
        sigma : (n,) float array
            Volatility of one-bar returns known at the decision; an instrument without one (0, NaN) pays 0.

        Raises
        ------
        DataError
            The decision is not of this book, not of this bar or the one before, or was seen already.
        """
        finished = self._recorder.observe(decision, moment, fills_at_open, sigma)
        return [self._keep(item) for item in finished]

    def _keep(self, item: Finished) -> Episode:
        record, ratios = item
        state = state_of(record["context"], record["features"])
        code = self._search.encode(state)
        if len(self._ring) >= self.config.statistics_warmup:
            nearest = float(self._search.cosines(code).max())
            ratios[RippleType.NOVEL_PATTERN] = (1.0 - nearest) / self.config.ripples.novelty
        step, ts_event = int(record["step"]), int(record["ts_event"])
        kind, strength = self._ripples.detect(ts_event, step, ratios)
        record["ripple"] = 0 if kind is None else RIPPLES.index(kind) + 1
        record["strength"] = strength
        if kind is not None:
            self._raised[kind.value] = self._raised.get(kind.value, 0) + 1
            self.queue.push(kind, strength, step, ts_event)
        record["place"] = self._search.places.visit(state)
        forgotten = self._ring.oldest_step
        slot = self._ring.append(record)
        self._search.add(slot, code, forgotten)
        self._replay.add(slot)
        return self._ring.episode(self._ring.records[slot])

    def recollect(self, context: np.ndarray, features: np.ndarray | None = None) -> Recollection:
        """Days like this one, and how they ended.

        Only episodes whose outcome is known are remembered, so that nothing lies ahead. A context with NaN or
        infinity is like no day: nothing is recollected.

        Parameters
        ----------
        context : (d,) float array
            Of the percept.
        features : (n, f) float array, optional
            `janus_trader.contracts.features.INSTRUMENT_FEATURES`; without it (or empty) the context alone counts.

        Returns
        -------
        Recollection
            At most ``recollection.memories`` of them, most similar first.
        """
        slots, similarity = np.empty(0, np.int64), np.empty(0)
        if len(self._ring) and np.isfinite(context).all():
            slots, similarity = self._search.nearest(state_of(context, features))
        config, records, looks = self.config.recollection, self._ring.records, self._search.looks
        return recollection(config, records, looks, slots, similarity, features, self._recorder.usual_reward)

    def recall(self, context: np.ndarray, k: int = 16) -> tuple[float, float, int]:
        """Nearest experiences: mean cosine of the ``k`` nearest, their mean reward, and how many there are.

        Codes are compared, not contexts. (0, 0, 0) when nothing is remembered. O(capacity·winners).
        """
        count = len(self._ring)
        if count == 0 or k < 1:
            return 0.0, 0.0, 0
        near = self._search.cosines(self._search.encode(state_of(context, None)))
        top = np.argsort(-near, kind="stable")[:k]
        return float(near[top].mean()), float(self._ring.records["reward"][top].mean()), int(top.size)

    # --- by night -------------------------------------------------------------------------------------

    def replay(
        self, n_samples: int, before_step: int, generator: np.random.Generator
    ) -> tuple[Episodes, np.ndarray]:
        """Draw episodes whose decision lies before ``before_step``, by priority, with what came after each.

        What has been replayed falls from the entry priority to that of its own error and emotion, and leaves
        a trace.

        Returns
        -------
        episodes : Episodes
            ``n_samples`` of them in order of time, repeats included; empty when none is eligible. A
            successor at or after ``before_step`` counts as none.
        weights : (n_samples,) float array
            Importance weights in (0, 1], eq. 41.
        """
        held = self._ring.since(before_step)
        eligible = len(self._ring) - held.size
        slots, weights = self._replay.sample(int(n_samples), held, eligible, generator)
        self._replayed(slots)
        order = np.argsort(self._ring.steps[slots], kind="stable")
        return self._ring.followed(slots[order], before_step), weights[order]

    def replay_ripples(
        self, amount: int, before_step: int, ratio: Compression, *, immediate: bool = False
    ) -> tuple[Episodes, np.ndarray]:
        """Tell the sequences around the first ripples of the queue, compressed.

        Ripples (only those of an immediate kind, where asked for) are taken until at least ``amount`` episodes
        are told or none waits; an episode is told once.

        Returns
        -------
        episodes : Episodes
            In order of time, all before ``before_step``, with what came one bar after each.
        mass : (m,) float array
            How many episodes each stands for.
        """
        told = np.zeros(self.config.capacity, bool)
        now = self._ring.records["ts_event"][self._ring.newest]
        parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        steps: list[int] = []
        total = 0
        for step in self.queue.waiting(before_step, self.newest_step, int(now), immediate=immediate).tolist():
            if total >= amount:
                break
            slots = self._around(step, before_step)
            slots = slots[~told[slots]]
            if slots.size:
                told[slots] = True
                parts.append(self._told(slots, step, ratio))
                total += parts[-1][0].size
            steps.append(step)
        if not steps:
            return _NOTHING, np.empty(0)
        self.queue.told(steps)
        nothing = np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64)
        slots, mass, members = (np.concatenate(column) for column in zip(nothing, *parts, strict=True))
        self._replayed(members)
        order = np.argsort(self._ring.steps[slots], kind="stable")
        return self._ring.followed(slots[order], before_step), mass[order]

    def _around(self, step: int, before_step: int) -> np.ndarray:
        """Slots of the sequence around a ripple, oldest first."""
        last = min(step + self.config.sequence_after, before_step - 1)
        return self._ring.span(step - self.config.sequence_before, last)

    def _told(
        self, slots: np.ndarray, step: int, ratio: Compression
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A sequence compressed around the ripple of ``step``: slots told, what each stands for, all members."""
        contexts, pinned = self._ring.records["context"][slots], self._ring.steps[slots] == step
        similarity = self.config.compression.similarity(ratio)
        kept, mass, _ = compress(contexts, np.ones(slots.size), ratio, similarity, pinned)
        return slots[kept], mass, slots

    def _replayed(self, slots: np.ndarray) -> None:
        """Some slots were replayed: their priority becomes their own, and a trace grows."""
        if not slots.size:
            return
        self._replay.update(slots, self._priority(slots))
        counts = np.bincount(slots)
        each = np.flatnonzero(counts)
        rows, (_, deviation) = self._ring.records, self._recorder.usual_reward
        large = self.config.ripples.profit * deviation
        reward = np.clip(rows["reward"][each] / large, 0.0, 1.0) if large > 0.0 else np.zeros(each.size)
        emotion = 0.5 * (rows["fear"][each] + rows["surprise"][each])
        gained = gains(self.config.consolidation, emotion, reward, counts[each])
        rows["trace"][each] = np.minimum(rows["trace"][each] + gained, 1.0)

    def _priority(self, slots: np.ndarray, errors: np.ndarray | None = None) -> np.ndarray:
        config, rows = self.config.replay, self._ring.records  # field by field: a row is 1.3 kB
        error = rows["error"][slots].astype(np.float64) if errors is None else np.abs(errors)
        emotion = 0.5 * (rows["fear"][slots].astype(np.float64) + rows["surprise"][slots])
        salient = config.emotion * emotion + config.violation * rows["violation"][slots].astype(np.float64)
        return error + salient + config.ripple * rows["strength"][slots]

    def update_priorities(self, steps: np.ndarray, errors: np.ndarray) -> None:
        """Replace the errors of the episodes of some decisions; forgotten ones are passed over.

        Raises
        ------
        DataError
            The lengths differ or an error is not finite.
        """
        steps, errors = np.asarray(steps), np.asarray(errors, np.float64)
        if steps.shape != errors.shape or not np.isfinite(errors).all():
            raise DataError(
                "hippocampus: errors do not fit the steps",
                got=errors,
                expected=f"{steps.shape} finite numbers",
            )
        slots = self._ring.slots_of(steps)
        slots, values = slots[slots >= 0], np.abs(errors[slots >= 0])
        self._ring.records["error"][slots] = values
        self._replay.update(slots, self._priority(slots, values))

    def consolidate(self, threshold: float, before_step: int) -> list[Consolidated]:
        """One cycle of transfer: the strongest traces that are recalled pass over.

        A memory is recalled where the most similar one of another stretch reaches ``consolidation.recall`` and
        the market went the same way after both (the gate of eq. 46); both decisions lie before
        ``before_step``. At most ``consolidation.per_cycle`` are tried, the strongest first; each passes once,
        and one that no other day confirms is weakened.
        """
        config, count = self.config.consolidation, len(self._ring)
        held = self._ring.records[:count]
        ready = (held["trace"] >= threshold) & (held["consolidated"] == 0) & (held["step"] < before_step)
        slots = np.flatnonzero(ready)
        if not slots.size:
            return []
        slots = slots[np.lexsort((held["step"][slots], -held["trace"][slots]))][: config.per_cycle]
        near, other = self._search.nearest_others(slots, before_step)
        tone, again = (np.sign(held["payoff"][which].mean(axis=1)) for which in (slots, other))
        recalled = (near >= config.recall) & (tone == again)
        held["trace"][slots[~recalled]] *= config.doubt
        passed = slots[recalled]
        held["consolidated"][passed] = 1
        states = states_of(held[passed])
        return [handed_on(held[slot], state) for slot, state in zip(passed, states, strict=True)]

    def fade_traces(self) -> None:
        """A night has passed: every trace is weaker, the weakest are lost. O(capacity)."""
        held = self._ring.records[: len(self._ring)]
        held["trace"] = faded(self.config.consolidation, held["trace"])

    @property
    def places(self) -> PlaceMap:
        """Map of market states."""
        return self._search.places

    def settle_places(self) -> None:
        """Put every episode into the place it belongs to by now. O(capacity·side²·d)."""
        self._search.settle_places()

    def take_ripples(self) -> dict[str, int]:
        """Ripples of the episodes completed since the last call, by kind, in alphabetical order.

        Counted when an episode is complete: the last decisions of a day are not, before its night.
        """
        raised, self._raised = dict(sorted(self._raised.items())), {}
        return raised

    def count_since(self, step: int) -> int:
        """How many episodes lie at or after a step."""
        return self._ring.count_since(step)

    def held_back(self, since_step: int) -> Episodes:
        """The episodes at or after a step, oldest first, with what came after each."""
        return self._ring.followed(self._ring.since(since_step))

    def recent(self, n: int) -> Episodes:
        """The last ``n`` episodes, oldest first, with what came after each."""
        return self._ring.followed(self._ring.order()[-n:] if n > 0 else np.empty(0, np.int64))

    # --- state ----------------------------------------------------------------------------------------

    def snapshot(self, *, episodes: bool = True) -> bytes:
        """Everything remembered as bytes. O(size), one copy.

        Without ``episodes``, what `observe` has returned is left out, which is most of it: whoever wrote that
        down hands it to `restore`.
        """
        state = {name: part.state() for name, part in self._parts().items()}
        if not episodes:
            state["ring"] = self._ring.added()
        return pack({**state, "raised": self._raised})

    def _parts(self) -> dict[str, Any]:
        return {
            "ring": self._ring,
            "recorder": self._recorder,
            "replay": self._replay,
            "ripples": self._ripples,
            "queue": self.queue,
            "search": self._search,
        }

    def restore(self, raw: bytes, episodes: Sequence[Episode] = ()) -> None:
        """Put a snapshot back; the codes are computed anew from the records, and stored again.

        Parameters
        ----------
        raw : bytes
        episodes : sequence of Episode
            Where the snapshot is without them: what `observe` had returned by then, in order; the last
            ``capacity`` suffice.

        Raises
        ------
        IntegrityError
            It was taken with another book or configuration, or episodes are missing.
        """
        tree: dict[str, Any] = unpack(raw)
        self.reset()
        self._ring.load(tree.pop("ring"), episodes)
        for name, part in self._parts().items():
            if part is not self._ring:
                part.load(tree[name])
        self._raised = {str(k): int(v) for k, v in tree["raised"].items()}
