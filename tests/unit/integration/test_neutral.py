import numpy as np
import pytest

from janus_trader.brain.integration.brain import REGIONS
from janus_trader.brain.integration.neutral import _NEUTRAL
from janus_trader.contracts.decision import Posture
from janus_trader.contracts.errors import ConfigError
from support.lives import history, live, make_life

SPAN = {"start": "2008-09-01", "end": "2008-10-31", "symbols": ("AAPL", "BAC", "KO"), "warmup_bars": 90}


def lived(tmp_path, region):
    return live(tmp_path / region, history(**SPAN), f'brain.neutral=["{region}"]')


def test_every_region_has_a_neutral_form():
    assert set(_NEUTRAL) == set(REGIONS)


def test_an_unknown_region_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cerebelum"):
        make_life(tmp_path / "run", history(**SPAN), 'brain.neutral=["cerebelum"]')


def test_without_an_amygdala_nothing_is_a_threat(tmp_path):
    for record in lived(tmp_path, "amygdala"):
        threat = record.decision.threat
        assert (threat.score, threat.posture, threat.detectors) == (0.0, Posture.NORMAL, {})


def test_without_a_hypothalamus_the_appetite_is_one(tmp_path):
    assert {r.decision.appetite.scalar for r in lived(tmp_path, "hypothalamus")} == {1.0}


def test_without_a_prefrontal_cortex_the_target_is_allowed_as_it_is(tmp_path):
    for record in lived(tmp_path, "prefrontal"):
        assert np.array_equal(record.decision.weights, record.decision.target.weights)
        assert record.decision.verdict.rules == ()


def test_without_a_cortex_every_regime_is_as_likely(tmp_path):
    for record in lived(tmp_path, "cortex"):
        assert len(set(record.decision.regime.posterior)) == 1


def test_without_basal_ganglia_sources_count_alike(tmp_path):
    for record in lived(tmp_path, "basal_ganglia"):
        decision = record.decision
        expected = decision.signals.values[np.asarray(decision.signals.active)].mean(axis=0)
        assert np.allclose(decision.action.score, np.clip(expected, -1, 1))
        assert decision.action.released.all()


def test_without_a_thalamus_every_gate_is_open_and_nothing_is_sensed(tmp_path):
    for record in lived(tmp_path, "thalamus"):
        percept = record.decision.percept
        assert set(percept.gates.values()) <= {0.0, 1.0}
        assert percept.gates["price"] == 1.0
        assert percept.gates["order_book"] == 0.0  # there is none to open it for
        assert not percept.evidence.any()


def test_without_a_hippocampus_nothing_is_learned(tmp_path):
    assert len({r.decision.parameters for r in lived(tmp_path, "hippocampus")}) == 1
