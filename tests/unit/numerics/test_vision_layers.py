"""Compiled layers against torch in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from janus_trader.numerics.vision_layers import (
    add_product,
    attention_into,
    attention_work,
    block_work,
    fast_exp,
    fast_tanh,
    gelu_in_place,
    layer_norm_into,
    lstm_step,
    matmul_into,
    sigmoid,
    transformer_block,
)


def draw(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def double(x):
    return torch.from_numpy(np.asarray(x, np.float64))


def test_exponential_and_tangent_are_those_of_numpy():
    x = np.linspace(-87, 20, 5001).astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    assert max(abs(fast_exp(v) - e) / e for v, e in zip(x, exact, strict=True)) < 2.5e-7
    assert fast_exp(np.float32(-1e4)) < 1e-37
    x = np.linspace(-12, 12, 5001).astype(np.float32)
    np.testing.assert_allclose([fast_tanh(v) for v in x], np.tanh(x.astype(np.float64)), atol=4e-7)
    np.testing.assert_allclose([sigmoid(v) for v in x], 1 / (1 + np.exp(-x.astype(np.float64))), atol=4e-7)


@given(st.integers(1, 13), st.integers(1, 13), st.integers(1, 13), st.integers(0, 2**31))
def test_product_of_any_shape(m, k, n, seed):
    rng = np.random.default_rng(seed)
    a, w, bias, out = draw(rng, m, k), draw(rng, k, n), draw(rng, n), np.full((m, n), np.nan, np.float32)
    matmul_into(a, m, w, bias, out)
    exact = a.astype(np.float64) @ w + bias
    np.testing.assert_allclose(out, exact, atol=2e-5)
    row = bias.copy()
    add_product(a[0], w, row)
    np.testing.assert_allclose(row, exact[0], atol=2e-5)


@pytest.mark.parametrize("d", [5, 16, 31])
def test_norm_and_gelu(d):
    rng = np.random.default_rng(d)
    x, gain, bias, out = draw(rng, 7, d), draw(rng, d), draw(rng, d), np.empty((7, d), np.float32)
    layer_norm_into(x, 7, gain, bias, out)
    exact = functional.layer_norm(double(x), (d,), double(gain), double(bias))
    np.testing.assert_allclose(out, exact.numpy(), atol=1e-5)
    exact = functional.gelu(double(x), approximate="tanh").numpy()
    gelu_in_place(x, 7)
    np.testing.assert_allclose(x, exact, atol=1e-6)


@pytest.mark.parametrize(("n", "heads", "size"), [(1, 1, 4), (9, 2, 8), (17, 4, 5)])
def test_attention_of_all_and_of_the_first_query(n, heads, size):
    rng = np.random.default_rng(n)
    d = heads * size
    q, kv = 3 * draw(rng, n, d), draw(rng, n, 2 * d)

    def split(x):
        return double(x).reshape(n, heads, size).transpose(0, 1)

    exact = functional.scaled_dot_product_attention(split(q), split(kv[:, :d]), split(kv[:, d:]))
    exact = exact.transpose(0, 1).reshape(n, d).numpy()
    for rows in (1, n):
        out = np.empty((n, d), np.float32)
        attention_into(q, kv, rows, heads, attention_work(n, size), out)
        np.testing.assert_allclose(out[:rows], exact[:rows], atol=5e-6)


def test_block_is_the_pre_norm_block_of_torch():
    rng = np.random.default_rng(0)
    n, d, heads, hidden = 11, 12, 3, 20
    x, norms = draw(rng, n, d), draw(rng, 4, d)
    shapes = [(d, d), (d,), (d, 2 * d), (2 * d,), (d, d), (d,), (d, hidden), (hidden,), (hidden, d), (d,)]
    weights = [0.3 * draw(rng, *s) for s in shapes]
    wq, bq, wkv, bkv, wo, bo, w1, b1, w2, b2 = map(double, weights)
    t, g = double(x), double(norms)

    def split(y):
        return y.reshape(n, heads, -1).transpose(0, 1)

    z = functional.layer_norm(t, (d,), g[0], g[1])
    k, v = (z @ wkv + bkv).chunk(2, -1)
    mixed = functional.scaled_dot_product_attention(split(z @ wq + bq), split(k), split(v))
    y = t + mixed.transpose(0, 1).reshape(n, d) @ wo + bo
    z = functional.layer_norm(y, (d,), g[2], g[3])
    exact = (y + functional.gelu(z @ w1 + b1, approximate="tanh") @ w2 + b2).numpy()
    for rows in (n, 1):
        own = x.copy()
        transformer_block(own, rows, norms, *weights, heads, block_work(n, d, heads, hidden))
        np.testing.assert_allclose(own[:rows], exact[:rows], atol=3e-5)
        np.testing.assert_array_equal(own[rows:], x[rows:])


def test_lstm_is_that_of_torch():
    rng = np.random.default_rng(1)
    d, steps = 6, 9
    reference = torch.nn.LSTM(d, d).double()
    x = double(draw(rng, steps, d))
    states, (_, cell) = reference(x)
    w = reference.weight_hh_l0.detach().numpy().T.astype(np.float32).copy()
    projected = (x @ reference.weight_ih_l0.T + reference.bias_ih_l0 + reference.bias_hh_l0).detach().numpy()
    h, c, gates = np.zeros(d, np.float32), np.zeros(d, np.float32), np.empty(4 * d, np.float32)
    for t in range(steps):
        lstm_step(projected[t].astype(np.float32), h, c, w, gates)
        np.testing.assert_allclose(h, states[t].detach().numpy(), atol=2e-6)
    np.testing.assert_allclose(c, cell[0].detach().numpy(), atol=2e-6)
