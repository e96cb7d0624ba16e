"""The history that portfolio episodes live in: prices, what was known of costs at each bar, features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.market import BAR_DTYPE
from janus_trader.contracts.panel import MarketPanel

OBSERVATION_BOUND = 10.0


@njit(cache=True)
def _session_figures(bars, present, alpha, initial_sigma, volume_known, sigma, daily_value):
    """Volatility and traded value of a session of one instrument as known after each bar (T,)."""
    variance, value = initial_sigma * initial_sigma, math.nan
    sessions, valued, session, last = 1, 0, np.int64(-1), math.nan
    squares, traded, count = 0.0, 0.0, 0
    for t in range(bars.shape[0]):
        close = bars[t].close
        if present[t] and close > 0.0 and math.isfinite(close):
            if bars[t].session != session:
                if count > 0:
                    sessions += 1
                    variance += max(alpha, 1.0 / sessions) * (squares - variance)
                    if traded > 0.0:
                        valued += 1
                        if valued == 1:
                            value = traded
                        else:
                            value += max(alpha, 1.0 / valued) * (traded - value)
                squares, traded, count = 0.0, 0.0, 0
                session = bars[t].session
            if last > 0.0:
                r = close / last - 1.0
                squares += r * r
                count += 1
            volume = bars[t].volume
            if volume_known and volume > 0.0 and math.isfinite(volume):
                traded += volume * close
            last = close
        sigma[t] = math.sqrt(variance)
        daily_value[t] = value


@dataclass(frozen=True)
class PortfolioHistory:
    """Arrays of ``T`` bar times and ``n`` instruments, made by `from_bars` or `from_panel`.

    Attributes
    ----------
    fill_price : (T, n) float64
        What an order decided at the bar before pays: the bar's open, or its close.
    close : (T, n) float64
        Last known close; 0 before an instrument's first bar.
    present : (T, n) bool
    sigma, daily_value : (T, n) float64
        Volatility of a session's return and currency traded in a session as known at each close; they
        price the trades of the *next* bar. Unknown value: NaN, and the impact term is 0.
    returns : (T, n) float32
        Logarithmic return since the instrument's last known close, 0 where there is none.
    features : (T, k) float32
        Further numbers known at each close.
    """

    fill_price: np.ndarray
    close: np.ndarray
    present: np.ndarray
    sigma: np.ndarray
    daily_value: np.ndarray
    returns: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return self.close.shape[0]

    @property
    def n(self) -> int:
        """Number of instruments."""
        return self.close.shape[1]

    @classmethod
    def from_bars(
        cls,
        bars: np.ndarray,
        present: np.ndarray | None = None,
        features: np.ndarray | None = None,
        *,
        fills_at_open: bool = True,
        volume_known: bool = True,
        halflife_sessions: float = 21.0,
        initial_sigma: float = 0.01,
    ) -> Self:
        r"""From bars, with running means of finished sessions as the cost figures.

        Over finished sessions :math:`s`, :math:`\sigma^2 \leftarrow \sigma^2 + a_s (\sum r^2 - \sigma^2)`
        with :math:`a_s = \max(1 - 2^{-1/h}, 1/s)`, the prior ``initial_sigma`` counting as one session; the
        traded value likewise, without a prior.

        Parameters
        ----------
        bars : (T, n) array of `BAR_DTYPE`
        present : (T, n) bool array, optional
            All, if it is left out.
        features : (T, k) or (T, n, k) array, optional
            Finite; what is known at the close of each bar, in about [-10, 10].
        fills_at_open : bool
        volume_known : bool
        halflife_sessions : float
            h >= 1.
        initial_sigma : float
            > 0.

        Raises
        ------
        DataError
            Shapes that do not agree, a present bar without usable prices, features that are not finite.
        ConfigError
            A parameter out of range.

        Notes
        -----
        O(T n), once.
        """
        if not (halflife_sessions >= 1.0 and 0.0 < initial_sigma <= 1.0):
            raise ConfigError(
                "cost figures need a half-life and a prior",
                got=(halflife_sessions, initial_sigma),
                expected="halflife_sessions >= 1, 0 < initial_sigma <= 1",
            )
        known = np.ones(bars.shape, np.bool_) if present is None else np.ascontiguousarray(present, np.bool_)
        _check_bars(bars, known, fills_at_open)
        rows, n = bars.shape
        sigma, value = np.empty((n, rows)), np.empty((n, rows))
        alpha = 1.0 - 2.0 ** (-1.0 / halflife_sessions)
        for i in range(n):
            column = np.ascontiguousarray(bars[:, i])
            _session_figures(
                column, known[:, i].copy(), alpha, initial_sigma, bool(volume_known), sigma[i], value[i]
            )
        close = _last_known(np.where(known, bars["close"], np.nan))
        return cls(
            fill_price=np.where(known, bars["open" if fills_at_open else "close"], np.nan),
            close=close,
            present=known,
            sigma=np.ascontiguousarray(sigma.T),
            daily_value=np.ascontiguousarray(value.T),
            returns=_log_returns(close),
            features=_checked_features(features, rows),
        )

    @classmethod
    def from_panel(cls, panel: MarketPanel, features: np.ndarray | None = None) -> Self:
        """From a panel; its external signals are the features if none are given."""
        given = panel.external if features is None else features
        return cls.from_bars(
            panel.bars,
            panel.present,
            given,
            fills_at_open=panel.fills_at_open,
            volume_known="volume" in panel.fields,
        )


def random_walk_history(generator: np.random.Generator, periods: int, n: int) -> PortfolioHistory:
    """Daily bars without anything to learn: n equal random walks, 1 % a day, to try things out with.

    >>> history = random_walk_history(np.random.default_rng(0), 300, 4)
    >>> len(history), history.n, bool((history.close > 0).all())
    (300, 4, True)
    """
    overnight, day = 0.004 * generator.standard_normal((2, periods, n))
    bars = np.zeros((periods, n), BAR_DTYPE)
    steps = overnight + 2.0 * day
    bars["close"] = 100.0 * np.exp(np.cumsum(steps, axis=0))
    bars["open"] = bars["close"] * np.exp(-2.0 * day)
    bars["high"] = np.maximum(bars["open"], bars["close"])
    bars["low"] = np.minimum(bars["open"], bars["close"])
    bars["volume"] = 1e6 * np.exp(0.3 * generator.standard_normal((periods, n)))
    bars["session"] = np.arange(periods)[:, None]
    return PortfolioHistory.from_bars(bars)


def _last_known(close: np.ndarray) -> np.ndarray:
    rows = np.where(np.isnan(close), -1, np.arange(close.shape[0])[:, None])
    last = np.maximum.accumulate(rows, axis=0)
    return np.where(last >= 0, np.take_along_axis(close, np.maximum(last, 0), axis=0), 0.0)


def _log_returns(close: np.ndarray) -> np.ndarray:
    out = np.zeros(close.shape, np.float32)
    begun = close[:-1] > 0.0
    ratio = np.divide(close[1:], close[:-1], out=np.ones_like(close[1:]), where=begun)
    out[1:] = np.clip(np.log(ratio), -OBSERVATION_BOUND, OBSERVATION_BOUND)
    return out


def _check_bars(bars: np.ndarray, present: np.ndarray, fills_at_open: bool) -> None:
    if bars.ndim != 2 or bars.dtype != BAR_DTYPE or present.shape != bars.shape or min(bars.shape) < 1:
        raise DataError(
            "bars and present do not agree",
            got=f"{bars.shape} {bars.dtype}, {present.shape}",
            expected="two arrays of one shape (T, n), bars of BAR_DTYPE",
        )
    for name in ("open", "close") if fills_at_open else ("close",):
        prices = bars[name][present]
        if not (np.isfinite(prices).all() and (prices > 0.0).all()):
            raise DataError(
                f"present bars without a usable {name}",
                expected="positive finite prices",
                remedy="pass raw bars through the gateway first, or mark them absent",
            )


def _checked_features(features: np.ndarray | None, rows: int) -> np.ndarray:
    if features is None:
        return np.zeros((rows, 0), np.float32)
    array = np.asarray(features, dtype=np.float64)
    if array.ndim not in (2, 3) or array.shape[0] != rows or not np.isfinite(array).all():
        raise DataError(
            "features do not fit the bars",
            got=f"shape {array.shape}, {int((~np.isfinite(array)).sum())} entries not finite",
            expected=f"finite ({rows}, k) or ({rows}, n, k)",
            remedy="fill missing features, and add an indicator of where they were missing",
        )
    bounded = np.clip(array.reshape(rows, -1), -OBSERVATION_BOUND, OBSERVATION_BOUND)
    return np.ascontiguousarray(bounded, np.float32)
