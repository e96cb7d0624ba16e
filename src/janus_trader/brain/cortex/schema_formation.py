"""Formation of schemas from what was consolidated: clusters with an identity (specification Algorithm 3)."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.message import Message
from janus_trader.contracts.protocols import VectorStore
from janus_trader.contracts.regime import N_REGIMES, Regime
from janus_trader.foundation.config import Config, Count, Positive
from janus_trader.numerics.k_means import k_means
from janus_trader.numerics.vector_search import LEAST_NORM, nearest_rows, unit_rows


class FormationConfig(Config, frozen=True):
    """How many schemas are formed, from how many traces."""

    clusters: Annotated[int, Meta(ge=1, le=256, description="K of Algorithm 3")] = 7
    capacity: Annotated[int, Meta(ge=16, le=65536, description="latest consolidated traces kept")] = 512
    min_traces: Annotated[Count, Meta(description="traces before schemas are formed")] = 64
    starts: Annotated[Count, Meta(description="fresh seedings of the first night; later nights have one")] = 4
    max_iter: Count = 20
    tol: Annotated[Positive, Meta(description="fall of the inertia, as a share, that ends a start")] = 1e-3


class FormedSchema(Message, frozen=True):
    """A cluster of consolidated experience.

    ``key`` is its identity over nights; ``centroid`` (d,) at unit norm; ``count`` its members; ``mean_reward``
    and ``volatility`` the mean and standard deviation of the book's return after them; ``regime`` the regime
    its members most believed in, with the mean ``mass`` on it; ``age`` the nights it has lived.
    """

    key: int
    centroid: np.ndarray
    count: int
    mean_reward: float
    volatility: float
    regime: Regime
    mass: float
    age: int

    @property
    def payload(self) -> dict[str, Any]:
        """Plain data to keep beside the centroid in a vector store."""
        return {
            "count": self.count,
            "mean_reward": self.mean_reward,
            "volatility": self.volatility,
            "regime": self.regime.name,
            "mass": self.mass,
            "age": self.age,
        }


class SchemaFormation:
    """Keeps the latest consolidated traces and forms schemas from them at deep nights.

    K-means by k-means++ and from last night's centres (`janus_trader.numerics.k_means`, eq. 45, 64). New
    centres take the keys of the old ones they match best as a whole (Hungarian assignment on squared
    distance), so that "schema 3" means the same from night to night; a schema that finds no successor is
    forgotten, and its key is not used again.

    Parameters
    ----------
    config : FormationConfig

    Examples
    --------
    >>> formation = SchemaFormation(FormationConfig(clusters=2, min_traces=4))
    >>> x = np.array([[1.0, 0.0], [0.9, 0.0], [0.0, 1.0], [0.0, 0.8]])
    >>> formation.add(np.arange(4), x, np.full((4, 7), 1 / 7), np.array([0.01, 0.03, -0.02, -0.02]))
    4
    >>> schemas = formation.form(np.random.default_rng(0))
    >>> [(s.key, s.count, round(s.mean_reward, 3), round(s.volatility, 3)) for s in schemas]
    [(0, 2, -0.02, 0.0), (1, 2, 0.02, 0.01)]
    >>> formation.nearest(np.array([0.1, 0.9])).key
    0
    """

    schemas: tuple[FormedSchema, ...]  #: in force, by key
    _step: np.ndarray
    _x: np.ndarray
    _posterior: np.ndarray
    _reward: np.ndarray
    _centres: np.ndarray
    _next: int

    def __init__(self, config: FormationConfig | None = None) -> None:
        self.config = config or FormationConfig()
        self.reset()

    def __len__(self) -> int:
        return len(self._step)

    def add(self, step: np.ndarray, embedding: np.ndarray, posterior: np.ndarray, reward: np.ndarray) -> int:
        """Keep traces: (m,), (m, d), (m, 7), (m,). A step kept already is replaced. Rows that hold NaN are left
        out; returns how many rows were kept.

        Raises
        ------
        DataError
            The columns do not fit each other, or the vectors are of another length than those kept.
        """
        step = np.asarray(step, dtype=np.int64)
        x, p = np.asarray(embedding, dtype=np.float64), np.asarray(posterior, dtype=np.float64)
        r = np.asarray(reward, dtype=np.float64)
        m, size = len(step), self._x.shape[1]
        if not m:
            return 0
        if (
            x.ndim != 2
            or len(x) != m
            or p.shape != (m, N_REGIMES)
            or r.shape != (m,)
            or size not in (0, x.shape[1])
        ):
            raise DataError(
                "traces do not fit",
                got=f"steps {step.shape}, vectors {x.shape}, posteriors {p.shape}, rewards {r.shape}",
                expected=f"(m,), (m, {size or 'd'}), (m, 7), (m,)",
            )
        whole = np.isfinite(x).all(axis=1) & np.isfinite(p).all(axis=1) & np.isfinite(r)
        step, x, p, r = step[whole], x[whole], p[whole], r[whole]
        if not len(step):
            return 0
        step, last = np.unique(step[::-1], return_index=True)  # of a step given twice the last counts
        rows = len(r) - 1 - last
        kept = ~np.isin(self._step, step)
        old = self._x[kept] if size else np.empty((0, x.shape[1]))
        order = np.argsort(np.concatenate([self._step[kept], step]), kind="stable")[-self.config.capacity :]
        self._step = np.concatenate([self._step[kept], step])[order]
        self._x = np.concatenate([old, x[rows]])[order]
        self._posterior = np.concatenate([self._posterior[kept], p[rows]])[order]
        self._reward = np.concatenate([self._reward[kept], r[rows]])[order]
        return len(rows)

    def form(
        self, generator: np.random.Generator, store: VectorStore | None = None
    ) -> tuple[FormedSchema, ...]:
        """Form the schemas anew and, where there is a store, bring it up to date; unchanged with too few traces."""
        c = self.config
        if len(self) < max(c.min_traces, c.clusters):
            return self.schemas
        starts = 1 if self._centres.shape[0] else c.starts
        known = self._centres if len(self._centres) == c.clusters else None
        centres, label, _ = k_means(
            self._x, c.clusters, generator, starts=starts, first=known, max_iter=c.max_iter, tol=c.tol
        )
        keep = np.unique(label)  # fewer than K where points coincide
        centres, label = centres[keep], np.searchsorted(keep, label)
        gone = {s.key for s in self.schemas}
        keys, ages = self._identities(centres)
        order = np.argsort(keys, kind="stable")
        self._centres = centres[order]
        self.schemas = tuple(
            self._described(int(keys[k]), int(ages[k]), centres[k], label == k) for k in order
        )
        self._index()
        if store is not None:
            self._publish(store, gone - {s.key for s in self.schemas})
        return self.schemas

    def _identities(self, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        keys, ages = np.full(len(centres), -1), np.ones(len(centres), np.int64)
        if len(self._centres):
            from scipy.optimize import linear_sum_assignment

            cost = ((centres[:, None] - self._centres[None]) ** 2).sum(axis=2)
            for new, old in zip(*linear_sum_assignment(cost), strict=True):
                keys[new], ages[new] = self.schemas[old].key, self.schemas[old].age + 1
        for k in np.flatnonzero(keys < 0):
            keys[k], self._next = self._next, self._next + 1
        return keys, ages

    def _described(self, key: int, age: int, centre: np.ndarray, members: np.ndarray) -> FormedSchema:
        belief, reward = self._posterior[members].mean(axis=0), self._reward[members]
        long = float(np.abs(centre).max(initial=0.0)) >= LEAST_NORM
        regime = int(belief.argmax())
        return FormedSchema(
            key=key,
            centroid=unit_rows(centre) if long else np.zeros_like(centre),
            count=int(members.sum()),
            mean_reward=float(reward.mean()),
            volatility=float(reward.std()),
            regime=Regime(regime),
            mass=float(belief[regime]),
            age=age,
        )

    def _publish(self, store: VectorStore, gone: set[int]) -> None:
        shown = [s for s in self.schemas if s.centroid.any()]
        if shown:
            store.upsert(
                [s.key for s in shown], np.stack([s.centroid for s in shown]), [s.payload for s in shown]
            )
        if gone:
            store.delete(sorted(gone))

    def _index(self) -> None:
        shown = [s for s in self.schemas if s.centroid.any()]
        self._shown = shown
        self._units = np.stack([s.centroid for s in shown]) if shown else np.empty((0, 0))

    def nearest(self, vector: np.ndarray) -> FormedSchema | None:
        """The schema of largest cosine to a vector (d,) (eq. 49); None before any, or without a direction. O(K d)."""
        x = np.asarray(vector, dtype=np.float64)
        if not self._shown or x.shape != self._units.shape[1:] or not np.isfinite(x).all() or not x.any():
            return None
        out = np.empty(1, np.int64)
        nearest_rows(self._units, x.reshape(1, -1), out)
        return self._shown[int(out[0])]

    def reset(self) -> None:
        """No traces, no schemas."""
        self._step, self._x = np.empty(0, np.int64), np.empty((0, 0))
        self._posterior, self._reward = np.empty((0, N_REGIMES)), np.empty(0)
        self._centres, self._next = np.empty((0, 0)), 0
        self.schemas = ()
        self._index()

    def state(self) -> dict[str, Any]:
        """State tree for a snapshot."""
        fields = FormedSchema.__struct_fields__
        return {
            "step": self._step,
            "x": self._x,
            "posterior": self._posterior,
            "reward": self._reward,
            "centres": self._centres,
            "next": self._next,
            "schemas": [{name: getattr(s, name) for name in fields} for s in self.schemas],
        }

    def put_state(self, state: dict[str, Any]) -> None:
        """Inverse of `state`. Raises IntegrityError for a torn tree."""
        if len(state["x"]) != len(state["step"]) or len(state["centres"]) != len(state["schemas"]):
            raise IntegrityError(
                "schema traces are torn", got=len(state["x"]), expected=str(len(state["step"]))
            )
        self._step, self._x = np.array(state["step"]), np.array(state["x"])
        self._posterior, self._reward = np.array(state["posterior"]), np.array(state["reward"])
        self._centres, self._next = np.array(state["centres"]), int(state["next"])
        self.schemas = tuple(FormedSchema(**{**s, "regime": Regime(s["regime"])}) for s in state["schemas"])
        self._index()
