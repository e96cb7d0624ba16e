import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from janus_trader.contracts.errors import DataError, IntegrityError, NotReady
from janus_trader.learning.manifold import (
    AlignedConfig,
    DistilledConfig,
    DistilledMap,
    Relations,
    UMAPConfig,
    aligned_onto,
    alignment_error,
    distribution_shift,
    fit_aligned_umap,
    fit_umap,
    fuzzy_graph,
    procrustes,
    representational_drift,
)


def clusters(n, d=10, k=6, seed=0):
    rng = np.random.default_rng(seed)
    centres, label = rng.normal(0, 3, (k, d)), rng.integers(0, k, n)
    return centres[label] + rng.normal(0, 1, (n, d)), label


@pytest.fixture(scope="module")
def nights():
    x, _ = clusters(700)
    keys = [np.arange(s, s + 300) for s in range(0, 401, 100)]
    return [x[k] for k in keys], Relations.of_keys(keys)


def test_a_map_keeps_neighbours_and_separates_clusters():
    x, label = clusters(600)
    y = fit_umap(x)
    assert y.dtype == np.float32
    assert trustworthiness(x, y, n_neighbors=15) > 0.95
    near = np.linalg.norm(y[:, None] - y[None], axis=2).argsort(axis=1)[:, 1:11]
    assert np.mean(label[near] == label[:, None]) > 0.97


def test_the_same_seed_gives_the_same_bytes():
    x, _ = clusters(200)
    assert fit_umap(x).tobytes() == fit_umap(x).tobytes()
    assert fit_umap(x, UMAPConfig(seed=1)).tobytes() != fit_umap(x).tobytes()


@pytest.mark.parametrize(
    "x",
    [np.zeros((30, 4)), np.ones((30, 1)) * np.arange(30.0)[:, None], np.zeros((3, 2)), np.eye(4)],
    ids=["constant", "a line", "three equal", "four apart"],
)
def test_degenerate_vectors_still_give_a_finite_map(x):
    y = fit_umap(x)
    assert np.isfinite(y).all()
    assert y.shape == (len(x), 2)


@pytest.mark.parametrize("x", [np.zeros((2, 3)), np.full((9, 3), np.nan), np.zeros(9)])
def test_what_cannot_be_mapped_is_refused(x):
    with pytest.raises(DataError):
        fit_umap(x)


@pytest.mark.slow
def test_against_umap_learn():
    """Graph to 1e-3 of umap-learn's; trustworthiness within 0.002 of it on 5,000 points of 64 numbers."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        r = np.random.default_rng(0)
        centres, z = r.normal(0, 3, (12, 64)), r.integers(0, 12, 5000)
        x = centres[z] + r.normal(0, 1, (5000, 64)) @ np.diag(np.linspace(1, 0.2, 64))
        reference = umap.UMAP(random_state=0, n_jobs=1).fit(x)
        few = x[:300].astype(np.float32)
        theirs, _, _ = umap.umap_.fuzzy_simplicial_set(few, 15, np.random.RandomState(0), "euclidean")
    ours = fuzzy_graph(few, 15)
    assert np.abs(ours.dense() - theirs.toarray()).max() < 1e-3
    t = trustworthiness(x, fit_umap(x), n_neighbors=15)
    assert t >= trustworthiness(x, reference.embedding_, n_neighbors=15) - 0.002


# --- aligned over nights ------------------------------------------------------------------------------


def test_aligned_maps_lie_closer_than_separate_ones_and_keep_neighbours(nights):
    slices, relations = nights
    tied = fit_aligned_umap(slices, relations)
    free = [fit_umap(x, UMAPConfig(seed=t)) for t, x in enumerate(slices)]
    turned = [np.asarray(free[0], float)]
    for t in range(1, len(free)):
        turned.append(aligned_onto(turned[-1], free[t], relations.pairs(t - 1, t)))
    error = alignment_error(tied, relations)
    assert error < 0.5 * alignment_error(turned, relations)
    assert error < 0.5 * alignment_error(free, relations)
    kept, possible = (
        np.mean([trustworthiness(x, y, n_neighbors=15) for x, y in zip(slices, maps, strict=True)])
        for maps in (tied, free)
    )
    assert kept > possible - 0.01


def test_more_regularisation_ties_closer(nights):
    slices, relations = nights
    errors = [
        alignment_error(fit_aligned_umap(slices, relations, AlignedConfig(regularisation=r)), relations)
        for r in (0.0, 1e-2, 1e-1)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_relations_compose_over_nights():
    relations = Relations.of_keys([np.array([1, 2, 3]), np.array([2, 3, 4]), np.array([9, 3])])
    assert relations.pairs(0, 1).tolist() == [[1, 0], [2, 1]]
    assert relations.pairs(0, 2).tolist() == [[2, 1]]
    assert relations.pairs(2, 0).tolist() == [[1, 2]]
    assert relations.pairs(1, 1).size == 0


def test_slices_without_relations_or_of_another_length_of_vector_are_mapped():
    x, _ = clusters(60)
    keys = [np.arange(60), np.arange(60, 120)]
    maps = fit_aligned_umap([x, x[:, :3]], Relations.of_keys(keys), AlignedConfig(umap=UMAPConfig(epochs=20)))
    assert all(np.isfinite(y).all() for y in maps)
    assert alignment_error(maps, Relations.of_keys(keys)) == 0.0
    with pytest.raises(DataError):
        fit_aligned_umap([x], Relations.of_keys(keys))


@pytest.mark.slow
def test_aligned_against_umap_learn(nights):
    """As close together as umap-learn's AlignedUMAP ties them, at no loss of trustworthiness."""
    import warnings

    slices, relations = nights
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        pairs = [{int(a): int(b) for a, b in relations.pairs(t, t + 1)} for t in range(len(slices) - 1)]
        reference = umap.AlignedUMAP(random_state=0, n_epochs=200).fit(slices, relations=pairs)
    theirs = list(reference.embeddings_)
    ours = fit_aligned_umap(slices, relations)
    assert alignment_error(ours, relations) < 1.5 * alignment_error(theirs, relations)
    kept, reached = (
        np.mean([trustworthiness(x, y, n_neighbors=15) for x, y in zip(slices, maps, strict=True)])
        for maps in (ours, theirs)
    )
    assert kept > reached - 0.01


