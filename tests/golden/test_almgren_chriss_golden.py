"""The worked case of Almgren & Chriss (2000), Table 1, over four risk aversions."""

import json

import numpy as np
import pytest

from janus_trader.numerics.almgren_chriss import cost_variance, expected_cost, trajectory, urgency


@pytest.fixture(scope="module")
def table(shared_data):
    path = shared_data / "golden" / "almgren_chriss_2000_case.json"
    if not path.exists():
        pytest.skip("the reference table of Almgren & Chriss (2000) is not in the shared data")
    return json.loads(path.read_text())


def solve(table, case):
    p = table["parameters"]
    market = (p["T_days"], p["N"], p["sigma_per_sqrt_day"], p["eta"], p["gamma"], case["risk_aversion"])
    return p, urgency(*market), trajectory(p["X"], *market)


def test_schedules_of_the_table(table):
    assert len(table["cases"]) == 4
    for case in table["cases"]:
        _, derived, x = solve(table, case)
        np.testing.assert_allclose(x, case["holdings"], rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(-np.diff(x), case["trades"], rtol=1e-9)
        assert derived.kappa_tilde_squared == pytest.approx(case["kappa_tilde_sq"], rel=1e-12)
        if case["kappa"] is None:
            assert np.isnan(derived.kappa)
        else:
            assert derived.kappa == pytest.approx(case["kappa"], rel=1e-12)


def test_costs_and_risks_of_the_table(table):
    for case in table["cases"]:
        p, derived, x = solve(table, case)
        assert derived.eta_tilde == pytest.approx(p["eta_tilde"], rel=1e-12)
        cost = expected_cost(x, p["T_days"], p["eta"], p["gamma"], p["epsilon"])
        variance = cost_variance(x, p["T_days"], p["sigma_per_sqrt_day"])
        assert cost == pytest.approx(case["expected_cost"], rel=1e-9)
        assert variance == pytest.approx(case["variance"], rel=1e-9)
        assert np.sqrt(variance) == pytest.approx(case["std"], rel=1e-9)


def test_numbers_printed_in_the_paper(table):
    p = table["parameters"]
    market = (p["T_days"], p["N"], p["sigma_per_sqrt_day"], p["eta"], p["gamma"])
    kappa = urgency(*market, 1e-6).kappa
    assert kappa == pytest.approx(0.61, abs=0.005)
    assert 1.0 / kappa == pytest.approx(1.6, abs=0.05)
