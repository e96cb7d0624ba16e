import numpy as np
import pytest
import torch

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.learning.attention import CrossAttention, GateNetwork, gate_weights
from janus_trader.numerics.cross_attention import cross_attention, gate_logits

D, HEADS = 12, 3


def random_layer(seed, causal=False, dtype=torch.float64):
    torch.manual_seed(seed)
    layer = CrossAttention(D, HEADS, causal, dtype)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(torch.randn_like(p) * 0.4)
    return layer


def oracle(layer):
    """torch.nn.MultiheadAttention with the same weights."""
    mha = torch.nn.MultiheadAttention(D, HEADS, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        mha.in_proj_weight.copy_(layer.in_w)
        mha.in_proj_bias.copy_(layer.in_b)
        mha.out_proj.weight.copy_(layer.out.weight)
        mha.out_proj.bias.copy_(layer.out.bias)
    return mha


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n_q", [1, 4, 6])
def test_agrees_with_torch_multihead_attention(causal, n_q):
    layer = random_layer(1, causal)
    q, k = torch.randn(5, n_q, D, dtype=torch.float64), torch.randn(5, 6, D, dtype=torch.float64)
    present = torch.rand(5, 6) > 0.4
    present[:, 0] = True
    blocked = ~torch.tril(torch.ones(n_q, 6, dtype=torch.bool), diagonal=6 - n_q) if causal else None
    source = layer.key_norm(k)
    wanted, _ = oracle(layer)(
        layer.query_norm(q), source, source, key_padding_mask=~present, attn_mask=blocked, need_weights=False
    )
    torch.testing.assert_close(layer(q, k, present), q + wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_compiled_step_equals_torch_to_rounding(causal, rng):
    layer = random_layer(2, causal)
    for _ in range(20):
        q, k, present = rng.standard_normal((4, D)), rng.standard_normal((6, D)), rng.random(6) > 0.5
        wanted = layer(torch.from_numpy(q)[None], torch.from_numpy(k)[None], torch.from_numpy(present)[None])
        got = cross_attention(q, k, present, layer.weights(), HEADS, causal)
        np.testing.assert_allclose(got, wanted[0].detach().numpy(), rtol=0, atol=1e-12)


def test_what_is_masked_changes_nothing(rng):
    layer = random_layer(3)
    q, k, present = (
        rng.standard_normal((2, D)),
        rng.standard_normal((4, D)),
        np.array([True, False, True, False]),
    )
    other = k.copy()
    other[~present] = 1e6
    a, b = (cross_attention(q, x, present, layer.weights(), HEADS) for x in (k, other))
    np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(
        a, cross_attention(q, k[present], np.ones(2, bool), layer.weights(), HEADS), atol=1e-14
    )


def test_the_future_changes_nothing_where_causal(rng):
    layer = random_layer(4, causal=True)
    q, k = rng.standard_normal((5, D)), rng.standard_normal((5, D))
    other = k.copy()
    other[3:] += 7.0
    a, b = (cross_attention(q, x, np.ones(5, bool), layer.weights(), HEADS, True) for x in (k, other))
    np.testing.assert_array_equal(a[:3], b[:3])
    assert not np.array_equal(a[3:], b[3:])


def test_nothing_to_see_leaves_the_query_and_its_gradient_finite():
    layer = random_layer(5)
    q = torch.randn(2, 3, D, dtype=torch.float64)
    k = torch.randn(2, 4, D, dtype=torch.float64, requires_grad=True)
    present = torch.tensor([[False] * 4, [True] * 4])
    out = layer(q, k, present)
    assert torch.equal(out[0], q[0])
    out.sum().backward()
    assert torch.isfinite(k.grad).all()
    assert (k.grad[0] == 0).all()


def test_gradient_is_that_of_finite_differences():
    layer = random_layer(6)
    q = torch.randn(1, 2, D, dtype=torch.float64, requires_grad=True)
    k = torch.randn(1, 3, D, dtype=torch.float64, requires_grad=True)
    present = torch.tensor([[True, False, True]])
    assert torch.autograd.gradcheck(lambda a, b: layer(a, b, present), (q, k), eps=1e-6, atol=1e-6)


def test_gate_network_compiled_equals_torch(rng):
    torch.manual_seed(7)
    net = GateNetwork(5, 3, 4, 6, width=8, heads=2)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn_like(p) * 0.5)
    for _ in range(10):
        tokens, present, state = rng.standard_normal((5, 3)), rng.random(5) > 0.4, rng.standard_normal(6)
        wanted = net(
            torch.from_numpy(tokens)[None], torch.from_numpy(present)[None], torch.from_numpy(state)[None]
        )
        got = gate_logits(tokens, present, state, gate_weights(net.tree()), 2, 1.5)
        np.testing.assert_allclose(got, wanted[0].detach().numpy(), rtol=0, atol=1e-12)
        assert np.abs(got).max() <= 1.5


def test_a_token_that_is_no_number_counts_as_missing(rng):
    torch.manual_seed(8)
    net = GateNetwork(3, 2, 2, 1, width=4, heads=1)
    with torch.no_grad():
        net.gate_w.copy_(torch.randn(9))
    weights, tokens = gate_weights(net.tree()), rng.standard_normal((3, 2))
    hurt = tokens.copy()
    hurt[1, 0] = np.nan
    got = gate_logits(hurt, np.ones(3, bool), np.ones(1), weights, 1, 1.5)
    np.testing.assert_array_equal(
        got, gate_logits(tokens, np.array([True, False, True]), np.ones(1), weights, 1, 1.5)
    )


def test_bad_shapes_are_refused():
    with pytest.raises(ConfigError):
        CrossAttention(8, 3)
    weights = random_layer(9).weights()
    for bad in (
        (np.ones((1, D)), np.ones((2, D + 1)), np.ones(2)),
        (np.ones((1, D)), np.ones((2, D)), np.ones(3)),
    ):
        with pytest.raises(DataError):
            cross_attention(*bad, weights, HEADS)
