import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.errors import DataError
from janus_trader.foundation.codec import decode, encode
from janus_trader.numerics.hmm import HMMFilter, HMMParameters, em_step, fit_hmm, log_likelihood
from janus_trader.numerics.hmm_decoding import smoothed_probabilities, viterbi


def random_parameters(g, k=3, d=2, full=False):
    covariances = g.uniform(0.2, 2.0, (k, d))
    if full:
        a = g.standard_normal((k, d, d + 2))
        covariances = a @ a.transpose(0, 2, 1) / d + 0.1 * np.eye(d)
    return HMMParameters(
        g.dirichlet(np.ones(k)), g.dirichlet(np.ones(k), size=k), g.standard_normal((k, d)), covariances
    )


def hmmlearn_model(p, **kwargs):
    kind = "full" if p.full else "diag"
    kwargs |= {"covars_prior": 0.0, "covars_weight": 0.0 if p.full else 1.0, "min_covar": 0.0}
    model = GaussianHMM(p.n_states, kind, init_params="", **kwargs)
    model.startprob_, model.transmat_ = p.initial, p.transition
    model.means_, model.covars_ = p.means, p.covariances
    return model


def sample(p, g, n):
    state, rows = g.choice(p.n_states, p=p.initial), []
    for _ in range(n):
        rows.append(p.means[state] + np.sqrt(p.covariances[state]) * g.standard_normal(p.n_features))
        state = g.choice(p.n_states, p=p.transition[state])
    return np.array(rows)


SEPARATED = HMMParameters(
    np.array([0.5, 0.3, 0.2]),
    np.array([[0.95, 0.04, 0.01], [0.03, 0.94, 0.03], [0.02, 0.08, 0.9]]),
    np.array([[-3.0, 0.0], [0.0, 1.0], [4.0, -1.0]]),
    np.array([[0.5, 1.0], [1.0, 0.3], [2.0, 0.8]]),
)


both_kinds = pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])


@both_kinds
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15)
def test_likelihood_filter_smoother_and_path_against_hmmlearn(full, seed):
    g = np.random.default_rng(seed)
    p, x = random_parameters(g, full=full), g.standard_normal((30, 2))
    model = hmmlearn_model(p)
    assert log_likelihood(p, x) == pytest.approx(model.score(x), rel=1e-10)
    posterior = HMMFilter(p).transform(x)
    for t in (0, 7, 29):  # filtered equals smoothed at the last row
        np.testing.assert_allclose(posterior[t], model.predict_proba(x[: t + 1])[-1], atol=1e-10)
    np.testing.assert_allclose(smoothed_probabilities(p, x), model.predict_proba(x), atol=1e-10)
    value, path = model.decode(x)
    ours, density = viterbi(p, x)
    np.testing.assert_array_equal(ours, path)
    assert density == pytest.approx(value, rel=1e-10)


@both_kinds
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15)
def test_one_step_of_em_against_hmmlearn(full, seed):
    g = np.random.default_rng(seed)
    p, x = random_parameters(g, full=full), g.standard_normal((60, 2))
    lengths = [25, 35] if seed % 2 else None
    got, value = em_step(p, x, lengths=lengths)
    model = hmmlearn_model(p, n_iter=1, tol=0.0, params="stmc").fit(x, lengths)
    np.testing.assert_allclose(got.initial, model.startprob_, atol=1e-9)
    np.testing.assert_allclose(got.transition, model.transmat_, atol=1e-9)
    np.testing.assert_allclose(got.means, model.means_, rtol=1e-8, atol=1e-10)
    covariances = model.covars_ if full else [np.diag(c) for c in model.covars_]
    np.testing.assert_allclose(got.covariances, covariances, rtol=1e-7, atol=1e-9)
    assert value == pytest.approx(log_likelihood(got, x, lengths), rel=1e-10)
    assert value >= log_likelihood(p, x, lengths) - 1e-9


