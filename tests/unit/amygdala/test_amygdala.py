from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from janus_trader.brain.amygdala import Amygdala, AmygdalaConfig, DetectorBank, DetectorConfig
from janus_trader.brain.amygdala.detectors import ANOMALIES, DETECTORS, INPUTS, SIGNALS
from janus_trader.contracts.decision import Correlation, Posture, Severity, Threat
from janus_trader.contracts.errors import ConfigError, IntegrityError
from janus_trader.contracts.features import FeatureVector
from janus_trader.contracts.market import PortfolioState
from janus_trader.contracts.protocols import Stateful, TradingPermission
from janus_trader.contracts.regime import Regime, RegimeState

UNIFORM = (1 / 7,) * 7


def regime(turbulence: float = 0.3, change: float = 0.02, crisis: float = 1 / 7) -> RegimeState:
    rest = (1.0 - crisis) / 6
    posterior = tuple(crisis if r is Regime.CRISIS else rest for r in Regime)
    return RegimeState(
        posterior=posterior,
        dominant=Regime.RANGING,
        confidence=rest,
        change_probability=change,
        turbulence=turbulence,
        agreement=1.0,
        votes={},
        age=1,
        forecast=UNIFORM,
    )


def book(equity: float = 100.0, peak: float = 100.0, start: float | None = None) -> PortfolioState:
    return PortfolioState(
        ts_event=0,
        equity=equity,
        cash=equity,
        peak_equity=peak,
        session_start_equity=equity if start is None else start,
        weights=(),
        quantities=(),
    )


def correlation(breakdown: float) -> Correlation:
    return Correlation(covariance=np.eye(2), average=0.0, breakdown=breakdown, ready=True)


def features(t: int, r: float | None) -> FeatureVector:
    return FeatureVector(ts_event=t, values={} if r is None else {"market_return": r})


def run(amygdala: Amygdala, returns: np.ndarray, rng: np.random.Generator) -> list[Threat]:
    out = []
    for t, r in enumerate(returns):
        state = regime(abs(rng.standard_normal()) / 3.0, rng.uniform(0.0, 0.1))
        out.append(amygdala.assess(features(t, float(r)), state, book(), correlation(rng.uniform(0, 0.3))))
    return out


def test_quiet_data_stay_normal() -> None:
    rng = np.random.default_rng(1)
    threats = run(Amygdala(), 0.01 * rng.standard_normal(3000), rng)
    normal = np.mean([t.posture is Posture.NORMAL for t in threats])
    assert normal >= 0.95


def test_false_positive_rate_holds_on_heavy_tails() -> None:
    rng = np.random.default_rng(2)
    threats = run(Amygdala(), 0.01 * rng.standard_t(3, 4000) / np.sqrt(3.0), rng)
    rate = np.mean([t.severity > Severity.NONE for t in threats[1008:]])
    assert rate <= 0.01 + 3 * np.sqrt(0.01 / 3000)


def test_a_crash_and_a_volatility_spike_are_seen() -> None:
    rng = np.random.default_rng(3)
    amygdala = Amygdala()
    run(amygdala, 0.01 * rng.standard_normal(1200), rng)
    crash = amygdala.assess(features(1, -0.12), regime(), book(), None)
    assert crash.severity >= Severity.MEDIUM
    assert max(ANOMALIES, key=lambda d: crash.detectors.get(d, 0.0)) == "zscore"
    assert crash.detectors["black_swan"] > 0.5
    amygdala = Amygdala()
    run(amygdala, 0.01 * rng.standard_normal(1200), rng)
    wild = [amygdala.assess(features(t, 0.06 * (-1) ** t), regime(), book(), None) for t in range(30)]
    assert any(w.detectors["volatility_spike"] > 0.5 for w in wild)


