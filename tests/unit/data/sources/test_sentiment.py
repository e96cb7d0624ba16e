import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.data.sources.sentiment import mentioned, score_text
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

#: Synthetic headlines, labelled by hand: 1 good, -1 bad, 0 neither. None was taken from a publication.
LABELLED = [
    ("Acme beats profit forecasts and raises outlook", 1),
    ("Bolt shares surge after regulator approves drug", 1),
    ("Record revenue lifts Cog to all-time high", 1),
    ("Delta's quarterly loss narrows more than expected", 1),
    ("Echo cuts costs, margins improve", 1),
    ("Foxtrot not worried about rivals", 1),
    ("Analysts upgrade Golf on strong demand", 1),
    ("Hotel wins large contract", 1),
    ("Inflation eases, stocks rally", 1),
    ("India unit no longer a risk for Juno", 1),
    ("Unemployment falls to decade low", 1),
    ("Kilo announces dividend and buyback", 1),
    ("Bitcoin rebounds sharply on adoption hopes", 1),
    ("Lima recovers from slump", 1),
    ("Acme misses estimates, shares plunge", -1),
    ("Bolt warns on sales as demand weakens, cuts outlook", -1),
    ("Cog files for bankruptcy", -1),
    ("Delta's loss widens sharply", -1),
    ("Costs rise faster than sales at Echo", -1),
    ("Foxtrot fails to win approval", -1),
    ("Golf downgraded on weak margins", -1),
    ("Regulator fines Hotel for fraud", -1),
    ("Inflation accelerates, markets fear rate hike", -1),
    ("Exchange hacked, withdrawals suspended", -1),
    ("Juno recalls cars after crash", -1),
    ("Profit drops on slowing growth", -1),
    ("Kilo's results not good", -1),
    ("Unemployment climbs as recession deepens", -1),
    ("Acme to hold annual meeting in May", 0),
    ("Bolt names new finance chief", 0),
    ("Cog to report results on Tuesday", 0),
    ("Delta moves head office", 0),
    ("Echo and Foxtrot in talks", 0),
    ("Golf releases new version of its software", 0),
]


def test_labelled_headlines():
    right = [np.sign(round(score_text(text).score, 12)) == label for text, label in LABELLED]
    wrong = [text for (text, _), ok in zip(LABELLED, right, strict=True) if not ok]
    assert np.mean(right) >= 0.9, wrong
    opposed = [text for text, label in LABELLED if label * score_text(text).score < -0.2]
    assert opposed == []


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("profit rises", "profit rises sharply"),
        ("slightly better results", "better results"),
        ("results disappoint badly and shares fall", "results delight"),
        ("shares plunge", "shares do not plunge"),
        ("a strong quarter", "a very strong quarter"),
    ],
)
def test_order_of_tones(weaker, stronger):
    assert score_text(weaker).score < score_text(stronger).score


def test_negation_ends_at_a_stop():
    assert score_text("No. Profit surges").score > 0 > score_text("No profit surge, no gains").score
    assert score_text("not cheap but strong").score > 0


def test_burdens_turn_directions_and_are_not_counted_twice():
    assert score_text("losses narrow") == score_text("debt falls")
    assert score_text("losses narrow").negative == 0
    assert score_text("losses widen").positive == 0
    assert score_text("losses").negative == 1  # by itself it is bad


@given(st.text(max_size=300))
def test_any_text_has_a_bounded_tone_that_case_does_not_change(text):
    tone = score_text(text)
    assert -1.0 < tone.score < 1.0
    assert score_text(text) == tone
    if text.isascii():
        assert score_text(text.upper()) == tone
    if tone.positive == tone.negative == 0:
        assert tone.score == 0.0


def test_lists_do_not_contradict_each_other():
    assert not POSITIVE & NEGATIVE
    assert not UP & DOWN
    assert not NEGATIONS & (POSITIVE | NEGATIVE | STRONGER | WEAKER)
    assert not STRONGER & WEAKER
    assert not FAILURES & POSITIVE
    for words in (POSITIVE, NEGATIVE, UP, DOWN, BURDENS, NEGATIONS, STRONGER, WEAKER):
        assert all(w.isalpha() and w.islower() for w in words)


def test_mentions():
    symbols, names = ("ABC", "F", "META"), {"F": ("Ford Motor", "Ford")}
    assert mentioned("ABC and DEF", symbols) == ("ABC",)
    assert mentioned("abc", symbols) == ()
    assert mentioned("$abc up", symbols) == ("ABC",)
    assert mentioned("F is a letter; ABCD is not ABCs", symbols) == ()
    assert mentioned("(F) and NYSE: F", symbols) == ("F",)
    assert mentioned("ford motor affords", symbols, names) == ("F",)
    assert mentioned("affords", symbols, names) == ()
    assert mentioned("", symbols, names) == ()


@pytest.mark.slow
def test_tone_of_recorded_messages_goes_with_the_day_s_return(shared_data, capsys):
    """The mean tone of a day's messages about a stock goes with its return of that day, more so on days that moved:
    a check of the baseline as a description of what is said, not as a forecast."""
    events = shared_data / "events" / "tweets_58stocks_20140101_20151231.parquet"
    prices = shared_data / "equities" / "us_58stocks_daily_ohlcv_20120904_20161230.parquet"
    if not (events.exists() and prices.exists()):
        pytest.skip("recorded messages or prices are not beside this repository")
    tweets = pd.read_parquet(events).drop_duplicates(["symbol", "text"])
    tweets["date"] = tweets["ts"].dt.tz_convert("America/New_York").dt.date
    tweets["tone"] = [score_text(t).score for t in tweets["text"]]
    tone = tweets[tweets["tone"] != 0].groupby(["symbol", "date"])["tone"].mean()
    bars = pd.read_parquet(prices).sort_values(["symbol", "date"])
    bars["ret"] = bars.groupby("symbol")["adj_close"].pct_change(fill_method=None)
    bars["date"] = pd.to_datetime(bars["date"]).dt.date
    both = bars.set_index(["symbol", "date"])["ret"].dropna().to_frame().join(tone, how="inner")
    moved = both[both["ret"].abs() > 0.02]
    rank = [x["ret"].corr(x["tone"], method="spearman") for x in (both, moved)]
    agree = (np.sign(moved["ret"]) == np.sign(moved["tone"])).mean()
    chance = max((moved["ret"] > 0).mean(), (moved["ret"] < 0).mean())
    with capsys.disabled():
        print(
            f"\n{len(both)} stock days with a tone: rank correlation with the day's return {rank[0]:.3f};"
            f" {len(moved)} of them moved over 2 %: {rank[1]:.3f},"
            f" same sign in {agree:.3f} (one sign always: {chance:.3f})"
        )
    assert len(both) > 3000
    assert rank[0] > 0.04
    assert rank[1] > 0.15
    assert agree > 0.55
