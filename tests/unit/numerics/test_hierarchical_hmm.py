import numpy as np
import pytest

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.hierarchical_fit import (
    fit_hierarchical,
    hierarchical_em,
    macro_character,
    order_macros,
)
from janus_trader.numerics.hierarchical_hmm import MACRO_STATES, HierarchicalHMM, policy_head
from janus_trader.numerics.hmm import HMMFilter, em_step, log_likelihood
from janus_trader.numerics.hmm_decoding import smoothed_probabilities

G = np.array([[0.985, 0.01, 0.005], [0.01, 0.985, 0.005], [0.01, 0.01, 0.98]])
MARKET = HierarchicalHMM(
    np.array([0.5, 0.3, 0.2]),
    G,
    np.array([[0.5, 0.5], [0.6, 0.4], [0.3, 0.7]]),
    np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.95, 0.05], [0.05, 0.95]], [[0.6, 0.4], [0.4, 0.6]]]),
    np.array([[[-0.2], [0.2]], [[-1.2], [1.2]], [[-3.0], [2.0]]]),
    np.array([[[0.3], [0.3]], [[0.4], [0.4]], [[9.0], [9.0]]]),
)


def simulate(h, g, n):
    """Rows with their macro states, drawn level by level (not from the flattened chain)."""
    macro = g.choice(h.n_macro, p=h.macro_initial)
    micro = g.choice(h.n_micro, p=h.entry[macro])
    rows, macros = np.empty((n, 1)), np.empty(n, int)
    for t in range(n):
        if t:
            new = g.choice(h.n_macro, p=h.macro_transition[macro])
            law = h.micro_transition[macro, micro] if new == macro else h.entry[new]
            macro, micro = new, g.choice(h.n_micro, p=law)
        macros[t] = macro
        rows[t] = h.means[macro, micro] + np.sqrt(h.covariances[macro, micro]) * g.standard_normal(1)
    return rows, macros


def enumerated(h, x):
    """Joint densities of all (macro, micro) paths, by brute force over the two levels."""
    m, j, n = h.n_macro, h.n_micro, len(x)
    dens = np.exp(-0.5 * (x[:, None, None, 0] - h.means[..., 0]) ** 2 / h.covariances[..., 0])
    dens /= np.sqrt(2 * np.pi * h.covariances[..., 0])
    smoothed = np.zeros((n, m, j))
    for path in np.ndindex(*[m, j] * n):
        macro, micro = path[::2], path[1::2]
        p = h.macro_initial[macro[0]] * h.entry[macro[0], micro[0]] * dens[0, macro[0], micro[0]]
        for t in range(1, n):
            a, b = macro[t - 1], macro[t]
            law = h.micro_transition[a, micro[t - 1]] if a == b else h.entry[b]
            p *= h.macro_transition[a, b] * law[micro[t]] * dens[t, b, micro[t]]
        for t in range(n):
            smoothed[t, macro[t], micro[t]] += p
    total = smoothed[0].sum()
    return smoothed / total, np.log(total)


def test_filter_smoother_and_likelihood_against_all_paths_of_the_two_levels():
    x = np.array([[0.1], [-2.5], [1.3], [1.0]])
    flat = MARKET.flatten()
    wanted, value = enumerated(MARKET, x)
    assert log_likelihood(flat, x) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(smoothed_probabilities(flat, x), wanted.reshape(4, 6), atol=1e-12)
    filtered = HMMFilter(flat).transform(x)
    for t in range(1, 4):
        np.testing.assert_allclose(filtered[t], enumerated(MARKET, x[: t + 1])[0][-1].ravel(), atol=1e-12)
    macro, micro = MARKET.split(filtered)
    np.testing.assert_allclose(macro[..., None] * micro, filtered.reshape(4, 3, 2), atol=1e-15)
    np.testing.assert_allclose(micro.sum(axis=-1), 1.0, atol=1e-12)


def test_split_of_an_excluded_macro_state():
    macro, micro = MARKET.split(np.array([0.0, 0.0, 0.5, 0.5, 0.0, 0.0]))
    assert macro.tolist() == [0.0, 1.0, 0.0]
    assert (micro == 0.5).all()


def test_tied_em_never_lowers_the_likelihood_and_keeps_the_structure():
    x, _ = simulate(MARKET, np.random.default_rng(1), 400)
    g = np.random.default_rng(2)
    model = HierarchicalHMM(
        np.full(3, 1 / 3),
        g.dirichlet(np.ones(3), 3),
        g.dirichlet(np.ones(2), 3),
        g.dirichlet(np.ones(2), (3, 2)),
        g.standard_normal((3, 2, 1)),
        g.uniform(0.5, 4.0, (3, 2, 1)),
    )
    values = [log_likelihood(model.flatten(), x)]
    for _ in range(15):
        model, value = hierarchical_em(model, x)
        assert value == pytest.approx(log_likelihood(model.flatten(), x), rel=1e-10)
        values.append(value)
    assert (np.diff(values) >= -1e-9).all()


