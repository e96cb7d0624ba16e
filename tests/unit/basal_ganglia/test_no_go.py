import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.brain.basal_ganglia import NoGoConfig, NoGoPathway
from janus_trader.brain.basal_ganglia.no_go import N_REASONS, NON_OVERRIDABLE, REASONS, combine
from janus_trader.contracts.decision import Correlation, NoGoReason, Percept, Posture, Severity, Threat
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.market import PortfolioState

SYMBOLS = ("A", "B")


def portfolio(equity=100.0, peak=100.0, start=100.0, ts=0):
    return PortfolioState(
        ts_event=ts,
        equity=equity,
        cash=equity,
        peak_equity=peak,
        session_start_equity=start,
        weights=(0.0, 0.0),
        quantities=(0.0, 0.0),
    )


def correlation(sigma=0.01, average=0.3, breakdown=0.0, ready=True):
    return Correlation(covariance=np.eye(2) * sigma**2, average=average, breakdown=breakdown, ready=ready)


def threat(score=0.1, posture=Posture.NORMAL):
    return Threat(score=score, severity=Severity.NONE, posture=posture, fear=0.0, detectors={})


def percept(volume=0.7):
    return Percept(
        regime=None,
        gates={"volume": volume},
        context=np.zeros(24),
        evidence=np.zeros(2),
        source_gates=np.zeros(0),
    )


QUIET = {
    "drive": np.array([0.1, 0.1]),
    "previous": np.zeros(2),
    "percept": percept(),
    "correlation": correlation(),
    "threat": threat(),
    "portfolio": portfolio(),
    "pattern": 0.0,
}


def step(pathway=None, config=None, **changes):
    pathway = pathway or NoGoPathway(config or NoGoConfig(), SYMBOLS)
    vetoes, no_go, bits = pathway.step(**{**QUIET, **changes})
    names = [tuple(REASONS[r] for r in range(N_REASONS) if b >> r & 1) for b in bits]
    return vetoes, no_go, names


def test_quiet_moment_has_no_reason():
    vetoes, no_go, names = step()
    assert vetoes == ()
    assert no_go.tolist() == [0.0, 0.0]
    assert names == [(), ()]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"threat": threat(posture=Posture.HALT)}, NoGoReason.EXTERNAL_HALT),
        ({"portfolio": portfolio(equity=94.0)}, NoGoReason.LOSS_LIMIT),
        ({"portfolio": portfolio(equity=60.0, start=60.0)}, NoGoReason.DRAWDOWN_PROTECTION),
    ],
)
def test_non_overridable_reasons_veto(changes, reason):
    vetoes, _, _ = step(**changes)
    assert reason in vetoes
    assert set(vetoes) <= set(NON_OVERRIDABLE)


@pytest.mark.parametrize(
    ("changes", "config", "reason"),
    [
        ({"portfolio": portfolio(equity=75.0, start=75.0)}, {}, NoGoReason.DRAWDOWN_PROTECTION),
        ({"threat": threat(score=0.7)}, {}, NoGoReason.RISK_THRESHOLD),
        ({"threat": threat(posture=Posture.FREEZE)}, {}, NoGoReason.RISK_THRESHOLD),
        ({"previous": np.array([0.25, 0.25])}, {}, NoGoReason.POSITION_LIMIT),
        ({"percept": percept(volume=0.1)}, {}, NoGoReason.LOW_LIQUIDITY),
        ({"correlation": correlation(average=0.95)}, {}, NoGoReason.CORRELATION_RISK),
        ({"correlation": correlation(breakdown=0.9)}, {}, NoGoReason.CORRELATION_RISK),
        ({"pattern": 1.0}, {}, NoGoReason.LEARNED_PATTERN),
        ({}, {"blocked_symbols": SYMBOLS}, NoGoReason.CUSTOM),
        (
            {"portfolio": portfolio(ts=3 * 3_600_000_000_000)},
            {"restricted_hours_utc": (3,)},
            "time_restriction",
        ),
    ],
)
def test_each_reason_speaks_alone(changes, config, reason):
    vetoes, no_go, names = step(config=NoGoConfig(**config), **changes)
    assert vetoes == ()
    assert names[0] == (NoGoReason(reason),)
    assert (no_go > 0).all()


def test_high_volatility_is_against_the_instruments_own_past():
    pathway = NoGoPathway(NoGoConfig(), SYMBOLS)
    for _ in range(50):
        step(pathway, correlation=correlation(0.06))
    assert step(pathway, correlation=correlation(0.06))[2][0] == ()
    assert step(pathway, correlation=correlation(0.18))[2][0] == (NoGoReason.HIGH_VOLATILITY,)


def test_cooling_off_after_three_losses():
    pathway = NoGoPathway(NoGoConfig(), SYMBOLS)
    names = [step(pathway, portfolio=portfolio(equity=e))[2][0] for e in (100, 99.9, 99.8, 99.7, 99.6, 99.7)]
    assert names == [(), (), (), (NoGoReason.COOLING_OFF,), (), ()]


def test_missing_volume_and_unready_covariance_are_silent():
    assert step(percept=percept(volume=0.0))[2][0] == ()
    assert step(correlation=correlation(average=1.0, ready=False))[2][0] == ()


def test_position_limit_only_stops_growth_and_shrinking_is_free():
    _, no_go, _ = step(drive=np.array([0.1, -0.1]), previous=np.array([0.3, 0.3]))
    assert no_go[0] >= 0.5
    assert no_go[1] == 0.0


@given(
    st.lists(st.floats(0, 1), min_size=N_REASONS, max_size=N_REASONS),
    st.integers(0, N_REASONS - 1),
    st.floats(0, 1),
)
def test_a_further_or_stronger_reason_never_lowers_inhibition(strengths, which, raised):
    weights = np.array([getattr(NoGoConfig().weights, r.value) for r in REASONS])
    limits = np.array([0.15, 1.5, 3.0, 0.6])

    def inhibition(values):
        no_go, bits = np.empty(1), np.empty(1, np.int64)
        args = np.array([1.0]), np.zeros(1), np.zeros(1), np.zeros(1, bool)
        combine(np.array(values), *args, weights, limits, no_go, bits)
        return no_go[0]

    more = list(strengths)
    more[which] = max(strengths[which], raised)
    assert 0.0 <= inhibition(strengths) <= 1.0
    assert inhibition(more) >= inhibition(strengths) - 1e-12


def test_one_full_reason_counts_as_its_weight_and_blocked_is_never_diluted():
    config = NoGoConfig(blocked_symbols=("A",))
    assert step(config=config)[1].tolist() == [0.5, 0.0]
    _, no_go, names = step(config=config, threat=threat(score=0.4), pattern=0.1)
    assert no_go[0] >= 0.5
    assert len(names[0]) == 3


def test_reasons_are_named_only_where_they_hold_back():
    pathway = NoGoPathway(NoGoConfig(blocked_symbols=("A",)), SYMBOLS)
    _, no_go, bits = pathway.step(**QUIET)
    assert pathway.name_reasons(np.ones(2, bool), no_go, bits) == {"0": (NoGoReason.CUSTOM,)}
    assert pathway.name_reasons(np.zeros(2, bool), no_go, bits) == {}


def test_contradictory_configuration_is_refused():
    for changes in ({"drawdown_start": 0.5}, {"volatility_start": 4.0}):
        with pytest.raises(ConfigError):
            NoGoPathway(msgspec.structs.replace(NoGoConfig(), **changes), SYMBOLS)
