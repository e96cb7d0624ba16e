import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.bocpd import BOCPD


def brute_force(xs, hazard, mean, kappa, alpha, beta):
    """Adams & MacKay's recursion written out, one growing array a step."""
    p, m, k, a, b = (np.array([float(v)]) for v in (1.0, mean, kappa, alpha, beta))
    out = []
    for x in xs:
        predictive = student.pdf(x, 2 * a, m, np.sqrt(b * (k + 1) / (a * k)))
        p = np.append(hazard * np.sum(p * predictive), (1 - hazard) * p * predictive)
        p /= p.sum()
        b = np.append(beta, b + k * (x - m) ** 2 / (2 * (k + 1)))
        m = np.append(mean, (k * m + x) / (k + 1))
        k, a = np.append(kappa, k + 1), np.append(alpha, a + 0.5)
        out.append(p)
    return out


@given(
    st.integers(0, 10_000),
    st.floats(0.001, 0.5),
    st.floats(0.1, 5.0),
    st.floats(0.3, 4.0),
    st.floats(0.1, 3.0),
)
@settings(max_examples=25)
def test_equals_brute_force(seed, hazard, kappa, alpha, beta):
    g = np.random.default_rng(seed)
    xs = np.concatenate([g.normal(0, 1, 18), g.normal(3, 0.5, 17)])
    kernel = BOCPD(hazard, 40, 5, 0.2, kappa, alpha, beta)
    for t, wanted in enumerate(brute_force(xs, hazard, 0.2, kappa, alpha, beta)):
        got = kernel.update(xs[t])
        np.testing.assert_allclose(kernel.run_length[: t + 2], wanted, atol=1e-12)
        assert not kernel.run_length[t + 2 :].any()
        if t >= 5:
            assert got == pytest.approx(wanted[:6].sum(), abs=1e-12)
        else:
            assert np.isnan(got)


def test_probability_of_run_length_zero_is_the_hazard_and_so_no_alarm():
    kernel, g = BOCPD(hazard=0.02, max_run=40), np.random.default_rng(0)
    for x in np.append(g.standard_normal(60), [9.0, 9.5, 8.7]):
        kernel.update(x)
        assert kernel.run_length[0] == 0.02
        assert kernel.run_length.sum() == pytest.approx(1.0, abs=1e-12)


def test_finds_shifts_of_mean_and_of_variance_and_forgets_the_alarm():
    g = np.random.default_rng(1)
    xs = np.concatenate([g.normal(0, 1, 150), g.normal(4, 1, 80), g.normal(4, 8, 80)])
    y = BOCPD(0.01, 250, 5).transform(xs)
    assert y[152:156].max() > 0.9
    assert y[231:236].max() > 0.7
    assert y[100:149].max() < 0.4
    assert y[190:229].max() < 0.4


def test_a_long_calm_never_falls_off_the_end():
    g = np.random.default_rng(2)
    xs = np.concatenate([g.standard_normal(500), g.normal(3, 1, 10)])
    short, long = BOCPD(0.01, 40, 5), BOCPD(0.01, 600, 5)
    y, z = short.transform(xs), long.transform(xs)
    assert y[60:500].max() < 0.6
    np.testing.assert_allclose(y[60:], z[60:], atol=0.25)
    assert y[503:506].max() > 0.8
    for x in xs[:500]:
        short.update(x)
    assert short.most_likely_run == 40
    assert short.run_length[40] > 0.3


@given(st.floats(-1e3, 1e3), st.floats(1e-4, 1e4))
def test_shifting_and_scaling_input_and_prior_changes_nothing(shift, scale):
    xs = np.random.default_rng(3).standard_normal(60)
    plain = BOCPD(0.05, 40, 5, 0.0, 1.0, 1.0, 1.0).transform(xs)
    moved = BOCPD(0.05, 40, 5, shift, 1.0, 1.0, scale**2).transform(xs * scale + shift)
    np.testing.assert_allclose(moved[5:], plain[5:], atol=1e-5)


def test_no_outlier_underflows():
    kernel = BOCPD(0.01, 40, 5)
    for x in (0.0, 1e12, -1e150, 0.0, 1.0, 2.0, 1e-300):
        kernel.update(x)
        assert np.isfinite(kernel.run_length).all()
        assert kernel.run_length.sum() == pytest.approx(1.0, abs=1e-12)


def test_before_the_first_value_and_with_missing_ones():
    kernel = BOCPD(0.01, 40, 1)
    assert kernel.run_length[0] == 1.0
    assert np.isnan(kernel.update(np.nan))
    kernel.update(0.1)
    last = kernel.update(0.2)
    assert kernel.ready
    assert kernel.update(np.nan) == last


def test_continues_from_a_snapshot():
    xs = np.random.default_rng(4).standard_normal(90)
    first, second = BOCPD(0.01, 40, 5), BOCPD(0.01, 40, 5)
    for x in xs[:50]:
        first.update(x)
    second.restore(first.snapshot())
    assert [first.update(x) for x in xs[50:]] == [second.update(x) for x in xs[50:]]


@pytest.mark.parametrize(
    "bad", [{"hazard": 0.0}, {"hazard": 1.0}, {"recent": 0}, {"max_run": 5, "recent": 5}, {"prior_beta": 0.0}]
)
def test_bad_parameters_are_refused(bad):
    with pytest.raises(DataError, match="out of range"):
        BOCPD(**bad)