# --- drift --------------------------------------------------------------------------------------------


def test_procrustes_undoes_turns_shifts_and_reflections():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((30, 3))
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    assert np.allclose(procrustes(x, x @ turn + 7.0), x)
    assert np.allclose(procrustes(x, 3.0 * x @ turn, scaling=True), x)
    from scipy.spatial import procrustes as reference

    y = rng.standard_normal((30, 3))
    _, _, disparity = reference(x, y)
    unit = (x - x.mean(axis=0)) / np.linalg.norm(x - x.mean(axis=0))
    assert ((unit - procrustes(unit, y, scaling=True)) ** 2).sum() == pytest.approx(disparity)


def test_drift_grows_with_noise_from_nothing_to_chance():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((150, 4))
    turn, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    drifts = [
        representational_drift(x, (x + s * rng.standard_normal(x.shape)) @ turn, rng)
        for s in (0.0, 0.2, 1.0, 100.0)
    ]
    relative = [d.relative for d in drifts]
    assert relative[0] < 1e-9
    assert relative == sorted(relative)
    assert relative[-1] == pytest.approx(1.0, abs=0.1)
    assert drifts[1].p_kept < 0.01
    assert all(d.lower <= d.displacement <= d.upper for d in drifts)
    assert drifts[1].displacement == pytest.approx(0.2, abs=0.05)


def test_shift_of_a_series_is_found_and_autocorrelation_is_no_shift():
    rng = np.random.default_rng(6)
    p = [
        distribution_shift(*np.split(rng.standard_normal((120, 3)), 2), rng, block=10).p_value
        for _ in range(40)
    ]
    assert 0.3 < np.mean(p) < 0.7
    x = rng.standard_normal((120, 3))
    assert distribution_shift(x[:60], x[60:] + 1.0, rng, block=5).p_value < 0.02
    assert distribution_shift(np.ones((5, 2)), np.ones((4, 2)), rng).p_value == 1.0


def test_drift_of_nothing_is_refused():
    rng = np.random.default_rng(0)
    for a, b in ((np.ones((5, 2)), np.ones((5, 2))), (np.eye(2), np.eye(2)), (np.eye(3), np.eye(4))):
        with pytest.raises(DataError):
            representational_drift(a, b, rng)


# --- distilled ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def distilled():
    x, label = clusters(1500)
    layout = fit_umap(x[:1000])
    net = DistilledMap()
    net.fit(x[:1000], layout, np.random.default_rng(7))
    return net, x, label, layout


def test_new_points_are_placed_among_their_own(distilled):
    net, x, label, layout = distilled
    assert net.error < 0.25
    placed = net.transform(x[1000:])
    near = np.linalg.norm(placed[:, None] - layout[None], axis=2).argmin(axis=1)
    assert np.mean(label[near] == label[1000:]) > 0.95
    assert trustworthiness(x[1000:], placed, n_neighbors=10) > 0.9


def test_one_point_is_placed_as_in_a_batch_and_after_a_restart(distilled):
    net, x, _, _ = distilled
    rows = x[:20].astype(np.float32)
    batch = net.transform(rows)
    assert np.array_equal(np.array([net.place(row) for row in rows], np.float32), batch)
    again = DistilledMap()
    again.restore(net.snapshot())
    assert np.array_equal(again.transform(rows), batch)
    assert again.snapshot() == net.snapshot()
    assert again.error == net.error


def test_the_gradient_of_the_network_is_that_of_finite_differences():
    from janus_trader.learning.manifold.distilled import _Network

    rng = np.random.default_rng(8)
    net = _Network((3, 5, 4, 2), rng)
    net.layers = [(w.astype(float), b.astype(float) + 0.1) for w, b in net.layers]
    x, y = rng.standard_normal((7, 3)), rng.standard_normal((7, 2))

    def loss():
        h = x
        for i, (w, b) in enumerate(net.layers):
            h = h @ w + b if i == 2 else np.maximum(h @ w + b, 0.0)
        return ((h - y) ** 2).sum() / len(x)

    flat = [p for layer in net.layers for p in layer]
    for p, g in zip(flat, net._gradient(x, y), strict=True):
        at = tuple(rng.integers(0, s) for s in p.shape)
        keep = p[at]
        p[at] = keep + 1e-6
        up = loss()
        p[at] = keep - 1e-6
        down = loss()
        p[at] = keep
        assert g[at] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-7)


def test_distilled_map_with_unusable_input(distilled):
    net, x, _, layout = distilled
    assert np.isnan(net.place(np.full(10, np.nan))).all()
    with pytest.raises(DataError):
        net.place(np.zeros(3))
    with pytest.raises(NotReady):
        DistilledMap().place(np.zeros(3))
    with pytest.raises(DataError):
        DistilledMap().fit(x[:5], layout[:5], np.random.default_rng(0))
    with pytest.raises(IntegrityError):
        DistilledMap().restore(net.snapshot().replace(b"sizes", b"sizes")[:-3])
    constant = DistilledMap(DistilledConfig(epochs=2))
    constant.fit(np.ones((20, 3)), np.ones((20, 2)), np.random.default_rng(0))
    assert np.isfinite(constant.place(np.ones(3))).all()
