import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.basal_ganglia import BasalGanglia, BasalGangliaConfig, StrategyGateConfig
from janus_trader.brain.basal_ganglia.no_go import NoGoConfig
from janus_trader.contracts.decision import (
    NoGoReason,
    Posture,
    SignalPanel,
)
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.contracts.memory import Episode
from janus_trader.contracts.regime import Regime
from janus_trader.foundation.codec import encode
from support.policies import APPETITE, CORRELATION, book, percept, threat

SYMBOLS = ("A", "B", "C")
NAMES = ("t1", "t2", "r1", "external.0")
FAMILIES = ("trend", "trend", "reversion", "external")
REGIME_WEIGHTS = np.array(
    [[1, 1, 0.2, 0.5, 1, 1, 1], [1, 1, 0.2, 0.5, 1, 1, 1], [0.2, 0.2, 1, 0.3, 0.5, 0.2, 0.5], [1] * 7]
)
PRIORS = np.array([1.0, 1.0, 1.0, 0.0])


def ganglia(**changes):
    config = msgspec.structs.replace(BasalGangliaConfig(), **changes)
    return BasalGanglia(config, SYMBOLS, NAMES, FAMILIES, REGIME_WEIGHTS, PRIORS)


def signals(values, active=(True,) * 4):
    return SignalPanel(names=NAMES, values=np.asarray(values, float), active=np.array(active))


def select(bg, values, p=None, posture=Posture.NORMAL, portfolio=None, previous=None):
    return bg.select(
        p or percept(),
        values if isinstance(values, SignalPanel) else signals(values),
        APPETITE,
        CORRELATION,
        threat(posture),
        portfolio or book(),
        np.zeros(3) if previous is None else previous,
    )


