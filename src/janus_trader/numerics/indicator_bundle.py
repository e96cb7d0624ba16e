"""The usual indicators of one bar in one compiled call: averages, RSI, ATR, ADX, Bollinger bands, MACD.

The state is one record that nests the records of the single kernels. While an indicator warms up, their
own steps run; afterwards one loop holds the whole state in registers and does the same arithmetic in
the same order, so that every output equals that of the single kernel to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numba import float64, njit, typeof, void

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.numerics.adx import (
    ADX_DTYPE,
    adx_step,
    directional_index,
    directional_movement,
    set_directional_indicators,
)
from janus_trader.numerics.atr import ATR_DTYPE, atr_step, example_bars, true_range
from janus_trader.numerics.bollinger import bollinger_dtype, bollinger_step, checked_width
from janus_trader.numerics.ema import EMA_DTYPE, checked_period, ema_next, ema_step, span_alpha
from janus_trader.numerics.macd import MACD_DTYPE, checked_macd_periods, macd_step
from janus_trader.numerics.rolling import end_block, spread_of_sums
from janus_trader.numerics.rsi import RSI_DTYPE, relative_strength, rsi_step
from janus_trader.numerics.streaming import StreamingKernel

#: Columns of the output row.
OUTPUTS = (
    *(f"ema_{i}" for i in range(1, 6)),
    "rsi",
    "atr",
    "adx",
    "middle",
    "upper",
    "lower",
    "macd",
    "signal",
    "histogram",
)

#: Configuration of the kernels: smoothing weights, periods, width of the bands, and when all have settled.
PARAMETERS_DTYPE = np.dtype(
    [
        *((f"alpha_{i}", "f8") for i in range(1, 6)),
        *((f"period_{i}", "i8") for i in range(1, 6)),
        *((f"alpha_{name}", "f8") for name in ("fast", "slow", "signal")),
        *((name, "i8") for name in ("rsi", "atr", "adx", "window", "macd_warmup", "settled")),
        ("width", "f8"),
    ],
    align=True,
)


def indicator_bundle_dtype(window: int) -> np.dtype:
    """State of the bundle with bands over ``window`` values; ``out`` is the last output row.

    >>> indicator_bundle_dtype(20)["out"].shape
    (1, 14)
    """
    return np.dtype(
        [
            ("n", "i8"),
            *((f"ema_{i}", EMA_DTYPE) for i in range(1, 6)),
            ("rsi", RSI_DTYPE),
            ("atr", ATR_DTYPE),
            ("adx", ADX_DTYPE),
            ("bands", bollinger_dtype(window)),
            ("macd", MACD_DTYPE),
            ("bar", "f8", (1, 5)),
            ("out", "f8", (1, len(OUTPUTS))),
        ],
        align=True,
    )


@njit(cache=True)
def _average(s, x, alpha, period):
    y = ema_step(s, x, alpha)
    return y if s.n >= period else math.nan


@njit(cache=True)
def _warm(s, p, high, low, close, ys, t):
    """One bar by the steps of the single kernels, each NaN until it is ready."""
    ys[t, 0] = _average(s.ema_1, close, p.alpha_1, p.period_1)
    ys[t, 1] = _average(s.ema_2, close, p.alpha_2, p.period_2)
    ys[t, 2] = _average(s.ema_3, close, p.alpha_3, p.period_3)
    ys[t, 3] = _average(s.ema_4, close, p.alpha_4, p.period_4)
    ys[t, 4] = _average(s.ema_5, close, p.alpha_5, p.period_5)
    ys[t, 5] = rsi_step(s.rsi, close, p.rsi)
    ys[t, 6] = atr_step(s.atr, high, low, close, p.atr)
    ys[t, 7] = adx_step(s.adx, high, low, close, p.adx)
    ys[t, 8], ys[t, 9], ys[t, 10] = bollinger_step(s.bands, close, p.window, p.width)
    ys[t, 11], ys[t, 12], ys[t, 13] = macd_step(s.macd, close, p.alpha_fast, p.alpha_slow, p.alpha_signal)
    if s.macd.n < p.macd_warmup:
        ys[t, 11:] = math.nan
    s.n += 1


@njit(cache=True)
def _repeat(s, ys, t):
    """Output of a bar that is ignored: that of the bar before it."""
    for j in range(ys.shape[1]):
        if s.n == 0:
            ys[t, j] = math.nan
        else:
            ys[t, j] = s.out[0, j] if t == 0 else ys[t - 1, j]


@njit(cache=True)
def _count(s, bars):
    """Bars that the settled loop took in, in the counters of the nested records."""
    s.n += bars
    s.ema_1.n += bars
    s.ema_2.n += bars
    s.ema_3.n += bars
    s.ema_4.n += bars
    s.ema_5.n += bars
    s.rsi.n += bars
    s.atr.n += bars
    s.adx.n += bars
    s.bands.n += bars
    s.macd.n += bars
    s.macd.fast.n += bars
    s.macd.slow.n += bars
    s.macd.signal.n += bars


@njit(cache=True)
def _settled(s, p, bars, first, ys):
    """Bars from row ``first`` on, when every indicator is ready; longer than usual to stay in registers."""
    ema_1, ema_2, ema_3 = s.ema_1.value, s.ema_2.value, s.ema_3.value
    ema_4, ema_5 = s.ema_4.value, s.ema_5.value
    fast, slow, signal = s.macd.fast.value, s.macd.slow.value, s.macd.signal.value
    gain, loss, atr, adx = s.rsi.gain, s.rsi.loss, s.atr.value, s.adx.value
    plus_sum, minus_sum, range_sum = s.adx.plus_dm, s.adx.minus_dm, s.adx.true_range
    last_high, last_low, last_close = s.adx.previous_high, s.adx.previous_low, s.adx.previous_close
    filled, shift = s.bands.filled, s.bands.shift
    total, offset, squares = s.bands.total, s.bands.offset, s.bands.squares
    alpha_1, alpha_2, alpha_3, alpha_4, alpha_5 = p.alpha_1, p.alpha_2, p.alpha_3, p.alpha_4, p.alpha_5
    alpha_fast, alpha_slow, alpha_signal = p.alpha_fast, p.alpha_slow, p.alpha_signal
    of_rsi, of_atr, of_adx = 1.0 / p.rsi, 1.0 / p.atr, 1.0 / p.adx
    keep, window, width = 1.0 - 1.0 / p.adx, p.window, p.width
    taken = 0
    for t in range(max(first, 0), bars.shape[0]):
        high, low, close = bars[t, 1], bars[t, 2], bars[t, 3]
        if not (math.isfinite(high) and math.isfinite(low) and math.isfinite(close)):
            _repeat(s, ys, t)
            continue
        taken += 1
        ema_1 = ema_next(ema_1, close, alpha_1)
        ema_2 = ema_next(ema_2, close, alpha_2)
        ema_3 = ema_next(ema_3, close, alpha_3)
        ema_4 = ema_next(ema_4, close, alpha_4)
        ema_5 = ema_next(ema_5, close, alpha_5)
        fast = ema_next(fast, close, alpha_fast)
        slow = ema_next(slow, close, alpha_slow)
        signal = ema_next(signal, fast - slow, alpha_signal)
        change = close - last_close
        gain = ema_next(gain, max(change, 0.0), of_rsi)
        loss = ema_next(loss, max(-change, 0.0), of_rsi)
        spread = true_range(high, low, last_close)
        atr = ema_next(atr, spread, of_atr)
        plus, minus = directional_movement(high - last_high, last_low - low)
        range_sum = keep * range_sum + spread
        plus_sum = keep * plus_sum + plus
        minus_sum = keep * minus_sum + minus
        adx = ema_next(adx, directional_index(plus_sum, minus_sum), of_adx)
        last_high, last_low, last_close = high, low, close
        if filled == window:
            shift = total / window
            end_block(s.bands, shift, window)
            filled, total, offset, squares = 0, 0.0, 0.0, 0.0
        distance = close - shift
        s.bands.buffer[np.uint64(filled)] = close  # unsigned: no test for an index from the end
        total += close
        offset += distance
        squares += distance * distance
        filled += 1
        place = np.uint64(filled)
        middle = (s.bands.after_total[place] + total) / window
        about = s.bands.after_offset[place] + offset
        band = width * spread_of_sums(s.bands, about, s.bands.after_squares[place] + squares, window)
        ys[t, 0], ys[t, 1], ys[t, 2], ys[t, 3], ys[t, 4] = ema_1, ema_2, ema_3, ema_4, ema_5
        ys[t, 5], ys[t, 6], ys[t, 7] = relative_strength(gain, loss), atr, adx
        ys[t, 8], ys[t, 9], ys[t, 10] = middle, middle + band, middle - band
        ys[t, 11], ys[t, 12], ys[t, 13] = fast - slow, signal, (fast - slow) - signal
    s.ema_1.value, s.ema_2.value, s.ema_3.value = ema_1, ema_2, ema_3
    s.ema_4.value, s.ema_5.value = ema_4, ema_5
    s.macd.fast.value, s.macd.slow.value, s.macd.signal.value = fast, slow, signal
    s.rsi.gain, s.rsi.loss, s.rsi.previous = gain, loss, last_close
    s.atr.value, s.atr.previous_close = atr, last_close
    s.adx.value, s.adx.plus_dm, s.adx.minus_dm, s.adx.true_range = adx, plus_sum, minus_sum, range_sum
    s.adx.previous_high, s.adx.previous_low, s.adx.previous_close = last_high, last_low, last_close
    s.bands.filled, s.bands.shift = filled, shift
    s.bands.total, s.bands.offset, s.bands.squares = total, offset, squares
    set_directional_indicators(s.adx)
    _count(s, taken)


@njit(cache=True)
def _advance(s, p, bars, ys):
    t = 0
    while t < bars.shape[0] and s.n < p.settled:
        high, low, close = bars[t, 1], bars[t, 2], bars[t, 3]
        if math.isfinite(high) and math.isfinite(low) and math.isfinite(close):
            _warm(s, p, high, low, close, ys, t)
        else:
            _repeat(s, ys, t)
        t += 1
    if t < bars.shape[0]:
        _settled(s, p, bars, t, ys)


@njit(cache=True)
def indicator_bundle_run(s, p, bars, ys):
    """Rows (open, high, low, close, volume) into the record ``s``, outputs into the rows of ``ys``.

    ``s`` is a record of `indicator_bundle_dtype`, ``p`` one of `PARAMETERS_DTYPE`: `IndicatorBundle.state`
    and `IndicatorBundle.parameters` hold both. O(rows).
    """
    _advance(s, p, bars, ys)
    if bars.shape[0] > 0:
        for j in range(ys.shape[1]):
            s.out[0, j] = ys[bars.shape[0] - 1, j]


@njit(cache=True)
def _tick(states, parameters, high, low, close):
    s = states[0]
    s.bar[0, 1] = high
    s.bar[0, 2] = low
    s.bar[0, 3] = close
    _advance(s, parameters[0], s.bar, s.out)


@njit(cache=True)
def _scan(states, parameters, bars, ys):
    indicator_bundle_run(states[0], parameters[0], bars, ys)


class IndicatorBundle(StreamingKernel):
    """Five exponential averages, RSI, ATR, ADX, Bollinger bands and MACD of one bar, in one call.

    Every column equals, to the last bit, the output of `EMA`, `RSI`, `ATR`, `ADX`, `Bollinger` and `MACD`
    of the same parameters; see there for the equations.

    Parameters
    ----------
    ema_periods : tuple of five int
        Each at least 1.
    rsi, atr, adx : int
        Periods, at least 1.
    window, width : int, float
        Window >= 2 and width > 0 of the bands, in standard deviations.
    macd : tuple of three int
        Periods fast < slow and signal.

    Notes
    -----
    Input: a row (open, high, low, close, volume); high, low and close are read. Output: a row of 14, named
    in `OUTPUTS`; `update` and `tick` return the same array at each call, with new values. Warm-up: that
    of the slowest; until then each column is NaN until its own indicator is ready. A bar whose high, low or
    close is not finite is ignored and the last row comes back. O(1) on average, O(window) once in
    ``window`` bars.

    Raises
    ------
    ConfigError
        A parameter is out of range.

    Examples
    --------
    >>> bundle = IndicatorBundle((2, 3, 4, 5, 6), window=2, macd=(2, 4, 2))
    >>> row = bundle.tick(11.0, 9.0, 10.0), bundle.tick(13.0, 10.0, 12.0)
    >>> dict(zip(OUTPUTS, bundle.out.tolist()))["middle"]
    11.0

    References
    ----------
    Those of the single kernels.
    """

    WIDTH = 5

    def __init__(
        self,
        ema_periods: tuple[int, int, int, int, int] = (8, 13, 21, 50, 200),
        rsi: int = 14,
        atr: int = 14,
        adx: int = 14,
        window: int = 20,
        width: float = 2.0,
        macd: tuple[int, int, int] = (12, 26, 9),
    ) -> None:
        periods = [checked_period("ema_periods", period) for period in ema_periods]
        if len(periods) != 5:
            raise ConfigError("ema_periods is not usable", got=ema_periods, expected="five periods")
        rsi, atr, adx = checked_period("rsi", rsi), checked_period("atr", atr), checked_period("adx", adx)
        window, width = checked_period("window", window, at_least=2), checked_width(width)
        fast, slow, signal = checked_macd_periods(*macd)
        of_macd = slow + signal - 1
        warmup = max(*periods, rsi + 1, atr + 1, 2 * adx, window, of_macd)
        alphas = [span_alpha(period) for period in periods]
        of_averages = [span_alpha(period) for period in (fast, slow, signal)]
        values = (*alphas, *periods, *of_averages, rsi, atr, adx, window, of_macd, warmup, width)
        self._parameters = np.array([values], PARAMETERS_DTYPE)
        self._init(indicator_bundle_dtype(window), (), warmup)
        self._bind()

    def _bind(self) -> None:
        """Views of the state, and the compiled entry for its type.

        The entry is what a call of ``_tick`` finds after it has looked up the types of its arguments, which
        would cost more than the work. The two arrays are always ours and floats are converted, so that the
        look-up has nothing to tell.
        """
        self.out = self._state["out"][0, 0]
        types = void(typeof(self._state), typeof(self._parameters), float64, float64, float64)
        compiled: Any = _tick.get_compile_result(types)
        self._enter: Callable[..., None] = compiled.entry_point

    @property
    def state(self) -> np.ndarray:
        """The state, one record of `indicator_bundle_dtype`, for `indicator_bundle_run` in other kernels."""
        return self._state

    @property
    def parameters(self) -> np.ndarray:
        """The configuration, one record of `PARAMETERS_DTYPE`."""
        return self._parameters

    def tick(self, high: float, low: float, close: float) -> np.ndarray:
        """Take in one bar and return the output row, overwritten by the next call. O(1)."""
        self._enter(self._state, self._parameters, high, low, close)
        return self.out

    def update(self, x: Any) -> np.ndarray:
        """Take in one row (open, high, low, close, volume); otherwise as `tick`."""
        self._enter(self._state, self._parameters, x[1], x[2], x[3])
        return self.out

    def transform(self, xs: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Outputs (T, 14) of a fresh bundle over bars (T, 5), in ``out`` where it is given.

        Raises
        ------
        DataError
            ``xs`` or ``out`` has another shape, or ``out`` is not contiguous float64.
        """
        xs = np.ascontiguousarray(xs, dtype=np.float64)
        if xs.ndim != 2 or xs.shape[1] != self.WIDTH:
            raise DataError("IndicatorBundle: wrong input shape", got=xs.shape, expected="(T, 5)")
        wanted = (len(xs), len(OUTPUTS))
        ys = np.empty(wanted) if out is None else out
        if ys.shape != wanted or ys.dtype != np.float64 or not ys.flags.c_contiguous:
            raise DataError(
                "IndicatorBundle: out cannot be filled",
                got=f"{ys.dtype} {ys.shape}",
                expected=f"contiguous float64 {wanted}",
            )
        _scan(np.zeros(1, self._dtype), self._parameters, xs, ys)
        return ys

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError when it belongs to another configuration."""
        super().restore(raw)
        self._bind()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("out", "_enter")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._bind()

    @classmethod
    def examples(cls) -> list[Self]:
        """The usual periods, and short ones."""
        return [cls(), cls((1, 2, 3, 4, 5), rsi=1, atr=3, adx=2, window=4, macd=(1, 2, 1))]

    @classmethod
    def example_input(cls, rng: np.random.Generator, n: int) -> np.ndarray:
        """Bars of a random walk with volumes."""
        bars = example_bars(rng, n)
        return np.column_stack((bars[:, 2], bars, rng.exponential(50.0, n)))
