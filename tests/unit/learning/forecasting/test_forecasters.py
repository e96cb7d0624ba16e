"""Forecasters recover planted distributions; scores agree with closed forms and scipy."""

import numpy as np
import pytest
import torch
from scipy import stats

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.forecasting import (
    ForecasterConfig,
    Gaussian,
    Quantiles,
    StudentT,
    build_forecaster,
    crps,
    forecast_loss,
    interval_coverage,
    predict,
)
from janus_trader.learning.training import OptimiserConfig, Trainer, TrainerConfig

KINDS = ("lstm", "mlp")
OUTPUTS = ("gaussian", "student_t", "quantiles")


def planted(n, seed, window=6):
    """y is normal; its mean is the last value of one channel, its deviation exp of the other's."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, window, 2))
    mean, deviation = x[:, -1, 0], 0.3 * np.exp(0.5 * x[:, -1, 1])
    y = mean + deviation * generator.normal(size=n)
    return torch.from_numpy(x), torch.from_numpy(y), mean, deviation


def trained(config, n=1500, epochs=14):
    x, y, _, _ = planted(n, 1)
    net = build_forecaster(config, 2, 6, seed=3).double()
    trainer = TrainerConfig(epochs=epochs, batch_size=64, optimiser=OptimiserConfig(learning_rate=0.01))
    Trainer(trainer, net, lambda m, b: forecast_loss(config, m(b[0]), b[1])).fit((x, y))
    return net


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_a_planted_distribution_is_recovered(kind, output):
    config = ForecasterConfig(kind=kind, output=output, hidden=16)
    net = trained(config)
    x, y, mean, deviation = planted(1500, 2)
    forecast = predict(config, net, x)
    assert np.corrcoef(forecast.quantile(0.5), mean)[0, 1] > 0.9
    width = forecast.quantile(0.95) - forecast.quantile(0.05)
    assert np.corrcoef(width, deviation)[0, 1] > 0.5
    # 1500 draws: the standard error of a share of .9 is .008; what is left is the fit's own error
    assert interval_coverage(forecast, y.numpy(), 0.9) == pytest.approx(0.9, abs=0.06)
    naive = Gaussian(np.full(1500, y.mean()), np.full(1500, y.std()))
    assert crps(forecast, y.numpy()).mean() < 0.6 * crps(naive, y.numpy()).mean()


def test_losses_are_scipys_likelihoods():
    generator = np.random.default_rng(0)
    raw = torch.from_numpy(generator.normal(size=(9, 3)))
    y = torch.from_numpy(generator.normal(size=9))
    gaussian = ForecasterConfig(output="gaussian")
    mean, scale = raw[:, 0].numpy(), np.logaddexp(0, raw[:, 1].numpy()) + 1e-4
    assert float(forecast_loss(gaussian, raw[:, :2], y)) == pytest.approx(
        -stats.norm.logpdf(y, mean, scale).mean(), rel=1e-12
    )
    freedom = np.logaddexp(0, raw[:, 2].numpy()) + 2.1
    assert float(forecast_loss(ForecasterConfig(output="student_t"), raw, y)) == pytest.approx(
        -stats.t.logpdf(y, freedom, mean, scale).mean(), rel=1e-12
    )


def test_the_pinball_loss_is_least_at_the_quantiles():
    config = ForecasterConfig(output="quantiles", levels=(0.1, 0.5, 0.9))
    y = torch.from_numpy(np.random.default_rng(1).normal(size=4001))
    raw = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        forecast_loss(config, raw.expand(len(y), 3), y).backward()
        optimiser.step()
    steps = torch.nn.functional.softplus(raw[0, 1:]).cumsum(0)
    found = [float(raw[0, 0].detach()), *(raw[0, 0] + steps).detach().tolist()]
    assert found == pytest.approx(np.quantile(y.numpy(), [0.1, 0.5, 0.9]).tolist(), abs=0.03)


def test_quantiles_never_cross():
    config = ForecasterConfig(kind="mlp", output="quantiles")
    net = build_forecaster(config, 2, 6, seed=0)
    forecast = predict(config, net, 100.0 * torch.randn(50, 6, 2, generator=torch.Generator().manual_seed(0)))
    assert isinstance(forecast, Quantiles)
    assert (np.diff(forecast.values, axis=1) >= 0).all()


def test_the_ranked_probability_score_is_the_closed_form():
    y = np.linspace(-3, 3, 7)
    mean, scale = np.zeros(7), np.full(7, 1.5)
    z = y / scale
    closed = scale * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert crps(Gaussian(mean, scale), y) == pytest.approx(closed, rel=0.02, abs=0.01)


def test_distributions_are_scipys():
    y = np.array([-1.0, 0.5])
    heavy = StudentT(np.zeros(2), np.ones(2), np.full(2, 3.0))
    assert heavy.log_density(y) == pytest.approx(stats.t.logpdf(y, 3.0))
    assert heavy.cdf(heavy.quantile(0.3)) == pytest.approx([0.3, 0.3])


def test_initial_weights_depend_on_the_seed_alone():
    config = ForecasterConfig()
    torch.manual_seed(1)
    a = build_forecaster(config, 2, 6, seed=4)
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    b = build_forecaster(config, 2, 6, seed=4)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_a_forecaster_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="forecaster of nothing"):
        build_forecaster(ForecasterConfig(), 0, 6, seed=0)
    with pytest.raises(ConfigError, match="forecaster of nothing"):
        build_forecaster(ForecasterConfig(levels=(0.5, 0.4)), 1, 6, seed=0)
    with pytest.raises(ConfigError, match="nobody forecast"):
        Quantiles(np.array([0.1, 0.9]), np.zeros((1, 2))).quantile(0.95)