AGREE = [[0.7, -0.7, 0.0], [0.7, -0.7, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_agreement_is_released_and_an_unlearned_external_signal_is_ignored():
    action = select(ganglia(), AGREE)
    assert action.released.tolist() == [True, True, False]
    assert action.score[0] > 0 > action.score[1]
    assert action.score[2] == 0.0
    assert action.source_weights[3] == 0.0
    assert (action.source_weights[:3] > 0).all()
    encode(action)


def test_drive_equals_its_formula():
    bg, p = ganglia(), percept(evidence=np.array([0.01, 0.0, -0.01]))
    rng = np.random.default_rng(0)
    values = rng.uniform(-1, 1, (4, 3))
    action = select(bg, values, p)
    compatible = REGIME_WEIGHTS @ np.array(p.regime.posterior)
    drive = (action.source_weights * p.source_gates * compatible) @ values + p.evidence
    np.testing.assert_allclose(action.score, np.tanh(drive / 0.25), rtol=1e-12)


def test_a_halt_vetoes_everything():
    action = select(ganglia(), AGREE, posture=Posture.HALT)
    assert not action.released.any()
    assert NoGoReason.EXTERNAL_HALT in action.vetoes


def test_blocked_symbols_are_held_back_with_the_reason():
    action = select(ganglia(no_go=NoGoConfig(blocked_symbols=("A",))), AGREE)
    assert action.released.tolist() == [False, True, False]
    assert action.no_go_reasons == {"0": (NoGoReason.CUSTOM,)}


def test_inactive_and_denied_sources_do_not_count():
    quiet = select(ganglia(), signals(AGREE, active=(False, False, True, True)))
    assert not quiet.released.any()
    assert (quiet.source_weights[:2] == 0.0).all()
    denied = select(ganglia(gate=StrategyGateConfig(deny={"*": ("t1",), "B": ("t2",)})), AGREE)
    assert denied.score[1] == 0.0
    assert 0 < denied.score[0] < select(ganglia(), AGREE).score[0]
    allowed = select(ganglia(gate=StrategyGateConfig(allow={"A": ("r1",)})), AGREE)
    assert allowed.score[0] == 0.0
    assert allowed.score[1] < 0.0
    for bad in (StrategyGateConfig(deny={"Z": ("t1",)}), StrategyGateConfig(allow={"A": ("zz",)})):
        with pytest.raises(ConfigError):
            ganglia(gate=bad)


def test_regimes_choose_the_family():
    values = [[1, 1, 1], [0, 0, 0], [-1, -1, -1], [0, 0, 0]]
    assert select(ganglia(), values, percept(Regime.BULL)).score[0] > 0
    assert select(ganglia(), values, percept(Regime.RANGING)).score[0] < 0


def leak_episodes(steps, seed, sign=1.0):
    rng = np.random.default_rng(seed)
    out = []
    for t in range(steps):
        payoff = rng.standard_normal(3).astype(np.float32)
        values = rng.uniform(-1, 1, (4, 3)).astype(np.float32)
        values[3] = sign * np.clip(payoff, -3, 3) / 3
        out.append(
            Episode(
                step=t,
                ts_event=t,
                context=rng.uniform(-1, 1, 24),
                posterior=rng.dirichlet(np.ones(7)),
                signals=values,
                payoff=np.broadcast_to(payoff, (4, 3)),
                weights=np.zeros(3, np.float32),
                reward=float(0.01 * rng.standard_normal()),
                cost=0.0,
                fear=0.0,
                surprise=0.0,
                confidence=0.5,
            )
        )
    return out


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_after_a_night_a_leaked_signal_moves_the_score(sign):
    bg = ganglia()
    for learner in bg.learners():
        for _ in range(3):
            learner.adopt(learner.propose(leak_episodes(200, 1, sign), np.random.default_rng(0)))
    action = select(bg, AGREE)
    assert sign * action.source_weights[3] > 0.5
    assert sign * action.score[2] > 0.5
    assert action.released[2]


def test_snapshot_continues_identically():
    rng = np.random.default_rng(2)
    bg, fresh = ganglia(), ganglia()
    for learner in bg.learners():
        learner.adopt(learner.propose(leak_episodes(100, 3), np.random.default_rng(0)))
    equity = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal(40)))
    frames = rng.uniform(-1, 1, (40, 4, 3))
    for t in range(20):
        select(bg, frames[t], portfolio=book(equity[t]))
    fresh.restore(bg.snapshot())
    assert fresh.snapshot() == bg.snapshot()
    for t in range(20, 40):
        a, b = (select(x, frames[t], portfolio=book(equity[t])) for x in (bg, fresh))
        assert encode(a) == encode(b)
    bg.reset()
    assert bg.snapshot() == ganglia().snapshot()
    other = BasalGanglia(BasalGangliaConfig(), SYMBOLS[:2], NAMES, FAMILIES, REGIME_WEIGHTS, PRIORS)
    with pytest.raises(IntegrityError):
        other.restore(fresh.snapshot())


def test_parameters_and_learners_agree():
    bg = ganglia()
    names = ["opal", "affinity", "no_go_patterns", "policy_trust", "actor_critic"]
    assert [x.name for x in bg.learners()] == names
    assert set(bg.parameters()) == set(names)
    assert not any(x.deep_only for x in bg.learners())


def test_a_bar_of_another_book_is_refused():
    with pytest.raises(DataError):
        select(ganglia(), np.zeros((4, 2)))
    with pytest.raises(DataError, match="context_size"):
        select(ganglia(), AGREE, percept(context=np.zeros(10)))
    with pytest.raises(ConfigError):
        BasalGanglia(BasalGangliaConfig(), SYMBOLS, NAMES, FAMILIES, REGIME_WEIGHTS, PRIORS[:2])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(Regime)), st.floats(0.0, 3.0))
def test_bounded_and_legal_whatever_happens(seed, which, spread):
    rng = np.random.default_rng(seed)
    bg = ganglia()
    for _ in range(3):
        action = select(
            bg,
            rng.uniform(-1, 1, (4, 3)),
            percept(which, evidence=0.01 * rng.standard_normal(3)),
            portfolio=book(float(100 * np.exp(spread * rng.standard_normal()))),
            previous=0.1 * rng.standard_normal(3),
        )
        encode(action)
        assert (np.abs(action.score) <= 1).all()
        assert ((action.go >= 0) & (action.go <= 1)).all()
        assert ((action.no_go >= 0) & (action.no_go <= 1)).all()
        assert (np.abs(action.source_weights) <= 1).all()
        assert not (action.released & (action.no_go >= 0.5)).any()
        if action.vetoes:
            assert not action.released.any()
