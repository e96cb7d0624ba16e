import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.training import ScheduleConfig, learning_rate_factor


def torch_factors(make, steps, base=1.0):
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=base)
    scheduler = make(optimiser)
    out = []
    for _ in range(steps):
        out.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return out


def test_cosine_is_torchs_annealing():
    config = ScheduleConfig(kind="cosine", floor=0.1)
    ours = [learning_rate_factor(config, t, 40) for t in range(40)]
    theirs = torch_factors(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 40, eta_min=0.1), 40)
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_step_and_exponential_are_torchs():
    step = ScheduleConfig(kind="step", every=7, decay=0.5)
    ours = [learning_rate_factor(step, t, 40) for t in range(40)]
    assert ours == pytest.approx(
        torch_factors(lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5), 40), abs=1e-12
    )
    exponential = ScheduleConfig(kind="exponential", decay=0.9)
    ours = [learning_rate_factor(exponential, t, 40) for t in range(40)]
    assert ours == pytest.approx(
        torch_factors(lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9), 40), abs=1e-12
    )


@given(
    st.sampled_from(["constant", "cosine", "step", "exponential"]),
    st.integers(0, 20),
    st.floats(0.0, 1.0),
    st.integers(0, 99),
)
def test_factors_stay_in_range_and_the_warm_up_rises(kind, warmup, floor, step):
    config = ScheduleConfig(kind=kind, warmup_steps=warmup, floor=floor, decay=0.9, every=3)
    factor = learning_rate_factor(config, step, 100)
    assert 0.0 <= factor <= 1.0
    assert math.isfinite(factor)
    if step < warmup:
        assert factor == (step + 1) / warmup
    else:
        assert factor >= floor - 1e-12


def test_a_cosine_without_room_is_refused():
    with pytest.raises(ConfigError, match="no such step"):
        learning_rate_factor(ScheduleConfig(kind="cosine", warmup_steps=10), 0, 10)
