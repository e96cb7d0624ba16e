"""All sources of one book, asked together at every bar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from janus_trader.contracts.decision import SignalPanel
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.market import Field
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.foundation.codec import pack, unpack
from janus_trader.strategies.definition import Family, StrategyDefinition

#: External signals live on about [-3, 3]; they are clipped to this and divided by it.
EXTERNAL_LIMIT = 3.0


@njit(cache=True)
def _take_external(external, present, rows) -> None:
    """Clip to [-limit, limit] and scale to [-1, 1]; where absent or not finite, keep the last value."""
    for j in range(external.shape[0]):
        for i in range(external.shape[1]):
            x = external[j, i]
            if present[i] and np.isfinite(x):
                rows[j, i] = min(max(x, -EXTERNAL_LIMIT), EXTERNAL_LIMIT) / EXTERNAL_LIMIT


class StrategyPanel:
    """What every source wants for every instrument.

    Parameters
    ----------
    strategies : sequence of StrategyDefinition
        Built-in and users' strategies; their names must differ.
    n : int
        Number of instruments.
    fields : frozenset of Field
        What every instrument delivers.
    bar_seconds : float
        Nominal length of a bar.
    n_external : int
        Number ``m`` of anonymous external signals; they follow as ``external.0``, ``external.1``, ...

    Attributes
    ----------
    names, families : tuple of str, length k
    regime_weights : (k, 7) array; all ones for external signals
    priors : (k,) array; 1 for strategies, 0 for external signals
    active : (k,) bool array; False where the data cannot carry the source, whose values are then 0

    Notes
    -----
    An absent instrument keeps its last values (0 before it was first seen); its states do not move.
    Cost: one compiled loop over the instruments per active strategy, O(k n).

    Raises
    ------
    ConfigError
        Two sources share a name.
    DataError
        The arrays of a call do not have the shapes the panel was made for.

    Examples
    --------
    >>> from janus_trader.contracts.market import BAR_DTYPE
    >>> from janus_trader.strategies.catalogue import default_strategies
    >>> panel = StrategyPanel(default_strategies(), 2, fields=frozenset({Field.CLOSE}),
    ...                       bar_seconds=86400.0, n_external=1)
    >>> [name for name, on in zip(panel.names, panel.active) if not on]
    ['ema_ribbon', 'momentum_surge', 'vwap_scalper', 'opening_range']
    >>> bars = np.zeros(2, BAR_DTYPE)
    >>> panel(bars, np.array([False, False]), np.zeros((1, 2))).values.shape
    (10, 2)
    """

    def __init__(
        self,
        strategies: Sequence[StrategyDefinition],
        n: int,
        *,
        fields: frozenset[Field],
        bar_seconds: float,
        n_external: int,
    ) -> None:
        names = [s.name for s in strategies]
        names += [f"external.{j}" for j in range(n_external)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(
                "two sources share a name",
                got=", ".join(twice),
                expected="different names",
                remedy="give the strategy file another NAME, or disable the built-in one",
            )
        self.n, self.n_external = n, n_external
        self.names = tuple(names)
        self.families = tuple(s.family.value for s in strategies) + (Family.EXTERNAL.value,) * n_external
        self.regime_weights = np.ones((len(names), N_REGIMES))
        self.priors = np.zeros(len(names))
        self.active = np.ones(len(names), np.bool_)
        for k, strategy in enumerate(strategies):
            self.regime_weights[k] = strategy.regime_weights
            self.priors[k] = strategy.prior
            self.active[k] = strategy.carried_by(fields, bar_seconds)
        for array in (self.regime_weights, self.priors, self.active):
            array.setflags(write=False)
        self._first_external = len(strategies)
        self._values = np.zeros((len(names), n))
        self._scratch = np.zeros((1, n))
        # each lane with the row of ``_values`` that it keeps up
        self._lanes = [(self._values[k], s.bind(n)) for k, s in enumerate(strategies) if self.active[k]]

    def __call__(self, bars: np.ndarray, present: np.ndarray, external: np.ndarray) -> SignalPanel:
        """Take in one bar of every instrument: ``bars`` and ``present`` (n,), ``external`` (m, n)."""
        n = self.n
        if bars.shape != (n,) or present.shape != (n,) or external.shape != (self.n_external, n):
            raise DataError(
                "strategy panel: wrong shapes",
                got=f"bars {bars.shape}, present {present.shape}, external {external.shape}",
                expected=f"({n},), ({n},), ({self.n_external}, {n})",
            )
        rows, seen = bars.reshape(1, n), present.reshape(1, n)
        scratch = self._scratch
        for last, lane in self._lanes:
            lane.advance(rows, seen, last, scratch)
        if self.n_external:
            _take_external(external, present, self._values[self._first_external :])
        return SignalPanel(names=self.names, values=self._values.copy(), active=self.active)

    def reset(self) -> None:
        """Back to the state of a fresh panel."""
        self._values[:] = 0.0
        for _, lane in self._lanes:
            lane.reset()

    def snapshot(self) -> bytes:
        """Every state and last value as bytes; with the configuration it determines every later call."""
        lanes = [lane.state() for _, lane in self._lanes]
        return pack({"names": list(self.names), "n": self.n, "values": self._values, "lanes": lanes})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back.

        Raises
        ------
        IntegrityError
            It belongs to other sources, another configuration or another number of instruments.
        """
        tree = unpack(raw)
        if not isinstance(tree, dict) or tree.get("names") != list(self.names) or tree.get("n") != self.n:
            raise IntegrityError(
                "strategy panel: snapshot does not fit",
                expected=f"{self.n} instruments and the sources {', '.join(self.names)}",
                remedy="restore with the configuration it was taken with",
            )
        if len(tree["lanes"]) != len(self._lanes):
            raise IntegrityError("strategy panel: snapshot has other active sources")
        for (_, lane), state in zip(self._lanes, tree["lanes"], strict=True):
            lane.load(state)
        self._values[:] = tree["values"]