def test_losses_frighten_more_than_gains() -> None:
    def level(r: float) -> float:
        amygdala = Amygdala()
        rng = np.random.default_rng(4)
        run(amygdala, 0.01 * rng.standard_normal(300), rng)
        return amygdala.assess(features(1, r), regime(), book(), None).detectors["zscore"]

    assert level(-0.06) > level(0.06)


def test_seeing_nothing_is_never_healthy() -> None:
    assert Amygdala().assess(features(0, None), regime(), book(), None).posture >= Posture.REDUCE
    nan = FeatureVector(ts_event=0, values={"market_return": float("nan"), "realised_vol": float("inf")})
    threat = Amygdala().assess(nan, regime(), book(), None)
    assert threat.posture >= Posture.REDUCE
    assert "blind" in threat.detectors
    assert np.isfinite(threat.score)


def test_a_market_return_that_stays_away_is_noticed() -> None:
    amygdala = Amygdala()
    partial = FeatureVector(ts_event=0, values={"realised_vol": 0.15})
    postures = [amygdala.assess(partial, regime(), book(), None).posture for _ in range(5)]
    assert postures[:3] == [Posture.NORMAL] * 3
    assert postures[3] is Posture.REDUCE


@pytest.mark.parametrize("equity", [float("nan"), float("inf"), 0.0, -5.0])
def test_an_unreadable_book_halts(equity: float) -> None:
    threat = Amygdala().assess(features(0, 0.0), regime(), book(equity), None)
    assert threat.posture is Posture.HALT
    assert np.isfinite(threat.score)


def test_drawdown_escalates_and_the_fading_peak_lets_it_relax() -> None:
    amygdala = Amygdala()
    amygdala.assess(features(0, 0.0), regime(), book(100.0), None)
    severities = [
        amygdala.assess(features(0, 0.0), regime(), book(e, 100.0), None).severity
        for e in (95.0, 85.0, 78.0, 65.0)
    ]
    assert severities == sorted(severities)
    assert severities[-1] is Severity.HIGH
    later = [amygdala.assess(features(0, 0.0), regime(), book(65.0, 100.0), None) for _ in range(250)]
    assert later[-1].posture is Posture.NORMAL
    assert amygdala.assess(features(0, 0.0), regime(), book(49.0, 100.0), None).posture is Posture.HALT


def test_daily_loss_freezes_at_its_limit() -> None:
    amygdala = Amygdala()
    assert (
        amygdala.assess(features(0, 0.0), regime(), book(98.0, 98.0, 100.0), None).posture is Posture.NORMAL
    )
    assert (
        amygdala.assess(features(0, 0.0), regime(), book(95.0, 98.0, 100.0), None).posture >= Posture.FREEZE
    )


@pytest.mark.parametrize("which", ["turbulence", "breakdown", "loss"])
def test_score_rises_with_each_input(which: str) -> None:
    def score(x: float) -> float:
        amygdala = Amygdala()
        return amygdala.assess(
            features(0, 0.0),
            regime(turbulence=3.0 * x if which == "turbulence" else 0.1),
            book(100.0, 110.0, 100.0 / (1.0 - 0.1 * x) if which == "loss" else 100.0),
            correlation(x if which == "breakdown" else 0.0),
        ).score

    scores = [score(x) for x in np.linspace(0.0, 0.95, 8)]
    assert all(b >= a for a, b in pairwise(scores))
    assert scores[-1] > scores[0]


def test_fear_raises_the_score_but_never_turns_a_held_back_level_into_an_alarm() -> None:
    calm, afraid = Amygdala(), Amygdala()
    state = regime(change=0.5)
    parameters = afraid.parameters()["fear"]
    parameters["association"][:] = 1.0
    afraid.fear.adopt(parameters)
    a = calm.assess(features(0, 0.0), state, book(), None)
    b = afraid.assess(features(0, 0.0), state, book(), None)
    assert b.score > a.score
    assert b.fear == 1.0
    c = afraid.config
    assert c.detectors.gated_level * (1.0 + c.fear_gain) < c.severity_levels[0]


