"""Sentiment engine: what news says about each instrument, fading as it ages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.senses import Reading
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, Fraction, Positive

#: Names of values in a reading of news.
OVERALL, PER_SYMBOL, COUNT, DISPERSION = "sentiment", "sentiment.", "count", "dispersion"


class SentimentFusionConfig(Config, frozen=True):
    """Memory of the sentiment of each instrument."""

    halflife_s: Annotated[Positive, Meta(description="time in which sentiment halves without news")] = (
        172_800.0
    )
    smoothing: Annotated[Fraction, Meta(description="weight of a new reading against what is remembered")] = (
        0.5
    )
    market_share: Annotated[
        Fraction, Meta(description="how much of the overall tone an instrument without news of its own takes")
    ] = 0.25


class SentimentView(NamedTuple):
    """``pressure`` (n,) and ``overall`` in [-1, 1] (NaN: unknown), ``coverage`` and ``uncertainty`` in [0, 1]."""

    pressure: np.ndarray
    overall: float
    coverage: float
    uncertainty: float


def finite(reading: Reading, name: str) -> float | None:
    """The value of that name where it is a finite number.

    >>> finite(Reading(source="news", ts_event=0, ts_init=0, values={"a": math.inf}), "a") is None
    True
    """
    value = reading.values.get(name)
    return value if value is not None and math.isfinite(value) else None


class SentimentFusion:
    r"""Remembers the tone of news per instrument.

    .. math:: p_i \leftarrow p_i\,2^{-\Delta t/halflife}, \qquad
              \text{on a new reading}\quad p_i \leftarrow p_i + \alpha\,(x_i - p_i)

    where x is the value ``sentiment.SYMBOL``, else ``market_share`` of the overall ``sentiment``, in [-1, 1].

    Parameters
    ----------
    config : SentimentFusionConfig
    n : int
        Number of instruments.

    Notes
    -----
    A reading counts once, when its ``ts_init`` is first reached; one from after the moment is not looked at.
    Uncertainty is the larger of the headlines' ``dispersion`` and :math:`1/\sqrt{count}`. Values that are not
    finite are absent. O(n).

    Examples
    --------
    >>> engine = SentimentFusion(SentimentFusionConfig(), 2)
    >>> values = {"sentiment": 0.4, "sentiment.A": 1.0, "count": 4.0}
    >>> news = Reading(source="news", ts_event=0, ts_init=0, values=values)
    >>> view = engine.update(news, 0, ("A", "B"))
    >>> view.pressure.tolist(), view.uncertainty
    ([0.5, 0.05], 0.5)
    """

    def __init__(self, config: SentimentFusionConfig, n: int) -> None:
        self.config, self.n = config, int(n)
        self.reset()

    def reset(self) -> None:
        """Forget all news."""
        self._pressure = np.zeros(self.n)
        self._last_ts = -1  # of the moment before
        self._counted = -1  # ts_init of the newest reading counted

    @property
    def silent(self) -> bool:
        """Whether no news has ever been counted."""
        return self._counted < 0

    def update(self, reading: Reading | None, ts_event: int, symbols: Sequence[str]) -> SentimentView:
        """The tone at ``ts_event``; None where there is no news."""
        if self._last_ts >= 0:
            age_s = max(ts_event - self._last_ts, 0) / 1e9
            self._pressure *= 2.0 ** (-age_s / self.config.halflife_s)
        self._last_ts = ts_event
        if reading is None or reading.ts_init > ts_event:
            return SentimentView(self._pressure.copy(), math.nan, 0.0, 1.0)
        overall = finite(reading, OVERALL)
        if overall is None:
            return SentimentView(self._pressure.copy(), math.nan, 0.0, 1.0)
        if reading.ts_init > self._counted:
            self._count(reading, overall, symbols)
        count, spread = finite(reading, COUNT), finite(reading, DISPERSION)
        unsure = max(1.0 / math.sqrt(max(count or 1.0, 1.0)), min(max(spread or 0.0, 0.0), 1.0))
        return SentimentView(self._pressure.copy(), overall, min(max(reading.quality, 0.0), 1.0), unsure)

    def _count(self, reading: Reading, overall: float, symbols: Sequence[str]) -> None:
        c = self.config
        for i, symbol in enumerate(symbols):
            own = finite(reading, PER_SYMBOL + symbol)
            x = c.market_share * overall if own is None else own
            self._pressure[i] += c.smoothing * (min(max(x, -1.0), 1.0) - self._pressure[i])
        self._counted = reading.ts_init

    def snapshot(self) -> bytes:
        """State as bytes."""
        return pack({"pressure": self._pressure, "last_ts": self._last_ts, "counted": self._counted})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError where it is of another book."""
        tree = unpack(raw)
        if tree["pressure"].shape != (self.n,):
            raise IntegrityError(
                "sentiment fusion: snapshot does not fit", got=tree["pressure"].shape, expected=f"({self.n},)"
            )
        self._pressure = tree["pressure"]
        self._last_ts, self._counted = int(tree["last_ts"]), int(tree["counted"])
