import math

import numpy as np
import pytest

from janus_trader.brain.thalamus import (
    MODALITIES,
    OrderBookFusion,
    OrderBookFusionConfig,
    Senses,
    SensesConfig,
    SentimentFusion,
    SentimentFusionConfig,
    Thalamus,
    ThalamusConfig,
)
from janus_trader.contracts.errors import IntegrityError
from janus_trader.contracts.features import FeatureVector
from janus_trader.foundation.codec import encode
from support.senses import SECOND, START, blind, book, moment, reading, regime_state, replaced

N = 3
SYMBOLS = ("A", "B", "C")
SENSES = MODALITIES[5:]


def fused(m, thalamus=None):
    thalamus = thalamus or Thalamus(ThalamusConfig(), N, ("ema", "rsi"), ("trend", "reversion"))
    return thalamus.fuse(m, regime_state(), blind(N))


def everything(at=START, **changes):
    values = {
        "news": reading("news", at, sentiment=0.5, sentiment__A=0.9, count=9.0, dispersion=0.1),
        "weather": reading("weather", at, temperature_c=20.0),
        "space_weather": reading("space_weather", at, kp=3.0),
    }
    return {"senses": values, "books": [book(s, at=at) for s in SYMBOLS]} | changes


def test_every_sense_opens_its_own_gate_and_no_other():
    nothing, all_there = fused(moment()), fused(moment(**everything()))
    assert all(nothing.gates[m] == 0.0 for m in SENSES)
    assert all(all_there.gates[m] > 0.3 for m in SENSES)
    for name, m in (("news", "sentiment"), ("weather", "weather"), ("space_weather", "space_weather")):
        alone = fused(moment(senses={name: everything()["senses"][name]}))
        assert [x for x in SENSES if alone.gates[x] > 0.0] == [m]
    for m in MODALITIES[:5]:
        assert all_there.gates[m] == nothing.gates[m]
    np.testing.assert_array_equal(all_there.context, nothing.context)
    assert len(all_there.context) == 24


def test_evidence_follows_books_and_news():
    silent = fused(moment()).evidence
    assert (silent == 0.0).all()
    bought = fused(moment(books=[book("B")])).evidence
    assert bought[1] > 0.0
    assert bought[[0, 2]].tolist() == [0.0, 0.0]
    sold = fused(moment(books=[book("B", bids=((99.0, 1.0),), asks=((101.0, 3.0),))])).evidence
    assert sold[1] == pytest.approx(-bought[1])
    told = fused(moment(senses={"news": reading(sentiment=0.0, sentiment__C=-0.8, count=20.0)})).evidence
    assert told[2] < 0.0
    assert told[0] == 0.0
    off = Thalamus(ThalamusConfig(senses=SensesConfig(order_book_strength=0.0)), N, ("ema",), ("trend",))
    assert (fused(moment(books=[book("B")]), off).evidence == 0.0).all()


AGES = list(zip(SENSES, SensesConfig().halflife_s, SensesConfig().max_age_s, strict=True))


@pytest.mark.parametrize(("name", "halflife", "longest"), AGES)
def test_a_stale_sense_fades_and_then_is_shut(name, halflife, longest):
    gates = []
    for age_s in (0.0, halflife, 2 * halflife, longest * 1.01):
        at = START - int(age_s * SECOND)
        gates.append(fused(moment(**everything(at))).gates[name])
    assert gates[0] > gates[1] > gates[2] > 0.0
    assert gates[3] == 0.0


def test_the_future_is_never_looked_at():
    thalamus = [Thalamus(ThalamusConfig(), N, ("ema",), ("trend",)) for _ in range(2)]
    early = everything(START + 1)
    a, b = fused(moment(), thalamus[0]), fused(moment(**early), thalamus[1])
    assert encode(a) == encode(b)
    # and when its time has come it counts, whatever was shown before
    later = [fused(moment(1, **early), t) for t in thalamus]
    assert encode(later[0]) == encode(later[1])
    assert later[0].gates["sentiment"] > 0.0


def test_disagreement_and_partial_coverage_lower_the_gate():
    one = fused(moment(books=[book(s) for s in SYMBOLS])).gates["order_book"]
    fewer = fused(moment(books=[book("A")])).gates["order_book"]
    far = [book(s, "Y", bids=((90.0, 1.0),), asks=((112.0, 1.0),)) for s in SYMBOLS]
    split = fused(moment(books=[book(s) for s in SYMBOLS] + far)).gates["order_book"]
    assert 0.0 < fewer < one
    assert 0.0 < split < one
    torn, poor = (
        fused(moment(senses={"news": reading(sentiment=0.5, count=9.0, **kw)})).gates["sentiment"]
        for kw in ({"dispersion": 0.9}, {"dispersion": 0.0, "quality": 0.3})
    )
    clear = fused(moment(senses={"news": reading(sentiment=0.5, count=9.0, dispersion=0.0)})).gates[
        "sentiment"
    ]
    assert torn < clear
    assert poor < clear


