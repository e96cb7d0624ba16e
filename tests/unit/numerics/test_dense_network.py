"""The compiled network against torch: values, gradients, clipping, AdamW; and against finite differences."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.numerics.dense_network import (
    activation_count,
    adamw,
    backward,
    clip_norm,
    follow,
    forward,
    initial_parameters,
    network_sizes,
    outputs_at,
    parameter_count,
    softmax_rows,
)

SHAPES = [(5, 3), (7, 6, 2), (9, 8, 5, 4), (4, 11, 3, 6, 1)]


def torch_twin(sizes, theta):
    import torch

    layers, start = [], 0
    for inputs, outputs in itertools.pairwise(sizes):
        layer = torch.nn.Linear(int(inputs), int(outputs), dtype=torch.float64)
        weights = theta[start : start + inputs * outputs].reshape(inputs, outputs).T
        bias = theta[start + inputs * outputs : start + (inputs + 1) * outputs]
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weights.copy()))
            layer.bias.copy_(torch.from_numpy(bias.copy()))
        layers += [layer, torch.nn.ReLU()]
        start += (inputs + 1) * outputs
    return torch.nn.Sequential(*layers[:-1])


def flat(net, what):
    parts = []
    for layer in net:
        if hasattr(layer, "weight"):
            for p in (layer.weight, layer.bias):
                values = (p.grad if what == "grad" else p.detach()).numpy()
                parts.append((values.T if values.ndim == 2 else values).ravel())
    return np.concatenate(parts)


def our_gradient(theta, sizes, x, slopes):
    activations, gradient = np.empty((len(x), activation_count(sizes))), np.zeros_like(theta)
    forward(theta, sizes, x, activations)
    backward(theta, sizes, x, activations, slopes, gradient, np.empty((2, int(sizes.max()))))
    return activations[:, -int(sizes[-1]) :], gradient


def drawn(shape, seed=0):
    rng = np.random.default_rng(seed)
    sizes = network_sizes(shape)
    theta = initial_parameters(sizes, rng) + 0.1 * rng.standard_normal(parameter_count(sizes))
    x = rng.standard_normal((13, shape[0]))
    x[rng.random(x.shape) < 0.2] = 0.0
    return sizes, theta, x, rng.standard_normal((13, shape[-1]))


@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_torchs(shape):
    import torch

    sizes, theta, x, slopes = drawn(shape)
    net = torch_twin(shape, theta)
    out = net(torch.from_numpy(x))
    out.backward(torch.from_numpy(slopes))
    ours, gradient = our_gradient(theta, sizes, x, slopes)
    np.testing.assert_allclose(ours, out.detach().numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(gradient, flat(net, "grad"), rtol=0, atol=1e-11)


def test_many_clipped_adamw_steps_are_torchs():
    import torch

    torch.set_num_threads(1)
    shape = (6, 8, 3)
    sizes, theta, x, _ = drawn(shape, 1)
    net, goal = torch_twin(shape, theta), np.random.default_rng(2).standard_normal((13, 3))
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.1)
    first, second = np.zeros_like(theta), np.zeros_like(theta)
    clipped = 0
    for count in range(1, 101):
        optimiser.zero_grad()
        (0.5 * (net(torch.from_numpy(x)) - torch.from_numpy(goal)) ** 2).sum().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        activations = np.empty((13, activation_count(sizes)))
        forward(theta, sizes, x, activations)
        _, gradient = our_gradient(theta, sizes, x, activations[:, -3:] - goal)
        clipped += clip_norm(gradient, 5.0) > 5.0
        adamw(theta, gradient, first, second, count, 0.01, 0.1, 0.9, 0.999, 1e-8)
        np.testing.assert_allclose(theta, flat(net, "value"), rtol=0, atol=1e-10)
    assert 0 < clipped < 100


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(SHAPES))
def test_gradient_is_that_of_finite_differences(seed, shape):
    sizes, theta, x, slopes = drawn(shape, seed)
    _, gradient = our_gradient(theta, sizes, x, slopes)
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(theta.size)
    activations = np.empty((len(x), activation_count(sizes)))

    def loss(step):
        forward(theta + step * direction, sizes, x, activations)
        return float((activations[:, -int(sizes[-1]) :] * slopes).sum())

    def kinks(step):
        forward(theta + step * direction, sizes, x, activations)
        return (activations[:, : activation_count(sizes) - int(sizes[-1])] > 0).tobytes()

    h = 1e-6
    if kinks(-h) != kinks(h):  # a unit switches on between the two: no derivative to compare with
        return
    assert (loss(h) - loss(-h)) / (2 * h) == pytest.approx(float(gradient @ direction), rel=1e-5, abs=1e-5)


def test_gradients_of_rows_add_up():
    sizes, theta, x, slopes = drawn((5, 4, 2))
    whole = our_gradient(theta, sizes, x, slopes)[1]
    parts = sum(our_gradient(theta, sizes, x[i : i + 1], slopes[i : i + 1])[1] for i in range(len(x)))
    np.testing.assert_allclose(whole, parts, atol=1e-13)


def test_nan_stays_in_its_row():
    sizes, theta, x, _ = drawn((5, 4, 2))
    good = our_gradient(theta, sizes, x, np.zeros((13, 2)))[0].copy()
    x[3, 1] = np.nan
    bad = our_gradient(theta, sizes, x, np.zeros((13, 2)))[0]
    assert np.isnan(bad[3]).any()
    assert np.delete(bad, 3, 0).tobytes() == np.delete(good, 3, 0).tobytes()


def test_a_wild_gradient_makes_no_step():
    gradient = np.array([np.inf, 1.0])
    assert not np.isfinite(clip_norm(gradient, 1.0))
    assert gradient.tolist() == [0.0, 0.0]


def test_a_silent_network_says_nothing_yet_learns():
    sizes = network_sizes((4, 6, 2))
    theta = initial_parameters(sizes, np.random.default_rng(0), silent=True)
    x = np.random.default_rng(1).standard_normal((50, 4))
    out, gradient = our_gradient(theta, sizes, x, np.ones((50, 2)))
    assert not out.any()
    assert gradient[-14:].all()


def test_start_has_the_variance_of_he():
    sizes = network_sizes((50, 400, 2))
    theta = initial_parameters(sizes, np.random.default_rng(0))
    assert theta[: 50 * 400].var() == pytest.approx(2 / 50, rel=0.05)
    assert not theta[50 * 400 : 51 * 400].any()


def test_target_follows_geometrically():
    target = np.zeros(3)
    for _ in range(10):
        follow(target, np.ones(3), 0.1)
    np.testing.assert_allclose(target, 1 - 0.9**10, rtol=1e-12)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=5), st.floats(0.01, 10.0))
def test_softmax_is_a_distribution_in_the_order_of_the_scores(scores, temperature):
    scores, out = np.array([scores]), np.empty((1, len(scores)))
    softmax_rows(scores, temperature, out)
    assert out.sum() == pytest.approx(1.0)
    order = np.argsort(scores[0], kind="stable")
    assert (np.diff(out[0][order]) >= -1e-15).all()


@pytest.mark.parametrize("sizes", [(3,), (3, 0), ()])
def test_sizes_that_make_no_network_are_refused(sizes):
    with pytest.raises(ConfigError):
        network_sizes(sizes)


@pytest.mark.parametrize("shape", [s for s in SHAPES if len(s) > 2])
@pytest.mark.parametrize("rows", [0, 1, 5, 32, 71])
def test_outputs_with_a_column_replaced_are_those_of_the_rows_written_out(shape, rows):
    generator, choices = np.random.default_rng(rows), np.array([-1.0, 0.0, 0.5])
    sizes = network_sizes(shape)
    theta = generator.standard_normal(parameter_count(sizes))
    x = generator.standard_normal((rows, shape[0]))
    for column in (0, shape[0] // 2, shape[0] - 1):
        for output in range(shape[-1]):
            got, expected = np.empty((rows, 3)), np.empty((rows, 3))
            outputs_at(theta, sizes, x, column, choices, output, got)
            for c, value in enumerate(choices):
                written, activations = x.copy(), np.empty((rows, activation_count(sizes)))
                written[:, column] = value
                forward(theta, sizes, written, activations)
                expected[:, c] = activations[:, activations.shape[1] - shape[-1] + output]
            assert got.tobytes() == expected.tobytes()
