from __future__ import annotations

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.regime import Regime
from janus_trader.research import detector_page as pages
from janus_trader.research.detector_study import (
    REGIME_WARMUP,
    Observed,
    confusion,
    detection_delays,
    detector_study,
    false_alarms,
    interval,
    observe_life,
    posture_figures,
    regime_figures,
)


def seen(truth: np.ndarray, believed: np.ndarray, posture: np.ndarray | None = None) -> Observed:
    phase = np.concatenate([[0], np.cumsum(np.diff(truth) != 0)])
    names = tuple(f"p{i}" for i in range(phase[-1] + 1))
    posture = np.zeros(len(truth), np.int64) if posture is None else posture
    return Observed(names, phase, truth, believed, believed, posture, 252.0)


def two_regimes(delay: int, bars: int = 504) -> tuple[np.ndarray, np.ndarray]:
    truth = np.r_[np.full(REGIME_WARMUP + 100, 2), np.full(bars, 0), np.full(bars, 3)]
    return truth, np.r_[np.full(delay, 2), truth[:-delay]] if delay else truth.copy()


def test_a_perfect_detector_is_called_perfect():
    truth, believed = two_regimes(0)
    found = regime_figures([seen(truth, believed)] * 3, np.random.default_rng(0))
    assert found["accuracy"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["false_alarms"]["value"] == 0.0
    assert found["by_regime"]["bull"]["delay"]["value"] == 0.0
    assert found["by_regime"]["bull"]["switches"] == 3
    assert found["by_regime"]["deflation"]["recall"]["value"] is None


def test_a_late_detector_is_late_by_as_much_and_confuses_as_much():
    truth, believed = two_regimes(40)
    found = regime_figures([seen(truth, believed)] * 2, np.random.default_rng(0))
    for name in ("bull", "crisis"):
        assert found["by_regime"][name]["delay"] == {"value": 40.0, "low": 40.0, "high": 40.0}
        assert found["by_regime"][name]["recall"]["value"] == pytest.approx(1 - 40 / 504)
    table = np.array(found["confusion"])
    assert table[Regime.BULL, Regime.RANGING] == 80
    assert table[Regime.CRISIS, Regime.BULL] == 80
    assert found["accuracy"]["value"] == pytest.approx(1 - 80 / 1108)


def test_a_regime_never_named_is_missed_and_has_no_delay():
    truth, _ = two_regimes(0)
    found = regime_figures([seen(truth, np.full(len(truth), 2))] * 2, np.random.default_rng(0))
    assert found["by_regime"]["crisis"]["detected"]["value"] == 0.0
    assert found["by_regime"]["crisis"]["delay"]["value"] is None
    assert found["largest_class"] == pytest.approx(504 / 1108)


def test_switches_in_the_warm_up_do_not_count():
    truth = np.r_[np.zeros(100, int), np.ones(500, int)]
    assert detection_delays(truth, truth) == []


def test_false_alarms_count_moves_to_a_wrong_regime_only():
    truth = np.array([0, 0, 0, 1, 1, 1, 1])
    believed = np.array([0, 2, 2, 1, 1, 0, 1])
    assert false_alarms(truth, believed).tolist() == [1, 0, 1, 0, 0, 0, 0]
    assert confusion(truth, believed).sum() == 7


def test_postures_are_judged_in_the_phase_and_before_it():
    truth = np.r_[np.full(352, 2), np.full(20, 3)]
    posture = np.zeros(372, np.int64)
    posture[200:205] = 2  # one false alarm of two steps
    posture[357:] = 3
    found = posture_figures([seen(truth, truth, posture)] * 2, "p1", np.random.default_rng(0))["by_posture"]
    assert found["freeze"]["delay"]["value"] == 5.0
    assert found["freeze"]["false_alarms"]["value"] == pytest.approx(252.0 / 252)
    assert found["freeze"]["time_in_alarm"]["value"] == pytest.approx(5 / 252)
    assert found["safe"]["false_alarms"]["value"] == 0.0
    assert found["halt"]["detected"]["value"] == 0.0
    calm = posture_figures([seen(truth, truth, posture)] * 2, None, np.random.default_rng(0))["by_posture"]
    assert calm["freeze"]["detected"] is None
    assert calm["freeze"]["false_alarms"]["value"] == pytest.approx(252.0 * 2 / 272)


def test_an_interval_covers_its_value_about_as_often_as_it_says(rng):
    hits = 0
    for _ in range(80):
        found = interval(rng.normal(1.0, 1.0, 30).tolist(), lambda x: float(np.mean(x)), rng)
        hits += found["low"] <= 1.0 <= found["high"]
    assert 66 <= hits <= 80


def test_a_life_is_observed_beside_its_truth():
    made = observe_life("simulated:slow_bear:days=90,assets=2", 0)
    assert made.phases == ("bull", "bear", "bottom")
    assert len(made.truth) == len(made.believed) == len(made.posture) == 90
    assert set(made.truth) == {Regime.BULL, Regime.BEAR, Regime.RANGING}
    assert ((made.believed >= 0) & (made.believed < 7)).all()


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(ConfigError, match="too little"):
        detector_study(lives=1)
    with pytest.raises(ConfigError, match="too little"):
        detector_study(lives=5, days=300)


def test_the_study_is_told_as_tables_and_as_a_page():
    truth, believed = two_regimes(10)
    generator = np.random.default_rng(0)
    study = {
        "lives": 2,
        "days": 1008,
        "regimes": regime_figures([seen(truth, believed)] * 2, generator),
        "postures": {"simulated:calm": posture_figures([seen(truth, believed)] * 2, None, generator)},
    }
    text = pages.markdown(study)
    assert "| bull | 2 | 100% (100% to 100%) | 10 (10 to 10) |" in text
    assert text.count("### ") == 3
    page = pages.page(study)
    assert "What the detectors see" in page
    assert "plotly" in page
