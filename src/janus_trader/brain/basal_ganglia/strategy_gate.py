"""The strategy gate: which source may speak for which instrument in which regime."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.foundation.config import Config

_EVERYWHERE = "*"


class StrategyGateConfig(Config, frozen=True):
    """Lists by instrument, as TOML tables: ``deny = { SPY = ["ema_flip"] }``.

    ``"*"`` stands for every instrument in ``deny`` and ``allow``. Where an instrument has an allow list,
    sources that are not on it are shut; deny wins over allow.
    """

    deny: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    allow: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


@njit(cache=True)
def gated_drive(
    values, active, weights, source_gates, regime_weights, posterior, listed, affinity, evidence, out
):
    """Drive of every instrument: Σ_k w_k g_k P(c)·R_kc a_ki L_ki s_ki + e_i. O(k·(7 + n))."""
    k, n = values.shape
    for i in range(n):
        out[i] = evidence[i]
    for j in range(k):
        if not active[j]:
            continue
        compatible = 0.0
        for c in range(posterior.size):
            compatible += posterior[c] * regime_weights[j, c]
        scale = weights[j] * source_gates[j] * compatible
        if scale == 0.0:
            continue
        for i in range(n):
            out[i] += scale * listed[j, i] * affinity[j, i] * values[j, i]


class StrategyGate:
    """Multiplies every signal by list, regime compatibility and affinity, in that order.

    Parameters
    ----------
    config : StrategyGateConfig
    symbols, source_names : sequences of str
    regime_weights : (k, 7) float array in [0, 1]

    Raises
    ------
    ConfigError
        A list names an instrument or a source that does not exist.

    Examples
    --------
    >>> gate = StrategyGate(StrategyGateConfig(deny={"A": ("x",)}), ("A", "B"), ("x", "y"), np.ones((2, 7)))
    >>> gate.listed.tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    """

    def __init__(
        self,
        config: StrategyGateConfig,
        symbols: tuple[str, ...],
        source_names: tuple[str, ...],
        regime_weights: np.ndarray,
    ) -> None:
        k = len(source_names)
        weights = np.ascontiguousarray(regime_weights, np.float64)
        if weights.shape != (k, N_REGIMES) or not ((weights >= 0.0) & (weights <= 1.0)).all():
            raise ConfigError(
                "strategy gate: regime weights do not fit",
                got=weights.shape,
                expected=f"({k}, {N_REGIMES}) numbers in [0, 1]",
            )
        self.regime_weights = weights
        allowed = _table(config.allow, symbols, source_names, "allow")
        denied = _table(config.deny, symbols, source_names, "deny")
        restricted = np.array([s in config.allow or _EVERYWHERE in config.allow for s in symbols])
        self.listed = np.where(denied, 0.0, np.where(restricted[None, :], allowed, True).astype(np.float64))


def _table(
    lists: Mapping[str, tuple[str, ...]], symbols: tuple[str, ...], names: tuple[str, ...], what: str
) -> np.ndarray:
    table = np.zeros((len(names), len(symbols)), np.bool_)
    for symbol, sources in lists.items():
        if symbol != _EVERYWHERE and symbol not in symbols:
            raise ConfigError(
                f"strategy gate: {what} names an unknown instrument", got=symbol, expected=", ".join(symbols)
            )
        columns = slice(None) if symbol == _EVERYWHERE else symbols.index(symbol)
        for source in sources:
            if source not in names:
                raise ConfigError(
                    f"strategy gate: {what} names an unknown source", got=source, expected=", ".join(names)
                )
            table[names.index(source), columns] = True
    return table
