import numpy as np
import pytest

from janus_trader.brain.thalamus import (
    AttentionConfig,
    BarFusionConfig,
    CompetitionConfig,
    OscillationConfig,
    Thalamus,
    ThalamusConfig,
)
from janus_trader.contracts.errors import DataError
from janus_trader.foundation.codec import encode
from support.senses import START, blind, book, moment, reading, regime_state

EVERYTHING_ON = ThalamusConfig(
    bars=BarFusionConfig(price_strength=0.1, volume_strength=0.1, window=10),
    competition=CompetitionConfig(threshold=0.05, inhibition=0.5),
    oscillation=OscillationConfig(enabled=True),
    attention=AttentionConfig(enabled=True),
    memory=64,
)
on_and_off = pytest.mark.parametrize("config", [ThalamusConfig(), EVERYTHING_ON], ids=["default", "all on"])


def build(config, n=3):
    return Thalamus(config, n, ("ema", "rsi", "external.0"), ("trend", "reversion", "external"))


def assert_sound(percept, n=3):
    encode(percept)  # a legal message: NaN would be refused
    assert percept.evidence.shape == (n,)
    for array in (percept.context, percept.evidence, percept.source_gates, percept.features):
        assert np.isfinite(array).all()
    for gates in (percept.gates, percept.saliency):
        assert all(0.0 <= x <= 1.0 for x in gates.values())


@on_and_off
@pytest.mark.parametrize("close", [np.nan, 0.0, -5.0, np.inf])
def test_prices_that_are_no_prices(config, close):
    thalamus = build(config)
    for t in range(30):
        bars = np.array([100.0 + t, close, 50.0 - t])
        percept = thalamus.fuse(
            moment(t, close=bars, returns=np.array([0.01, np.nan, 0.0])), regime_state(), blind()
        )
        assert_sound(percept)


@on_and_off
def test_constant_prices_and_volume(config):
    thalamus = build(config)
    for t in range(130):
        percept = thalamus.fuse(moment(t), regime_state(), blind())
    assert_sound(percept)
    assert (percept.evidence == 0.0).all()
    assert percept.saliency["price"] == 0.0
    assert percept.features[0, -1] == 1.0


@on_and_off
def test_one_instrument(config):
    thalamus = build(config, 1)
    for t in range(30):
        m = moment(
            t, 1, close=100.0 + t % 3, senses={"news": reading(at=START, sentiment=0.1)}, books=[book("A")]
        )
        assert_sound(thalamus.fuse(m, regime_state(), blind(1)), 1)


@on_and_off
def test_nobody_there(config):
    thalamus = build(config)
    percept = thalamus.fuse(moment(present=np.zeros(3, bool), volume=np.nan), regime_state(), blind())
    assert_sound(percept)
    assert set(percept.gates.values()) == {0.0}
    assert (percept.source_gates == 0.0).all()


@on_and_off
@pytest.mark.parametrize(
    "case",
    [
        {"senses": {"news": reading(sentiment=float("nan"), count=3.0)}},
        {"senses": {"news": reading(sentiment__A=0.5)}},
        {"senses": {"news": reading(sentiment=0.5, quality=float("nan"))}},
        {"senses": {"news": reading(sentiment=0.5, quality=-3.0)}},
        {
            "senses": {
                "weather": reading("weather", humidity=3.0),
                "space_weather": reading("s", kp=float("inf")),
            }
        },
        {"senses": {"something_else": reading("x", y=1.0)}},
        {"books": [book("A", bids=(), asks=())]},
        {"books": [book("A", bids=((102.0, 1.0),))]},
        {"books": [book("A", bids=((float("nan"), 1.0),))]},
        {"books": [book("NOT_OURS")]},
    ],
)
def test_senses_that_say_nothing_usable_have_gate_zero(config, case):
    percept = build(config).fuse(moment(**case), regime_state(), blind())
    assert_sound(percept)
    assert all(percept.gates[m] == 0.0 for m in ("order_book", "sentiment", "weather", "space_weather"))
    assert (percept.evidence == 0.0).all()


@on_and_off
def test_a_sense_that_goes_away_and_comes_back(config):
    thalamus = build(config)
    gates = []
    for t in range(12):
        at = START + t * 60 * 10**9
        news = {"news": reading(at=at, sentiment=0.5, count=4.0)} if t % 4 < 2 else {}
        books = [book("A", at=at)] if t % 3 else []
        percept = thalamus.fuse(moment(t, senses=news, books=books), regime_state(), blind())
        assert_sound(percept)
        gates.append(percept.gates["sentiment"] > 0.0)
    assert gates == [t % 4 < 2 for t in range(12)]


def test_a_percept_of_another_book_is_refused():
    with pytest.raises(DataError):
        build(ThalamusConfig()).fuse(moment(), regime_state(), blind(2))
    with pytest.raises(DataError):
        build(ThalamusConfig()).fuse(moment(0, 2), regime_state(), blind(3))