def test_venues_fade_by_age_and_the_newest_book_of_a_venue_counts():
    engine = OrderBookFusion(OrderBookFusionConfig(smoothing=1.0), 1)
    buys, sells = (((99.0, 9.0),), ((101.0, 1.0),)), (((99.0, 1.0),), ((101.0, 9.0),))
    fresh = book("A", "X", START, *buys)
    stale = book("A", "Y", START - 60 * SECOND, *sells)
    assert engine.update([fresh, stale], START, ("A",)).pressure[0] > 0.3
    swapped = [book("A", "X", START - 60 * SECOND, *buys), book("A", "Y", START, *sells)]
    assert engine.update(swapped, START, ("A",)).pressure[0] < -0.3
    old = book("A", "X", START - SECOND, *sells)
    for order in ([fresh, old], [old, fresh]):
        view = engine.update(order, START, ("A",))
        assert view.pressure[0] == pytest.approx(0.8)
        assert view.fused[0].used == 1
    unknown = engine.update([book("ZZZ")], START, ("A",))
    assert (unknown.coverage, unknown.uncertainty) == (0.0, 1.0)


def test_books_are_smoothed_by_an_exponential_average():
    engine = OrderBookFusion(OrderBookFusionConfig(smoothing=0.25), 1)
    first = engine.update([book("A")], START, ("A",)).pressure[0]
    assert first == pytest.approx(0.5)
    empty = book("A", bids=((99.0, 1.0),), asks=((101.0, 1.0),))
    assert engine.update([empty], START, ("A",)).pressure[0] == pytest.approx(0.375)


def test_sentiment_decays_with_time_and_counts_a_reading_once():
    engine = SentimentFusion(SentimentFusionConfig(halflife_s=100.0, smoothing=0.5, market_share=0.0), 1)
    news = reading(sentiment=0.2, sentiment__A=0.8)
    assert engine.update(news, START, ("A",)).pressure[0] == pytest.approx(0.4)
    assert engine.update(news, START + 100 * SECOND, ("A",)).pressure[0] == pytest.approx(0.2)
    again = reading(at=START + 150 * SECOND, sentiment=0.2, sentiment__A=0.8)
    got = engine.update(again, START + 200 * SECOND, ("A",)).pressure[0]
    assert got == pytest.approx(0.1 + 0.5 * (0.8 - 0.1))
    assert engine.update(None, START + 300 * SECOND, ("A",)).pressure[0] == pytest.approx(got / 2)


def test_snapshot_of_the_senses_continues_identically():
    ones, other = (Senses(SensesConfig(), N) for _ in range(2))
    relevance = np.zeros(len(MODALITIES))
    ones.update(moment(0, **everything()), 0.1, relevance)
    other.restore(ones.snapshot())
    later = moment(1, **everything(START + SECOND))
    a, b = (x.update(later, 0.1, relevance) for x in (ones, other))
    assert all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))
    assert ones.snapshot() == other.snapshot()
    ones.reset()
    assert ones.snapshot() == Senses(SensesConfig(), N).snapshot()
    for kind in (OrderBookFusion(OrderBookFusionConfig(), 2), SentimentFusion(SentimentFusionConfig(), 2)):
        with pytest.raises(IntegrityError):
            type(kind)(kind.config, 3).restore(kind.snapshot())


def test_learned_relevance_moves_the_gate_of_a_sense():
    senses, relevance = Senses(SensesConfig(), N), np.zeros(len(MODALITIES))
    before = senses.update(moment(**everything()), 0.0, relevance).gate
    relevance[6] = 1.0
    after = senses.update(moment(**everything()), 0.0, relevance).gate
    logit = [math.log(g / (1 - g)) for g in (before[1], after[1])]
    assert logit[1] - logit[0] == pytest.approx(1.0)
    assert after[[0, 2, 3]].tolist() == before[[0, 2, 3]].tolist()


def test_the_percept_depends_on_every_part_of_the_market_state():
    """S = (time, features, order book, context) of eq. 53: without any one of them something else is perceived."""
    whole = moment(**everything())
    changed = {
        "time": replaced(whole, ts_event=whole.ts_event + 120 * SECOND),
        "features": replaced(
            whole, features=FeatureVector(ts_event=whole.ts_event, values={"momentum": 0.5})
        ),
        "order book": replaced(whole, books=()),
        "context": replaced(
            whole, features=FeatureVector(ts_event=whole.ts_event, values={"relative_volume": 0.1})
        ),
    }
    seen = {name: encode(fused(m)) for name, m in changed.items()} | {"whole": encode(fused(whole))}
    assert len(set(seen.values())) == len(seen)
