"""The amygdala with input that is missing, constant or no number: stated answers, never a crash."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.amygdala.test_amygdala import book, correlation, features, regime
from tests.unit.amygdala.test_fear import CRISIS, episode

from janus_trader.brain.amygdala import Amygdala, DetectorBank, DetectorConfig, FearMemory
from janus_trader.brain.amygdala.detectors import DETECTORS, INPUTS
from janus_trader.contracts.decision import Posture, Severity
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.market import BAR_DTYPE


def test_nothing_at_all_is_blindness() -> None:
    threat = Amygdala().assess(FeatureVector(ts_event=0, values={}), regime(), book(), None)
    assert threat.severity is Severity.LOW
    assert threat.posture is Posture.REDUCE


@pytest.mark.parametrize("name", INPUTS[:5] + INPUTS[9:])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_an_absurd_number_neither_crashes_nor_silences_the_others(name: str, value: float) -> None:
    bank = DetectorBank(DetectorConfig(), (1.0, 1.5, 2.25, 3.5))
    x = np.array([0.001, 0.3, 0.1, 0.1, 0.2, 100.0, 100.0, 100.0, 1.0, 0.5, 0.0, 1.0, 0.0])
    for t in range(80):
        bank.update(x, t)
    bad = x.copy()
    bad[INPUTS.index(name)] = value
    spoke = np.isfinite(bank.update(bad, 80)).copy()
    assert spoke[DETECTORS.index("drawdown")]
    assert spoke[DETECTORS.index("anomaly")]
    again = bank.update(x, 81)
    assert np.isfinite(again[DETECTORS.index("zscore")])


def test_a_constant_market_is_calm() -> None:
    amygdala = Amygdala()
    for t in range(400):
        threat = amygdala.assess(features(t, 0.0), regime(), book(), correlation(0.0))
    assert threat.severity is Severity.NONE


def test_one_instrument_and_a_missing_correlation_leave_the_rest_at_work() -> None:
    amygdala = Amygdala(symbols=("A",))
    rng = np.random.default_rng(0)
    for t in range(200):
        amygdala.assess(features(t, 0.01 * rng.standard_normal()), regime(), book(), None)
    threat = amygdala.assess(features(200, -0.2), regime(), book(), None)
    assert threat.severity >= Severity.MEDIUM
    assert "correlation_breakdown" not in threat.detectors


def test_bars_of_nonsense_and_an_empty_book_are_silent() -> None:
    amygdala = Amygdala()
    rows = np.zeros(2, BAR_DTYPE)
    rows["close"], rows["volume"] = (np.nan, -1.0), (np.nan, np.inf)
    rows["bar_of_session"] = 3
    for t in range(5):
        threat = amygdala.assess(features(t, 0.0), regime(), book(), None, rows, np.ones(2, bool), ())
    assert not {"vpin", "flash_crash", "liquidity"} & set(threat.detectors)
    assert np.isfinite(threat.score)


def test_episodes_without_numbers_teach_no_fear() -> None:
    memory = FearMemory()
    calm = [episode(t, 0.01 * (-1) ** t) for t in range(40)]
    strange = [episode(100 + t, float("nan")) for t in range(3)]
    memory.adopt(memory.learn(memory.parameters, calm + strange))
    assert memory.fear(CRISIS) == 0.0
    assert np.isfinite(memory.parameters["variance"])
    memory.adopt(memory.learn(memory.parameters, []))
    assert memory.fear(CRISIS) == 0.0
