import numpy as np
import pytest

from janus_trader.brain.integration.coordinator import Coordinator, CoordinatorConfig
from janus_trader.contracts.decision import Posture, Severity, Threat


def threat(posture):
    return Threat(score=0.1, severity=Severity.NONE, posture=posture, fear=0.0, detectors={"vix": 0.1})


@pytest.mark.parametrize("bad", [np.array([1.0, np.nan]), np.inf, -np.inf, None, float("nan"), (0.1, np.nan)])
def test_what_is_not_finite_is_a_fault(bad):
    c = Coordinator(CoordinatorConfig())
    assert not c.check("thalamus", 1.0, bad)
    assert c.unhealthy == ("thalamus",)
    assert c.posture() == Posture.FREEZE


@pytest.mark.parametrize("region", ["amygdala", "prefrontal", "hypothalamus"])
def test_a_fault_of_a_critical_region_halts(region):
    c = Coordinator(CoordinatorConfig())
    c.check("cortex", np.nan)
    assert c.posture() == Posture.FREEZE
    c.check(region, np.nan)
    assert c.posture() == Posture.HALT


def test_health_returns_after_as_many_clean_bars_as_asked():
    c = Coordinator(CoordinatorConfig(recovery_bars=3))
    c.check("cortex", np.nan)
    for _ in range(2):
        assert c.check("cortex", 1.0)
        assert c.unhealthy == ("cortex",)
    c.check("cortex", 1.0)
    assert c.unhealthy == ()
    c.check("cortex", np.nan)
    c.check("cortex", 1.0)
    c.check("cortex", np.nan)  # a new fault starts the count again
    c.check("cortex", 1.0)
    c.check("cortex", 1.0)
    assert c.unhealthy == ("cortex",)


def test_escalation_only_ever_tightens():
    c = Coordinator(CoordinatorConfig())
    calm = threat(Posture.NORMAL)
    assert c.escalate(calm) is calm
    c.check("cortex", np.nan)
    raised = c.escalate(calm)
    assert raised.posture == Posture.FREEZE
    assert raised.detectors == {"vix": 0.1, "unhealthy.cortex": 1.0}
    assert calm.posture == Posture.NORMAL
    halted = threat(Posture.HALT)
    assert c.escalate(halted) is halted


def test_state_survives_and_reset_forgets():
    a, b = Coordinator(CoordinatorConfig(recovery_bars=2)), Coordinator(CoordinatorConfig(recovery_bars=2))
    a.check("cortex", np.nan)
    a.check("cortex", 0.0)
    b.restore(a.snapshot())
    for c in (a, b):
        c.check("cortex", 0.0)
        assert c.unhealthy == ()
    a.check("cortex", np.nan)
    a.reset()
    assert a.posture() == Posture.NORMAL
