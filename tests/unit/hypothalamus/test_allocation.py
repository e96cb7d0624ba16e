from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.brain.hypothalamus import AllocationConfig, TargetAllocator
from janus_trader.contracts.decision import Appetite, Target
from janus_trader.contracts.errors import DataError
from janus_trader.portfolio import risk_parity

N = 6
FREE = AllocationConfig(max_long=1.0, max_short=1.0, gross=3.0, net_high=3.0, net_low=-3.0)
NO_COST = np.zeros(N)
ALL = np.ones(N, bool)


def appetite(a: float) -> Appetite:
    return Appetite(
        scalar=a,
        regime_factor=a,
        drawdown_factor=1.0,
        volatility_factor=1.0,
        kelly_factor=1.0,
        energy_factor=1.0,
        target_volatility=0.15 * a,
    )


def covariance(seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    beta, own = rng.uniform(0.5, 1.5, N), rng.uniform(0.008, 0.02, N)
    return np.outer(beta, beta) * 0.008**2 + np.diag(own**2)


def allocator(config: AllocationConfig = FREE, long_only: bool = True) -> TargetAllocator:
    return TargetAllocator(config, N, 252.0, 0.15, long_only)


def allocate(
    score: np.ndarray,
    a: float = 1.0,
    released: np.ndarray = ALL,
    previous: np.ndarray = NO_COST,
    cost: np.ndarray = NO_COST,
    tradable: np.ndarray = ALL,
    cov: np.ndarray | None = None,
    by: TargetAllocator | None = None,
) -> Target:
    cov = covariance() if cov is None else cov
    return (by or allocator()).allocate(score, released, appetite(a), cov, True, tradable, previous, cost)


@pytest.mark.parametrize("a", [0.25, 0.5, 1.0])
def test_without_views_and_costs_the_target_is_the_anchor_times_appetite(a: float) -> None:
    target = allocate(np.zeros(N), a)
    shares = risk_parity(covariance())
    scale = 0.15 / np.sqrt(252) / np.sqrt(shares @ covariance() @ shares)
    np.testing.assert_allclose(target.weights, a * scale * shares, atol=1e-6)
    assert np.isclose(target.expected_volatility, 0.15 * a, rtol=1e-4)
    assert target.method == "mean_variance"


def test_a_view_moves_its_own_weight_in_its_direction() -> None:
    plain = allocate(np.zeros(N)).weights
    for sign in (1.0, -1.0):
        score = np.zeros(N)
        score[2] = 0.3 * sign
        moved = allocate(score).weights
        assert (moved[2] - plain[2]) * sign > 0.01
        assert moved[2] - plain[2] == (moved - plain)[np.argmax(np.abs(moved - plain))]


def test_what_was_not_released_has_no_view() -> None:
    score = np.full(N, 0.5)
    released = np.zeros(N, bool)
    np.testing.assert_array_equal(allocate(score, released=released).weights, allocate(np.zeros(N)).weights)


def test_turnover_cost_keeps_a_book_that_is_near_enough() -> None:
    plain = allocate(np.zeros(N)).weights
    previous = plain + 0.02 * np.array([1, -1, 1, -1, 1, -1])
    kept = allocate(np.zeros(N), previous=previous, cost=np.full(N, 50.0)).weights
    np.testing.assert_array_equal(kept, previous)
    moved = allocate(np.zeros(N), previous=previous).weights
    assert np.abs(moved - previous).sum() > 0.05


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from(["mean_variance", "risk_parity", "hrp"]))
def test_targets_honour_limits_and_the_volatility_ceiling(seed: int, long_only: bool, method: str) -> None:
    rng = np.random.default_rng(seed)
    config = AllocationConfig(method=method, max_long=0.3, gross=0.9, net_high=0.8)  # type: ignore[arg-type]
    by = allocator(config, long_only)
    a = float(rng.uniform(0, 1.5))
    tradable = rng.random(N) < 0.8
    cov = covariance(seed % 1000) * rng.uniform(0.2, 9.0)
    target = allocate(
        rng.uniform(-1, 1, N),
        a,
        rng.random(N) < 0.7,
        rng.uniform(-0.3, 0.3, N),
        rng.uniform(0, 30, N),
        tradable,
        cov,
        by,
    )
    w = target.weights
    assert np.isfinite(w).all()
    assert (w[~tradable] == 0.0).all()
    assert w.max() <= 0.3 + 1e-9
    assert w.min() >= (0.0 if long_only else -config.max_short) - 1e-9
    assert np.abs(w).sum() <= 0.9 + 1e-9
    assert (0.0 if long_only else config.net_low) - 1e-9 <= w.sum() <= 0.8 + 1e-9
    assert np.sqrt(w @ cov @ w * 252) <= 0.15 * a * 1.1 + 1e-9
    assert np.isclose(target.expected_volatility, np.sqrt(w @ cov @ w * 252), atol=1e-9)


