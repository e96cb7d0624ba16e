import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.brain.thalamus import (
    MODALITIES,
    CompetitionConfig,
    Oscillation,
    OscillationConfig,
    Thalamus,
    ThalamusConfig,
)
from janus_trader.brain.thalamus.gating import compete_into
from janus_trader.numerics.surprise import Surprise
from support.senses import START, blind, moment, reading, regime_state


def build(**changes):
    return Thalamus(ThalamusConfig(**changes), 3, ("ema",), ("trend",))


def run(thalamus, returns, **case):
    out = []
    for t, r in enumerate(returns):
        percept = thalamus.fuse(moment(t, returns=np.full(3, r), **case), regime_state(), blind())
        out.append(percept)
    return out


def test_saliency_of_price_is_the_surprise_of_its_moves(rng):
    returns = rng.standard_normal(60) * 0.01
    got = [p.saliency["price"] for p in run(build(), returns)]
    wanted = Surprise(0.03, 20).transform(np.abs(returns))
    assert got[:19] == [0.0] * 19
    np.testing.assert_allclose(got[19:], wanted[19:], atol=1e-12)


def test_a_shock_stands_out_in_its_own_modality(rng):
    returns = np.append(rng.standard_normal(60) * 0.01, 0.2)
    last = run(build(), returns)[-1]
    assert last.saliency["price"] > 0.999
    assert last.saliency["volume"] == 0.0
    assert tuple(last.saliency) == MODALITIES


def test_a_storm_in_space_stands_out():
    thalamus = build()
    for t in range(60):
        at = START + t * 60 * 10**9
        kp = 2.0 + t % 3 if t < 59 else 9.0
        percept = thalamus.fuse(
            moment(t, senses={"space_weather": reading("space_weather", at, kp=kp)}), regime_state(), blind()
        )
    assert percept.saliency["space_weather"] > 0.999
    assert percept.saliency["weather"] == 0.0


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=9),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_competition_never_raises_a_gate_and_spares_the_strongest(pairs, threshold, inhibition):
    before, saliency = np.array(pairs).T.copy()
    after = before.copy()
    compete_into(after, saliency, threshold, inhibition)
    assert (after <= before).all()
    assert (after >= 0.0).all()
    assert ((after == 0.0) | (after >= threshold)).all()
    best = np.argmax(before * (0.5 + 0.5 * saliency))
    assert after[best] == (before[best] if before[best] >= threshold else 0.0)
    neutral = before.copy()
    compete_into(neutral, saliency, 0.0, 0.0)
    np.testing.assert_array_equal(neutral, before)


def test_competition_shuts_what_others_outdo():
    calm = run(build(), [0.0])[0]
    fierce = build(competition=CompetitionConfig(threshold=0.5, inhibition=1.0))
    rival = run(fierce, [0.0], volume=np.array([0, 0, 1e6]))[0]
    assert calm.gates["volume"] > 0.5
    assert rival.gates["volume"] == 0.0
    assert rival.gates["price"] == calm.gates["price"]


def test_masks_take_turns_and_are_bounded():
    mask = Oscillation(OscillationConfig(enabled=True, depth=0.4))
    rows = np.array([mask.update(0.0) for _ in range(600)])
    assert rows.min() >= 0.6 - 1e-12
    assert rows.max() <= 1.0
    late = rows[200:]
    assert (np.ptp(late, axis=0) > 0.3).all()  # every modality is in and out of phase
    assert len(set(np.argmax(late, axis=1))) == len(MODALITIES)
    other = Oscillation(OscillationConfig(enabled=True, depth=0.4))
    for _ in range(100):
        other.update(0.0)
    raw = other.snapshot()
    third = Oscillation(OscillationConfig(enabled=True, depth=0.4))
    third.restore(raw)
    np.testing.assert_array_equal(third.update(0.3), other.update(0.3))


def test_an_oscillator_at_rest_masks_nothing():
    still = Oscillation(OscillationConfig(enabled=True, drive=0.0, saliency_gain=0.0))
    rows = np.array([still.update(1.0) for _ in range(200)])
    assert (rows[-50:] == 1.0).all()


@pytest.mark.parametrize("enabled", [False, True])
def test_masks_move_gates_only_where_on(enabled, rng):
    returns = rng.standard_normal(80) * 0.01
    plain = [p.gates["price"] for p in run(build(), returns)]
    masked = [p.gates["price"] for p in run(build(oscillation=OscillationConfig(enabled=enabled)), returns)]
    assert (plain != masked) == enabled
    assert all(m <= p for m, p in zip(masked, plain, strict=True))