def test_one_micro_state_is_the_plain_hmm():
    h = HierarchicalHMM(
        MARKET.macro_initial,
        G,
        np.ones((3, 1)),
        np.ones((3, 1, 1)),
        MARKET.means[:, :1],
        MARKET.covariances[:, :1],
    )
    x, _ = simulate(MARKET, np.random.default_rng(3), 300)
    one, value = hierarchical_em(h, x)
    plain, same = em_step(h.flatten(), x)
    assert value == pytest.approx(same, rel=1e-12)
    np.testing.assert_allclose(one.flatten().transition, plain.transition, atol=1e-12)
    np.testing.assert_allclose(one.flatten().covariances, plain.covariances, atol=1e-12)


def test_fit_finds_known_macro_states_and_names_them():
    x, macros = simulate(MARKET, np.random.default_rng(4), 6000)
    model, value = fit_hierarchical(x, np.random.default_rng(5), max_iter=150)
    assert value > log_likelihood(MARKET.flatten(), x) - 1.0
    smoothed = model.split(smoothed_probabilities(model.flatten(), x))[0].argmax(axis=1)
    best = MARKET.split(smoothed_probabilities(MARKET.flatten(), x))[0].argmax(axis=1)
    assert np.mean(smoothed == macros) > np.mean(best == macros) - 0.02
    assert np.mean(best == macros) > 0.85
    volatility, autocorrelation = macro_character(model, x)
    assert volatility.argmax() == MACRO_STATES.index("chaos")
    assert autocorrelation[1] > 0.4 > abs(autocorrelation[0])
    np.testing.assert_allclose(model.macro_transition, G, atol=0.01)
    assert (np.diff(model.means[..., 0], axis=1) > 0).all()


def test_names_do_not_depend_on_the_order_of_the_states():
    x, _ = simulate(MARKET, np.random.default_rng(6), 1500)
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        again = order_macros(MARKET.permuted(np.array(order)), x)
        np.testing.assert_array_equal(again.means, MARKET.means)
        np.testing.assert_array_equal(again.macro_transition, G)


def test_full_covariances_and_degenerate_series():
    g = np.random.default_rng(7)
    x, _ = simulate(MARKET, g, 300)
    pair = np.hstack([x, x])
    model, value = fit_hierarchical(pair, g, max_iter=20, full=True, n_starts=1)
    assert np.isfinite(value)
    assert (np.linalg.eigvalsh(model.covariances) > 0.0).all()
    flat, value = fit_hierarchical(np.ones((60, 1)), g, max_iter=5, n_starts=1)
    assert np.isfinite(value)
    assert np.isfinite(flat.means).all()


def test_policy_heads_mix_by_the_macro_state():
    g = np.random.default_rng(8)
    w, x = g.standard_normal((3, 4, 1 + 2 + 2)), g.standard_normal(2)
    macro, micro = g.dirichlet(np.ones(3)), g.dirichlet(np.ones(2), 3)
    wanted = np.zeros(4)
    for m in range(3):
        e = np.exp(w[m] @ np.concatenate([[1.0], x, micro[m]]))
        wanted += macro[m] * e / e.sum()
    got = policy_head(w, x, macro, micro)
    np.testing.assert_allclose(got, wanted, atol=1e-14)
    assert policy_head(1e4 * w, x, macro, micro).sum() == pytest.approx(1.0)
    for bad in ((w[:2], x, macro, micro), (w, x[:1], macro, micro), (w, x, macro[:2], micro)):
        with pytest.raises(DataError, match="fit"):
            policy_head(*bad)
    with pytest.raises(DataError, match="finite"):
        policy_head(w, np.array([np.nan, 0.0]), macro, micro)


def test_bad_parameters_and_rows_are_refused(rng):
    fields = [getattr(MARKET, name) for name in MARKET.__struct_fields__]
    for i, bad, message in (
        (0, np.array([0.5, 0.5]), "shape"),
        (1, np.eye(2), "shape"),
        (2, np.full((3, 2), 0.4), "distribution"),
        (3, np.zeros((3, 2, 2)), "distribution"),
        (5, np.zeros((3, 2, 1)), "degenerate"),
    ):
        with pytest.raises(DataError, match=message):
            HierarchicalHMM(*(bad if i == j else a for j, a in enumerate(fields)))
    x = rng.standard_normal((100, 1))
    for settings in ({"n_micro": 0}, {"window": 2}, {"n_starts": 0}, {"max_iter": 0}):
        with pytest.raises(DataError, match="out of range"):
            fit_hierarchical(x, rng, **settings)
    for rows in (x[:12], np.where(x > 0, np.nan, x)):
        with pytest.raises(DataError, match="finite"):
            fit_hierarchical(rows, rng)
    with pytest.raises(DataError, match="fit"):
        hierarchical_em(MARKET, np.zeros((5, 2)))
