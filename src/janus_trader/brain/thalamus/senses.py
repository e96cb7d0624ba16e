"""Gates of the outside senses: order books, news, weather and space weather."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta

from janus_trader.brain.thalamus.gating import (
    N_BAR,
    ORDER_BOOK,
    SENSE_MODALITIES,
    SENTIMENT,
    SPACE_WEATHER,
    WEATHER,
    sigmoid,
)
from janus_trader.brain.thalamus.order_book_fusion import OrderBookFusion, OrderBookFusionConfig
from janus_trader.brain.thalamus.sentiment_fusion import SentimentFusion, SentimentFusionConfig, finite
from janus_trader.contracts.market import Moment
from janus_trader.contracts.senses import Reading
from janus_trader.foundation.codec import pack, unpack
from janus_trader.foundation.config import Config, NonNegative

_Four = tuple[float, float, float, float]
#: Name of the reading behind each sense that is not an order book.
READINGS = {SENTIMENT: "news", WEATHER: "weather", SPACE_WEATHER: "space_weather"}


class SensesConfig(Config, frozen=True):
    """Terms of the gates of outside senses (eq. 29), in the order order book, sentiment, weather, space weather."""

    bias: _Four = (0.8, 0.8, 0.0, 0.0)
    coverage_gain: Annotated[NonNegative, Meta(description="logit lost when coverage falls from 1 to 0")] = (
        2.0
    )
    freshness_gain: Annotated[
        NonNegative, Meta(description="logit lost when the reading is wholly stale")
    ] = 4.0
    uncertainty_gain: Annotated[
        NonNegative, Meta(description="logit lost at full predictive uncertainty")
    ] = 1.5
    change_gain: _Four = (-0.5, 0.5, 0.0, 0.0)
    halflife_s: Annotated[_Four, Meta(description="age of a reading at which its freshness is one half")] = (
        60.0,
        86_400.0,
        21_600.0,
        21_600.0,
    )
    max_age_s: Annotated[_Four, Meta(description="age beyond which the gate is shut")] = (
        300.0,
        604_800.0,
        172_800.0,
        172_800.0,
    )
    weather_value: str = "temperature_c"
    space_weather_value: str = "kp"
    order_book_strength: Annotated[
        NonNegative, Meta(description="evidence of a fully open order-book gate")
    ] = 0.02
    sentiment_strength: Annotated[
        NonNegative, Meta(description="evidence of a fully open sentiment gate")
    ] = 0.02
    order_book: OrderBookFusionConfig = OrderBookFusionConfig()
    sentiment: SentimentFusionConfig = SentimentFusionConfig()


class SenseView(NamedTuple):
    """What the outside senses deliver before they compete.

    ``gate``, ``freshness`` and ``stimulus`` are (4,) (0 and NaN where absent), ``pressure`` (2, n) is the
    direction seen in order books and news, in [-1, 1].
    """

    gate: np.ndarray
    freshness: np.ndarray
    stimulus: np.ndarray
    pressure: np.ndarray


class Senses:
    r"""Gates of the outside senses.

    .. math:: g = \sigma\big(b + r + c(\kappa - 1) + f(\phi - 1) - u\,U + \text{change}\big), \qquad
              \phi = 2^{-age/halflife}

    with κ coverage (for books the share of instruments with a usable book, else the reading's own quality), φ
    freshness, U predictive uncertainty and r learned relevance; 0 where there is nothing, where it is older than
    ``max_age_s``, or where κ = 0 (specification eq. 29).

    Parameters
    ----------
    config : SensesConfig
    n : int
        Number of instruments.

    Notes
    -----
    Ages run from ``ts_init`` to the moment's ``ts_event``. A reading whose ``ts_init`` lies after the moment is
    not looked at: the future changes nothing. Values that are not finite are absent. O(n + books · levels), and
    about 1 µs where there are no senses.
    """

    def __init__(self, config: SensesConfig, n: int) -> None:
        self.config, self.n = config, int(n)
        self._books = OrderBookFusion(config.order_book, n)
        self._news = SentimentFusion(config.sentiment, n)
        self._nothing = SenseView(
            np.zeros(4), np.zeros(4), np.full(len(SENSE_MODALITIES), math.nan), np.zeros((2, self.n))
        )

    def reset(self) -> None:
        """Forget books and news."""
        self._books.reset()
        self._news.reset()

    def update(self, moment: Moment, change: float, relevance: np.ndarray) -> SenseView:
        """Gates, freshness, stimuli and directions; ``relevance`` (9,) is in logits."""
        if not moment.books and not moment.senses and self._news.silent:
            return self._nothing
        view = SenseView(*(np.array(x) for x in self._nothing))
        self._order_books(moment, change, relevance, view)
        self._sentiment(moment, change, relevance, view)
        for index, name in (
            (WEATHER, self.config.weather_value),
            (SPACE_WEATHER, self.config.space_weather_value),
        ):
            reading = self._known(moment, index)
            value = None if reading is None else finite(reading, name)
            if reading is not None and value is not None:
                at = index - N_BAR
                view.stimulus[at] = value
                self._gate(
                    view, at, moment.ts_event - reading.ts_init, reading.quality, 0.0, change, relevance
                )
        return view

    @staticmethod
    def _known(moment: Moment, index: int) -> Reading | None:
        reading = moment.senses.get(READINGS[index])
        return reading if reading is not None and reading.ts_init <= moment.ts_event else None

    def _order_books(self, moment: Moment, change: float, relevance: np.ndarray, view: SenseView) -> None:
        if not moment.books:
            return
        books = self._books.update(moment.books, moment.ts_event, moment.symbols)
        if not books.fused:
            return
        at = ORDER_BOOK - N_BAR
        newest = max(b.ts_init for b in moment.books if b.ts_init <= moment.ts_event)
        view.pressure[0] = books.pressure
        view.stimulus[at] = float(books.pressure.mean())
        age = moment.ts_event - newest
        self._gate(view, at, age, books.coverage, books.uncertainty, change, relevance)

    def _sentiment(self, moment: Moment, change: float, relevance: np.ndarray, view: SenseView) -> None:
        reading = self._known(moment, SENTIMENT)
        news = self._news.update(reading, moment.ts_event, moment.symbols)
        if reading is None or math.isnan(news.overall):
            return
        at = SENTIMENT - N_BAR
        view.pressure[1] = news.pressure
        view.stimulus[at] = news.overall
        age = moment.ts_event - reading.ts_init
        self._gate(view, at, age, news.coverage, news.uncertainty, change, relevance)

    def _gate(
        self,
        view: SenseView,
        at: int,
        age_ns: int,
        coverage: float,
        uncertainty: float,
        change: float,
        relevance: np.ndarray,
    ) -> None:
        c, age_s = self.config, age_ns / 1e9
        coverage = min(max(coverage, 0.0), 1.0) if math.isfinite(coverage) else 0.0
        if coverage <= 0.0 or age_s > c.max_age_s[at]:
            return
        fresh = 2.0 ** (-age_s / c.halflife_s[at])
        logit = c.bias[at] + float(relevance[N_BAR + at]) + c.coverage_gain * (coverage - 1.0)
        logit += (
            c.freshness_gain * (fresh - 1.0) - c.uncertainty_gain * uncertainty + c.change_gain[at] * change
        )
        view.freshness[at] = fresh
        view.gate[at] = sigmoid(logit)

    def snapshot(self) -> bytes:
        """State as bytes."""
        return pack({"books": self._books.snapshot(), "news": self._news.snapshot()})

    def restore(self, raw: bytes) -> None:
        """Put a snapshot back. Raises IntegrityError where it is of another book."""
        tree = unpack(raw)
        self._books.restore(tree["books"])
        self._news.restore(tree["news"])