def test_seven_states_fill_two_registers_and_agree_with_hmmlearn():
    g = np.random.default_rng(3)
    p, x = random_parameters(g, k=7, full=True), g.standard_normal((80, 2))
    model = hmmlearn_model(p)
    np.testing.assert_allclose(smoothed_probabilities(p, x), model.predict_proba(x), atol=1e-10)
    got, _ = em_step(p, x)
    model = hmmlearn_model(p, n_iter=1, tol=0.0, params="stmc").fit(x)
    np.testing.assert_allclose(got.covariances, model.covars_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(got.transition, model.transmat_, atol=1e-9)


def test_sequences_are_independent():
    g = np.random.default_rng(7)
    p, x = random_parameters(g), g.standard_normal((50, 2))
    parts = [x[:20], x[20:]]
    assert log_likelihood(p, x, [20, 30]) == pytest.approx(
        sum(log_likelihood(p, y) for y in parts), rel=1e-12
    )
    smoothed = np.concatenate([smoothed_probabilities(p, y) for y in parts])
    np.testing.assert_array_equal(smoothed_probabilities(p, x, [20, 30]), smoothed)
    np.testing.assert_array_equal(
        viterbi(p, x, [20, 30])[0], np.concatenate([viterbi(p, y)[0] for y in parts])
    )
    for bad in ([20, 20], [50, 0], []):
        with pytest.raises(DataError, match="lengths"):
            log_likelihood(p, x, bad)


def test_smoother_and_path_of_a_left_to_right_model_through_impossible_rows():
    p = HMMParameters(
        np.array([1.0, 0.0]), np.array([[0.9, 0.1], [0.0, 1.0]]), np.array([[0.0], [5.0]]), np.ones((2, 1))
    )
    x = np.array([[0.1], [-0.2], [900.0], [5.1], [-800.0], [0.0]])
    smoothed = smoothed_probabilities(p, x)
    path, value = viterbi(p, x)
    assert path.tolist() == [0, 0, 1, 1, 1, 1]
    assert np.isfinite(value)
    np.testing.assert_allclose(smoothed.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(smoothed[2:, 1], 1.0, atol=1e-12)
    got, _ = em_step(p, x, 1e-3)
    assert got.transition[1].tolist() == [0.0, 1.0]  # zeros stay


def test_a_row_beyond_the_range_of_doubles_leaves_the_prediction():
    f = HMMFilter(SEPARATED)
    before = f.update(np.array([0.0, 0.0])).copy()
    np.testing.assert_allclose(f.update(np.array([1e200, 0.0])), before @ SEPARATED.transition, atol=1e-15)
    assert f.log_density == -np.inf


def test_a_full_model_finds_correlations():
    g = np.random.default_rng(4)
    x = np.concatenate(
        [g.multivariate_normal([0, 0], [[1.0, c], [c, 1.0]], 400) for c in (0.9, -0.9, 0.9, -0.9)]
    )
    p, value = fit_hmm(x, 2, g, max_iter=200, tol=1e-7, full=True, n_starts=4)
    correlations = sorted(p.covariances[:, 0, 1] / np.sqrt(p.covariances[:, 0, 0] * p.covariances[:, 1, 1]))
    np.testing.assert_allclose(correlations, [-0.9, 0.9], atol=0.03)
    assert value > fit_hmm(x, 2, g, max_iter=50, n_starts=2)[1] + 100.0


@pytest.mark.parametrize("kind", ["constant", "duplicate", "few", "outliers"])
def test_degenerate_rows_leave_a_full_model_definite(kind):
    g = np.random.default_rng(0)
    x = g.standard_normal((80, 2))
    if kind == "few":
        x = x[:7]
    elif kind == "outliers":
        x[40] = x[41] = 30.0
    else:
        x[:, 1] = 2.5 if kind == "constant" else x[:, 0]
    p, value = fit_hmm(x, 3, g, max_iter=100, full=True)
    assert np.isfinite(value)
    assert (np.linalg.eigvalsh(p.covariances) > 0.0).all()
    assert np.isfinite(HMMFilter(p).transform(x)).all()
    assert np.isfinite(smoothed_probabilities(p, x)).all()


def test_em_on_fewer_rows_than_states_keeps_what_it_cannot_see():
    p = SEPARATED.permuted(np.array([0, 1, 2]))
    got, value = em_step(p, np.array([[-3.0, 0.0]]), 0.1)
    assert np.isfinite(value)
    np.testing.assert_array_equal(got.means[2], p.means[2])  # far away: no mass
    np.testing.assert_array_equal(got.transition, p.transition)  # never left


def test_em_never_lowers_the_likelihood():
    g = np.random.default_rng(5)
    x, p = sample(SEPARATED, g, 300), random_parameters(g)
    values = [log_likelihood(p, x)]
    for _ in range(25):
        p, value = em_step(p, x)
        values.append(value)
    assert (np.diff(values) >= -1e-8).all()


def test_fit_recovers_the_model_and_orders_its_states():
    g = np.random.default_rng(2)
    x = sample(SEPARATED, g, 3000)
    p, value = fit_hmm(x, 3, g, n_starts=3)
    np.testing.assert_allclose(p.means, SEPARATED.means, atol=0.3)
    np.testing.assert_allclose(p.covariances, SEPARATED.covariances, rtol=0.25)
    np.testing.assert_allclose(p.transition, SEPARATED.transition, atol=0.04)
    assert value == pytest.approx(log_likelihood(p, x), rel=1e-12)
    assert value > log_likelihood(SEPARATED, x)
    assert (np.diff(p.means[:, 0]) > 0).all()


def test_fit_is_as_good_as_hmmlearn():
    g = np.random.default_rng(8)
    x = sample(SEPARATED, g, 400)
    ours = fit_hmm(x, 3, g, max_iter=100, tol=1e-7, n_starts=4)[1]
    peers = [GaussianHMM(3, "diag", n_iter=40, random_state=s).fit(x).score(x) for s in range(2)]
    assert ours >= max(peers) - 0.5


def test_same_generator_same_bytes_and_more_starts_never_hurt():
    x = sample(SEPARATED, np.random.default_rng(1), 400)
    first, second = (fit_hmm(x, 4, np.random.default_rng(3)) for _ in range(2))
    assert encode(first[0]) == encode(second[0])
    assert first[1] == second[1]
    assert fit_hmm(x, 4, np.random.default_rng(3), n_starts=5)[1] >= first[1]


def test_units_of_the_features_do_not_matter():
    x = sample(SEPARATED, np.random.default_rng(1), 400)
    scale, shift = np.array([1e-4, 50.0]), np.array([0.2, -9.0])
    p, value = fit_hmm(x, 3, np.random.default_rng(6))
    q, other = fit_hmm(x * scale + shift, 3, np.random.default_rng(6))
    np.testing.assert_allclose(q.means, p.means * scale + shift, rtol=1e-6)
    np.testing.assert_allclose(q.transition, p.transition, atol=1e-6)
    assert other == pytest.approx(value - len(x) * np.log(scale).sum(), abs=1e-3)


def test_a_state_cannot_collapse_onto_a_few_rows():
    g = np.random.default_rng(0)
    x = g.standard_normal((200, 2))
    x[50] = x[51] = 40.0
    p, value = fit_hmm(x, 4, g, max_iter=200, min_variance=0.01)
    assert (p.covariances >= 0.01 * x.var(axis=0) * (1 - 1e-12)).all()
    assert np.isfinite(value)


@pytest.mark.parametrize(
    "x", [np.ones((50, 2)), np.tile([[0.0, 1.0], [2.0, 1.0]], (30, 1)), 1e8 + np.zeros((40, 1))]
)
def test_constant_features_do_no_harm(x):
    p, value = fit_hmm(x, 3, np.random.default_rng(0))
    assert np.isfinite(value)
    assert np.isfinite(HMMFilter(p).transform(x)).all()


def test_permuting_the_states_changes_nothing_but_their_names():
    g = np.random.default_rng(4)
    p, x = random_parameters(g), g.standard_normal((40, 2))
    order = np.array([2, 0, 1])
    q = p.permuted(order)
    assert log_likelihood(q, x) == pytest.approx(log_likelihood(p, x), rel=1e-12)
    np.testing.assert_allclose(HMMFilter(q).transform(x), HMMFilter(p).transform(x)[:, order], atol=1e-12)
    one, two = em_step(p, x)[0].permuted(order), em_step(q, x)[0]
    np.testing.assert_allclose(one.transition, two.transition, atol=1e-12)


def test_filter_survives_impossible_rows_and_ignores_missing_ones():
    f = HMMFilter(SEPARATED)
    np.testing.assert_array_equal(f.posterior, SEPARATED.initial)
    assert np.isnan(f.update(np.array([np.nan, 0.0]))).all()
    assert not f.ready
    far = f.update(np.array([1e6, -1e6])).copy()
    assert far.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(f.update(np.array([0.0, np.nan])), far)
    np.testing.assert_array_equal(f.posterior, far)


def test_filter_log_densities_add_up_to_the_likelihood():
    x = sample(SEPARATED, np.random.default_rng(1), 50)
    f, total = HMMFilter(SEPARATED), 0.0
    for row in x:
        f.update(row)
        total += f.log_density
    assert total == pytest.approx(log_likelihood(SEPARATED, x), rel=1e-12)


def test_filter_follows_a_left_to_right_model():
    p = HMMParameters(
        np.array([1.0, 0.0]), np.array([[0.9, 0.1], [0.0, 1.0]]), np.array([[0.0], [5.0]]), np.ones((2, 1))
    )
    f = HMMFilter(p)
    assert f.update(np.array([5.0])).tolist() == [1.0, 0.0]
    for _ in range(3):
        there = f.update(np.array([5.0]))[1]
    assert there > 0.99
    assert f.update(np.array([0.0]))[1] > 0.99  # there is no way back


def test_filter_continues_from_a_snapshot():
    x = sample(SEPARATED, np.random.default_rng(1), 40)
    first, second = HMMFilter(SEPARATED), HMMFilter(SEPARATED)
    for row in x[:20]:
        first.update(row)
    second.restore(first.snapshot())
    for row in x[20:]:
        np.testing.assert_array_equal(first.update(row), second.update(row))


def test_parameters_travel_through_the_codec():
    back = decode(encode(SEPARATED), HMMParameters)
    np.testing.assert_array_equal(back.transition, SEPARATED.transition)


def test_bad_parameters_are_refused():
    good = (np.array([1.0]), np.eye(1), np.zeros((1, 2)), np.ones((1, 2)))
    for i, bad, message in (
        (0, np.array([0.5, 0.5]), "shape"),
        (1, np.array([[0.9]]), "distribution"),
        (2, np.zeros((1, 3)), "shape"),
        (3, np.zeros((1, 2)), "degenerate"),
        (3, np.ones((1, 2, 2)), "degenerate"),
        (3, np.array([[[1.0, 0.5], [-0.5, 1.0]]]), "degenerate"),
        (3, np.full((1, 2), np.nan), "degenerate"),
    ):
        with pytest.raises(DataError, match=message):
            HMMParameters(*(bad if i == j else a for j, a in enumerate(good)))


def test_bad_rows_and_settings_are_refused(rng):
    x = rng.standard_normal((30, 2))
    with pytest.raises(DataError, match="finite"):
        fit_hmm(np.where(x > 2.0, np.nan, x + np.nan), 2, rng)
    with pytest.raises(DataError, match="rows"):
        fit_hmm(x[:4], 2, rng)
    for settings_ in (
        {"max_iter": 0},
        {"tol": -1.0},
        {"min_variance": 2.0},
        {"persistence": 1.0},
        {"n_starts": 0},
    ):
        with pytest.raises(DataError, match="out of range"):
            fit_hmm(x, 2, rng, **settings_)
    for call in (log_likelihood, em_step, smoothed_probabilities, viterbi):
        with pytest.raises(DataError, match="finite"):
            call(SEPARATED, np.array([[0.0, np.nan]]))
        with pytest.raises(DataError, match="fit"):
            call(SEPARATED, np.zeros((5, 3)))


def test_a_fitted_model_lets_a_filter_leave_every_state():
    """One long excursion at the end of the data: nothing was seen to leave the last state."""
    g = np.random.default_rng(8)
    x = np.concatenate([g.normal(0.0, 1.0, (300, 1)), g.normal(9.0, 1.0, (60, 1))])
    p, value = fit_hmm(x, 2, g, max_iter=100)
    assert 0.0 < p.transition.min() < 1e-6
    assert p.initial.min() > 0.0
    assert value == pytest.approx(log_likelihood(p, x), rel=1e-9)
    watch = HMMFilter(p)
    watch.transform(x)
    for row in np.concatenate([x, g.normal(0.0, 1.0, (50, 1))]):
        posterior = watch.update(row).copy()
    assert posterior[0] > 0.99
