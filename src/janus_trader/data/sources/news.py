"""Headlines as a sense: the tone of what was known by now, over the book and per instrument."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.senses import Headline, Reading
from janus_trader.data.sources.sentiment import mentioned, score_text
from janus_trader.foundation.config import Config, Fraction, Positive

_NS = 1_000_000_000


class NewsConfig(Config, frozen=True):
    """Which headlines count, and how much."""

    window_s: Annotated[Positive, Meta(description="older headlines do not count")] = 172_800.0
    halflife_s: Annotated[Positive, Meta(description="age at which a headline counts half")] = 43_200.0
    body_share: Annotated[Fraction, Meta(description="weight of the body's tone against the title's")] = 0.3


def tone_of(headline: Headline, body_share: float) -> float:
    """Tone of a headline in [-1, 1]: title and, where there is one, body.

    >>> tone_of(Headline(source="x", ts_event=0, ts_init=0, title="Shares surge", body="Shares plunge"), 0.5)
    0.0
    """
    title = score_text(headline.title).score
    if not headline.body:
        return title
    return (1.0 - body_share) * title + body_share * score_text(headline.body).score


def same_story(title: str) -> str:
    """A title without what changes when it is repeated: case, spaces, punctuation.

    >>> same_story("Shares  SURGE!") == same_story("shares surge")
    True
    """
    return " ".join(re.findall(r"\w+", title.lower()))


class NewsSense:
    r"""Turns headlines into the reading ``news``.

    Values: ``sentiment``, the weighted mean tone of all headlines that count; ``sentiment.SYMBOL`` for each symbol
    of the book that some of them are about; ``count``; ``dispersion``, the weighted standard deviation of their
    tones. Weights halve every ``halflife_s`` of age; a story told twice counts once, when it was first seen.

    Parameters
    ----------
    config : NewsConfig
    symbols : sequence of str
        The book.
    names : mapping, optional
        Names by which each symbol is called in texts (see `mentioned`).

    Notes
    -----
    A headline counts from its ``ts_init`` on, never before: what is added early changes nothing earlier. No
    headline in the window: no reading (None). The reading's ``ts_event`` and ``ts_init`` are the newest among the
    headlines counted. `add` O(log n) a headline and in any order; `reading` O(headlines in the window).

    Examples
    --------
    >>> sense = NewsSense(NewsConfig(), ("ABC",))
    >>> sense.add([Headline(source="x", ts_event=0, ts_init=10, title="$ABC beats forecasts")])
    >>> sense.reading(9) is None, sorted(sense.reading(10).values)
    (True, ['count', 'dispersion', 'sentiment', 'sentiment.ABC'])
    """

    def __init__(
        self, config: NewsConfig, symbols: Sequence[str], names: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.config, self.symbols, self._names = config, tuple(symbols), dict(names or {})
        self._ts = np.empty(0, np.int64)
        self._event = np.empty(0, np.int64)
        self._tone = np.empty(0)
        self._about = np.empty((0, len(self.symbols)), np.bool_)
        self._story: list[str] = []

    def __len__(self) -> int:
        return int(self._ts.size)

    def add(self, headlines: Iterable[Headline]) -> None:
        """Take headlines in.

        Raises
        ------
        DataError
            One was seen before it happened.
        """
        new = list(headlines)
        for headline in new:
            if headline.ts_init < headline.ts_event:
                raise DataError(
                    "a headline was seen before it was published",
                    got=(headline.ts_init, headline.ts_event),
                    expected="ts_init >= ts_event",
                )
        if not new:
            return
        about = np.array([self._book_of(h) for h in new], np.bool_).reshape(len(new), len(self.symbols))
        ts = np.concatenate([self._ts, [h.ts_init for h in new]])
        order = np.argsort(ts, kind="stable")
        self._ts = ts[order].astype(np.int64)
        self._event = np.concatenate([self._event, [h.ts_event for h in new]])[order].astype(np.int64)
        self._tone = np.concatenate([self._tone, [tone_of(h, self.config.body_share) for h in new]])[order]
        self._about = np.concatenate([self._about, about])[order]
        story = self._story + [same_story(h.title) for h in new]
        self._story = [story[i] for i in order]

    def _book_of(self, headline: Headline) -> list[bool]:
        said = set(headline.symbols)
        said.update(mentioned(headline.title, self.symbols, self._names))
        return [symbol in said for symbol in self.symbols]

    def reading(self, ts_event: int) -> Reading | None:
        """What was known at ``ts_event``; None where there is no news."""
        c = self.config
        end = int(np.searchsorted(self._ts, ts_event, side="right"))
        start = int(np.searchsorted(self._ts, ts_event - int(c.window_s * _NS), side="left"))
        first: dict[str, int] = {}
        for i in range(start, end):
            first.setdefault(self._story[i], i)
        if not first:
            return None
        rows = np.array(sorted(first.values()))
        weight = 2.0 ** (-(ts_event - self._ts[rows]) / (c.halflife_s * _NS))
        tone, about = self._tone[rows], self._about[rows]
        mean = float(weight @ tone / weight.sum())
        values = {
            "sentiment": mean,
            "count": float(rows.size),
            "dispersion": float(np.sqrt(weight @ (tone - mean) ** 2 / weight.sum())),
        }
        for j, symbol in enumerate(self.symbols):
            own = weight * about[:, j]
            if own.sum() > 0.0:
                values[f"sentiment.{symbol}"] = float(own @ tone / own.sum())
        return Reading(
            source="news",
            ts_event=int(self._event[rows].max()),
            ts_init=int(self._ts[rows].max()),
            values=values,
        )
