from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.brain.thalamus import Thalamus, ThalamusConfig
from janus_trader.contracts.errors import DataError
from janus_trader.contracts.senses import Headline
from janus_trader.data.sources.news import NewsConfig, NewsSense, tone_of
from janus_trader.data.sources.news_file import load_headlines
from janus_trader.data.sources.sentiment import score_text
from janus_trader.foundation.codec import encode
from support.senses import blind, moment, regime_state, replaced

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "synthetic_senses"
S = 10**9
HOUR = 3600 * S


def headline(title, at=0, seen=None, symbols=(), body=""):
    return Headline(
        source="test",
        ts_event=at,
        ts_init=at if seen is None else seen,
        title=title,
        symbols=symbols,
        body=body,
    )


def sense(*headlines, symbols=("ABC", "DEF"), **config):
    found = NewsSense(NewsConfig(**config), symbols)
    found.add(headlines)
    return found


def test_reading_is_the_weighted_tone():
    good, bad = "$ABC beats forecasts", "$DEF misses forecasts and warns"
    news = sense(headline(good), headline(bad, HOUR), halflife_s=3600.0)
    got = news.reading(2 * HOUR)
    tones, w = np.array([score_text(good).score, score_text(bad).score]), np.array([0.25, 0.5])
    mean = w @ tones / w.sum()
    assert got.values["sentiment"] == pytest.approx(mean)
    assert got.values["dispersion"] == pytest.approx(np.sqrt(w @ (tones - mean) ** 2 / w.sum()))
    assert (got.values["count"], got.values["sentiment.ABC"]) == (2.0, pytest.approx(tones[0]))
    assert (got.source, got.ts_event, got.ts_init) == ("news", HOUR, HOUR)
    encode(got)


def test_a_headline_counts_from_when_it_was_seen():
    news = sense(headline("$ABC surges", at=0, seen=HOUR))
    assert news.reading(HOUR - 1) is None
    assert news.reading(HOUR).ts_init == HOUR
    late = sense(headline("$ABC surges"), headline("$ABC plunges", at=1, seen=10 * HOUR))
    only = sense(headline("$ABC surges"))
    assert late.reading(5 * HOUR) == only.reading(5 * HOUR)  # what comes later changes nothing earlier


def test_old_news_is_no_news():
    news = sense(headline("$ABC surges"), window_s=60.0)
    assert news.reading(60 * S).values["count"] == 1.0
    assert news.reading(61 * S) is None


def test_a_story_told_twice_counts_once():
    news = sense(
        headline("$ABC surges!"), headline("$abc SURGES", HOUR), headline("$DEF holds meeting", 2 * HOUR)
    )
    got = news.reading(3 * HOUR)
    assert got.values["count"] == 2.0
    assert got.values["sentiment.DEF"] == 0.0


def test_symbols_come_from_the_source_or_the_title():
    got = sense(headline("Shares surge", symbols=("DEF", "ELSE")), headline("ABC plunges")).reading(0)
    assert got.values["sentiment.DEF"] > 0.0 > got.values["sentiment.ABC"]
    assert "sentiment.ELSE" not in got.values
    named = NewsSense(NewsConfig(), ("ABC",), {"ABC": ("Alphabet Soup",)})
    named.add([headline("alphabet soup soars")])
    assert named.reading(0).values["sentiment.ABC"] > 0.0


def test_body_weighs_less_than_the_title():
    story = headline("Shares surge", body="Shares plunge")
    assert tone_of(story, 0.3) > 0.0
    assert tone_of(story, 0.5) == 0.0


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 50), st.sampled_from("abcdef")), max_size=20),
    st.randoms(),
)
def test_order_of_arrival_does_not_matter(rows, random):
    all_at = [headline(f"{name} surges", at * S, (at + lag) * S) for at, lag, name in rows]
    one, other = sense(*all_at), sense()
    shuffled = sorted(all_at, key=lambda h: random.random())
    for h in shuffled:
        other.add([h])
    for ts in (0, 50 * S, 160 * S):
        a, b = one.reading(ts), other.reading(ts)
        assert (a is None) == (b is None)
        if a is not None:
            assert a.ts_init == b.ts_init <= ts
            assert a.values["count"] == b.values["count"]
            assert a.values["sentiment"] == pytest.approx(b.values["sentiment"], abs=1e-12)


def test_nothing_and_the_impossible():
    assert sense().reading(0) is None
    assert len(sense()) == 0
    with pytest.raises(DataError):
        sense(headline("too early", at=5, seen=4))


def test_the_thalamus_hears_it():
    m = moment(0)
    news = NewsSense(NewsConfig(), m.symbols)
    news.add([headline("Shares of $A surge on record profit", m.ts_event - HOUR)])
    heard = replaced(m, senses={"news": news.reading(m.ts_event)})
    thalamus = Thalamus(ThalamusConfig(), 3, ("ema",), ("trend",))
    percept = thalamus.fuse(heard, regime_state(), blind())
    assert percept.gates["sentiment"] > 0.0
    assert percept.evidence[0] > percept.evidence[1] > 0.0


def test_files_of_headlines():
    lines = load_headlines(FIXTURES / "headlines.jsonl")
    assert [h.symbols for h in lines] == [("BOLT",), ("ACME",)]  # by time, not by line
    assert lines[1].ts_init - lines[1].ts_event == 300 * S
    table = load_headlines(FIXTURES / "headlines.csv")
    assert [h.title for h in table] == ["Synthetic: BOLT misses", "Synthetic: ACME beats, again"]
    assert table[1].symbols == ("ACME", "BOLT")
    assert table[0].body == "Synthetic body"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "line 1 is not JSON"),
        ("[1]", "line 1 is not an object"),
        ('\n{"published": "2024-01-01"}', "line 2: no title"),
        ('{"title": "x"}', "published"),
        ('{"title": "x", "published": "soon"}', "not a time"),
        ('{"title": "x", "published": true}', "published"),
        ('{"title": "x", "published": -5}', "published"),
        ('{"title": "x", "published": "2024-01-02", "seen": "2024-01-01"}', "seen before published"),
        ('{"title": "x", "published": "2024-01-02", "symbols": [1]}', "symbols"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_bad_lines_are_named(tmp_path, text, complaint):
    path = tmp_path / "news.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=complaint):
        load_headlines(path)


def test_empty_and_missing_files(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert load_headlines(empty) == ()
    with pytest.raises(DataError, match="cannot read"):
        load_headlines(tmp_path / "none.jsonl")
    binary = tmp_path / "binary.jsonl"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="cannot read"):
        load_headlines(binary)
    headless = tmp_path / "x.csv"
    headless.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="columns"):
        load_headlines(headless)