@pytest.mark.parametrize("method", ["mean_variance", "risk_parity", "hrp"])
def test_risk_falls_with_appetite(method: str) -> None:
    by = [allocator(AllocationConfig(method=method)) for _ in range(4)]  # type: ignore[arg-type]
    risk = [
        allocate(np.zeros(N), a, by=one).expected_volatility
        for a, one in zip((0.1, 0.4, 0.7, 1.0), by, strict=True)
    ]
    assert risk == sorted(risk)
    assert risk[0] < 0.4 * risk[3]


def test_no_appetite_means_no_position() -> None:
    target = allocate(np.ones(N), 0.0, previous=np.full(N, 0.1))
    assert target.method == "none"
    assert (target.weights == 0.0).all()


def test_before_the_covariance_is_ready_weights_are_equal() -> None:
    seen = np.array([1, 1, 1, 0, 1, 0], bool)
    target = allocator().allocate(
        np.ones(N), ALL, appetite(0.8), np.eye(N) * 1e-4, False, seen, np.zeros(N), NO_COST
    )
    np.testing.assert_allclose(target.weights, np.where(seen, 0.2, 0.0))


def test_an_instrument_that_never_moves_is_left_out() -> None:
    cov = covariance()
    cov[2, :] = cov[:, 2] = 0.0
    target = allocate(np.full(N, 0.2), cov=cov)
    assert target.weights[2] == 0.0
    assert target.weights.sum() > 0.1


def test_a_singular_covariance_still_gives_weights() -> None:
    one = np.full((N, N), 1e-4)
    target = allocate(np.zeros(N), cov=one)
    assert np.isclose(target.expected_volatility, 0.15, rtol=1e-3)


def test_scores_and_costs_that_are_not_numbers_count_as_none() -> None:
    broken = np.array([np.nan, np.inf, 0.0, 0.0, 0.0, 0.0])
    released = np.array([1, 0, 1, 1, 1, 1], bool)
    np.testing.assert_allclose(allocate(broken, released=released).weights, allocate(np.zeros(N)).weights)
    default = allocate(np.zeros(N), cost=np.full(N, 10.0)).weights
    np.testing.assert_array_equal(allocate(np.zeros(N), cost=np.full(N, np.nan)).weights, default)


def test_shorts_need_permission() -> None:
    score = np.full(N, -1.0)
    strong = FREE.replace(view_strength=0.1)
    assert allocate(score, by=allocator(strong, True)).weights.min() >= 0.0
    assert allocate(score, by=allocator(strong, False)).weights.min() < 0.0


def test_the_anchor_is_cached_and_renewed_in_time() -> None:
    by = allocator()
    allocate(np.zeros(N), by=by)
    first = by._shares.copy()
    for _ in range(20):
        allocate(np.zeros(N), cov=covariance(7), by=by)
    np.testing.assert_array_equal(by._shares, first)
    allocate(np.zeros(N), cov=covariance(7), by=by)
    assert not np.array_equal(by._shares, first)


def test_inputs_of_another_size_are_refused() -> None:
    with pytest.raises(DataError, match="do not fit"):
        allocate(np.zeros(N + 1))


def test_one_instrument_works() -> None:
    one = TargetAllocator(FREE, 1, 252.0, 0.15, True)
    target = one.allocate(
        np.zeros(1), np.ones(1, bool), appetite(1.0), np.full((1, 1), 4e-4), True, np.ones(1, bool), np.zeros(1),
        np.zeros(1),
    )  # fmt: skip
    assert np.isclose(target.weights[0], 0.15 / np.sqrt(252 * 4e-4), rtol=1e-6)
