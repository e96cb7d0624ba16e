"""Sentiment of a headline by word lists: no network, no model, the same answer every time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from janus_trader.data.sources.sentiment_words import (
    BURDENS,
    DOWN,
    FAILURES,
    NEGATIONS,
    NEGATIVE,
    POSITIVE,
    STRONGER,
    UP,
    WEAKER,
)

_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|[.;!?]|\bbut\b")
_STOPS = frozenset((".", ";", "!", "?", "but"))
_NEGATED = -0.7  # what is left of a word after "not": the opposite, less sure
_REACH = 3  # words before a word that negate, strengthen or weaken it
_BURDEN_REACH = 3  # words between a direction and the burden it moves
_DAMPING = 3.0  # score s of the sum x: x / sqrt(x^2 + damping)


class Sentiment(NamedTuple):
    """``score`` in (-1, 1), 0 where no word is known; how many words spoke for and against."""

    score: float
    positive: int
    negative: int


def score_text(text: str) -> Sentiment:
    r"""Tone of a text from word lists, negations and intensifiers.

    .. math:: s = \frac{x}{\sqrt{x^2 + 3}}, \qquad x = \sum_i v_i

    Each known word counts +1 or -1, 1.5 times that after "sharply" and the like, half of it after "slightly", and
    -0.7 times after a negation, within three words before it and not across a full stop or "but". A direction near
    a burden is turned: "losses narrow" and "costs cut" are good, "losses widen" is bad, and the burden is then not
    counted itself.

    Parameters
    ----------
    text : str
        Any text; only letters matter.

    Returns
    -------
    Sentiment

    Notes
    -----
    A baseline: it knows no irony, no numbers and no company. O(length).

    Examples
    --------
    >>> score_text("Profit rises sharply, beats forecasts").score > 0.6
    True
    >>> score_text("Quarterly loss narrows").score > 0 > score_text("Quarterly loss widens").score
    True
    >>> score_text("Company holds annual meeting")
    Sentiment(score=0.0, positive=0, negative=0)
    """
    tokens = [t.replace("'", "") for t in _TOKEN.findall(text.lower().replace("’", "'"))]
    moved = _burdens_moved(tokens)
    total, positive, negative = 0.0, 0, 0
    for i, token in enumerate(tokens):
        value = moved.get(i)
        if value is None:
            value = 1.0 if token in POSITIVE else (-1.0 if token in NEGATIVE else 0.0)
        if value == 0.0:
            continue
        value *= _modifier(tokens, i)
        total += value
        positive += value > 0.0
        negative += value < 0.0
    return Sentiment(total / math.sqrt(total * total + _DAMPING), positive, negative)


def _burdens_moved(tokens: Sequence[str]) -> dict[int, float]:
    """Value of the directions that move a burden, and 0 for the burden moved."""
    moved: dict[int, float] = {}
    for i, token in enumerate(tokens):
        up = token in UP
        if not up and token not in DOWN:
            continue
        for j in _near(tokens, i):
            if tokens[j] in BURDENS and j not in moved:
                moved[i], moved[j] = (-1.0 if up else 1.0), 0.0
                break
    return moved


def _near(tokens: Sequence[str], i: int) -> Iterable[int]:
    """Places around ``i``, nearest first, that no stop divides from it."""
    for distance in range(1, _BURDEN_REACH + 1):
        for j in (i - distance, i + distance):
            if 0 <= j < len(tokens) and not _STOPS & set(tokens[min(i, j) : max(i, j)]):
                yield j


def _modifier(tokens: Sequence[str], i: int) -> float:
    """Product of what the words before a word, and an adverb after it, do to its value."""
    factor = 1.0
    for j in range(i - 1, max(i - 1 - _REACH, -1), -1):
        if tokens[j] in _STOPS:
            break
        if tokens[j] in NEGATIONS or tokens[j] in FAILURES:
            factor *= _NEGATED
        elif tokens[j] in STRONGER:
            factor *= 1.5
        elif tokens[j] in WEAKER:
            factor *= 0.5
    if i + 1 < len(tokens) and tokens[i + 1] in STRONGER - POSITIVE:
        factor *= 1.5
    elif i + 1 < len(tokens) and tokens[i + 1] in WEAKER:
        factor *= 0.5
    return factor


def mentioned(
    text: str, symbols: Sequence[str], names: Mapping[str, Sequence[str]] | None = None
) -> tuple[str, ...]:
    """Which symbols a text is about, in their order.

    A symbol is meant by ``$SYM``, ``(SYM)``, ``NYSE: SYM`` and the like, by itself in capitals where it has at
    least three letters, or by one of its ``names`` as whole words in any case.

    Examples
    --------
    >>> mentioned("Example Corp (EX) and $ABC rise, CAT sleeps", ("ABC", "EX", "CAT", "A"))
    ('ABC', 'EX', 'CAT')
    >>> mentioned("the cat sat on example corp", ("CAT", "EX"), {"EX": ("Example Corp",)})
    ('EX',)
    """
    found = []
    for symbol in symbols:
        own = re.escape(symbol)
        marked = rf"\$(?i:{own})\b|\({own}\)|\b(?:NYSE|NASDAQ|Nasdaq|LSE|AMEX):\s?{own}\b"
        bare = rf"|(?<![\w$]){own}(?![\w])" if len(symbol) >= 3 else ""
        named = "".join(rf"|(?i:\b{re.escape(name)}\b)" for name in (names or {}).get(symbol, ()))
        if re.search(marked + bare + named, text):
            found.append(symbol)
    return tuple(found)