def test_past_detector_output_does_not_depend_on_the_future() -> None:
    rng = np.random.default_rng(5)
    xs = rng.standard_normal((400, len(INPUTS))) ** 2 * 0.01
    xs[:, 5:8] = 100.0
    ys = xs.copy()
    ys[250:, 0] = -0.2
    levels = []
    for rows in (xs, ys):
        bank = DetectorBank(DetectorConfig(), (1.0, 1.5, 2.25, 3.5))
        levels.append(np.array([bank.update(x).copy() for x in rows]))
    np.testing.assert_array_equal(levels[0][:250], levels[1][:250])
    assert not np.array_equal(levels[0][250:], levels[1][250:], equal_nan=True)


def test_snapshot_continues_identically() -> None:
    rng = np.random.default_rng(6)
    returns = 0.01 * rng.standard_t(3, 400)
    a, b = Amygdala(), Amygdala()
    run(a, returns[:250], np.random.default_rng(7))
    b.restore(a.snapshot())
    assert run(a, returns[250:], np.random.default_rng(8)) == run(b, returns[250:], np.random.default_rng(8))
    assert a.snapshot() == b.snapshot()
    a.reset()
    assert a.snapshot() == Amygdala().snapshot()


@pytest.mark.parametrize("before", [3, 250, 700])
def test_detectors_go_on_from_a_snapshot_before_and_after_their_history_is_full(before: int) -> None:
    config = DetectorConfig(history=500)
    xs = np.full((before + 40, len(INPUTS)), np.nan)
    xs[:, 0] = 0.01 * np.random.default_rng(6).standard_t(3, len(xs))
    a, b = (DetectorBank(config, (1.0, 1.5, 2.25, 3.5)) for _ in range(2))
    for ts, x in enumerate(xs[:before]):
        a.update(x, ts)
    b.restore(a.snapshot())
    for ts, x in enumerate(xs[before:], before):
        np.testing.assert_array_equal(a.update(x, ts), b.update(x, ts))
    np.testing.assert_array_equal(a.history(10**6), b.history(10**6))
    assert a.snapshot() == b.snapshot()
    with pytest.raises(IntegrityError, match="detector snapshot"):
        b.restore(a.snapshot()[:-1])


def test_a_snapshot_of_another_configuration_is_refused() -> None:
    small = AmygdalaConfig(detectors=DetectorConfig(window=800))
    with pytest.raises(IntegrityError):
        Amygdala(small).restore(Amygdala().snapshot())


def test_contradictory_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="window"):
        DetectorBank(DetectorConfig(window=100), (1.0, 1.5, 2.25, 3.5))
    with pytest.raises(ConfigError, match="increase"):
        DetectorBank(DetectorConfig(drawdown_levels=(0.2, 0.1, 0.3)), (1.0, 1.5, 2.25, 3.5))


def test_protocols_and_names() -> None:
    amygdala = Amygdala()
    assert isinstance(amygdala, Stateful)
    permission: TradingPermission = amygdala.kill_switch
    assert permission is not None
    assert [learner.name for learner in amygdala.learners()] == ["fear", "threat_thresholds"]
    assert len(ANOMALIES) == 5
    assert (*ANOMALIES, "anomaly", *SIGNALS) == DETECTORS


def test_assess_is_quick() -> None:
    rng = np.random.default_rng(9)
    amygdala = Amygdala()
    run(amygdala, 0.01 * rng.standard_normal(1100), rng)
    arguments = (features(0, 0.001), regime(), book(), correlation(0.1))
    best = np.inf
    for _ in range(10):
        start = time.perf_counter()
        for _ in range(20):
            amygdala.assess(*arguments)
        best = min(best, (time.perf_counter() - start) / 20)
    assert best < 200e-6  # a guard against a slip, not a benchmark: about 15 us alone
