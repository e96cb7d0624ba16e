"""Recorded headlines reach the decision when they could be known, and not before."""

import json
from dataclasses import replace

import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.codec import encode
from janus_trader.runs.history import HistoryRequest, load_history
from support.lives import live

SPAN = {"start": "2008-09-02", "end": "2008-10-10", "symbols": ("BAC", "KO", "XOM"), "warmup_bars": 90}


def headlines(path, *rows):
    keys = ("published", "title", "symbols")
    path.write_text("\n".join(json.dumps(dict(zip(keys, row, strict=True))) for row in rows))
    return str(path)


def test_headlines_open_the_gate_of_sentiment_from_when_they_were_seen(tmp_path):
    told = headlines(
        tmp_path / "told.jsonl",
        ("2008-09-22T14:00:00Z", "Bank beats forecasts, shares surge", ["BAC"]),
        ("2008-09-30T14:00:00Z", "Bank warns of losses, shares plunge", ["BAC"]),
    )
    plain = live(tmp_path / "plain", load_history(HistoryRequest(**SPAN)))
    news = live(tmp_path / "news", load_history(HistoryRequest(**SPAN, news=(told,))))
    opened = np.array([r.decision.percept.gates["sentiment"] > 0.0 for r in news])
    first = int(np.argmax(opened))
    day = np.datetime64(news[first].ts_event, "ns").astype("datetime64[D]")
    assert str(day) == "2008-09-22"
    assert [encode(r) for r in plain[:first]] == [encode(r) for r in news[:first]]
    assert encode(plain[first]) != encode(news[first])
    assert not any(r.decision.percept.gates["sentiment"] for r in plain)


def test_headlines_after_the_end_change_nothing_but_the_fingerprint(tmp_path):
    late = headlines(tmp_path / "late.jsonl", ("2009-05-01T14:00:00Z", "Shares surge", ["BAC"]))
    past = load_history(HistoryRequest(**SPAN))
    with_news = load_history(HistoryRequest(**SPAN, news=(late,)))
    assert past.fingerprint != with_news.fingerprint
    assert replace(with_news, news_digest="").fingerprint == past.fingerprint
    plain, told = live(tmp_path / "plain", past), live(tmp_path / "told", with_news)
    assert [encode(r) for r in plain] == [encode(r) for r in told]


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "broken.jsonl").write_text('{"title": "no date"}\n')
    for file in ("broken.jsonl", "absent.jsonl"):
        with pytest.raises(DataError):
            load_history(HistoryRequest(**SPAN, news=(str(tmp_path / file),)))
