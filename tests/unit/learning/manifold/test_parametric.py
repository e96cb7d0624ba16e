"""Parametric UMAP beside the distilled transform, its gradient, and what it refuses."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import make_swiss_roll
from sklearn.manifold import trustworthiness

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError, NotReady
from janus_trader.learning.manifold import (
    DistilledConfig,
    DistilledMap,
    ParametricConfig,
    ParametricMap,
    UMAPConfig,
    fit_umap,
)

#: Trustworthiness on points held out may be this much below the distilled transform's, and no more.
MARGIN = 0.01
SMALL = ParametricConfig(umap=UMAPConfig(n_neighbors=8), hidden=(16, 12), epochs=12, batch=64)


def blobs(n, seed=0):
    rng = np.random.default_rng(seed)
    centres, label = rng.normal(0, 3, (6, 10)), rng.integers(0, 6, n)
    return centres[label] + rng.normal(0, 1, (n, 10)), label


def roll(n):
    return make_swiss_roll(n, noise=0.1, random_state=0)


@pytest.mark.parametrize("points", [blobs, roll], ids=["blobs", "swiss roll"])
@pytest.mark.parametrize("begun", [False, True], ids=["from random weights", "from the distilled"])
def test_new_points_are_placed_as_trustworthily_as_by_the_distilled_map(points, begun):
    x, _ = points(700)
    seen, new = x[:500], x[500:]
    distilled = DistilledMap()
    distilled.fit(seen, fit_umap(seen), np.random.default_rng(0))
    parametric = ParametricMap(ParametricConfig(epochs=100))
    parametric.fit(seen, distilled if begun else None)
    ours, theirs = (trustworthiness(new, m.transform(new), n_neighbors=10) for m in (parametric, distilled))
    assert ours > theirs - MARGIN
    assert ours > 0.93


def test_new_points_are_placed_among_their_own():
    x, label = blobs(700)
    net = ParametricMap(ParametricConfig(epochs=60))
    net.fit(x[:500])
    seen, new = net.transform(x[:500]), net.transform(x[500:])
    near = np.linalg.norm(new[:, None] - seen[None], axis=2).argmin(axis=1)
    assert np.mean(label[near] == label[500:]) > 0.95


def test_the_gradient_of_the_loss_is_that_of_finite_differences():
    import torch

    from janus_trader.learning.manifold.parametric import _loss_of

    rng = np.random.default_rng(3)
    shapes = ((3, 5), (5,), (5, 4), (4,), (4, 2), (2,))
    weights = [torch.tensor(rng.standard_normal(s), requires_grad=True) for s in shapes]
    points = torch.tensor(rng.standard_normal((9, 3)))
    rows = rng.integers(0, 9, (20, 6))
    rows[0, 1] = rows[0, 0]  # two ends at one place
    loss = lambda: _loss_of(points, weights, rows, 1.6, 0.9)  # noqa: E731
    loss().backward()
    for p in weights:
        for _ in range(3):
            at = tuple(rng.integers(0, s) for s in p.shape)
            with torch.no_grad():
                keep = float(p[at])
                found = []
                for step in (1e-6, -1e-6):
                    p[at] = keep + step
                    found.append(float(loss()))
                p[at] = keep
            assert float(p.grad[at]) == pytest.approx((found[0] - found[1]) / 2e-6, rel=1e-4, abs=1e-6)


def test_the_loss_is_the_cross_entropy():
    import torch

    from janus_trader.learning.manifold.parametric import edge_loss

    rng = np.random.default_rng(4)
    head, tail, others = rng.normal(0, 3, (5, 2)), rng.normal(0, 3, (5, 2)), rng.normal(0, 3, (5, 4, 2))

    def q(d2):
        return 1.0 / (1.0 + 1.6 * (d2 + 1e-3) ** 0.9)

    plain = -np.log(q(((head - tail) ** 2).sum(-1)))
    plain -= np.log(1.0 - q(((head[:, None] - others) ** 2).sum(-1))).sum(-1)
    found = edge_loss(*(torch.tensor(v) for v in (head, tail, others)), 1.6, 0.9)
    assert float(found) == pytest.approx(plain.mean(), rel=1e-12)


def test_the_same_seed_gives_the_same_bytes_whatever_torch_was_set_to():
    import torch

    x, _ = blobs(120)
    first, second, other = ParametricMap(SMALL), ParametricMap(SMALL), ParametricMap(SMALL)
    raw = first.fit(x)
    torch.manual_seed(7)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    assert second.fit(x) == raw
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert first.snapshot() == second.snapshot()
    other.config = ParametricConfig(umap=UMAPConfig(n_neighbors=8, seed=1), hidden=(16, 12), epochs=12)
    assert other.fit(x) != raw


def test_it_stops_when_edges_held_out_are_no_longer_better_placed_and_keeps_the_best():
    x = np.random.default_rng(0).standard_normal((80, 30))  # nothing to be learned beyond these points
    config = ParametricConfig(umap=UMAPConfig(n_neighbors=5), epochs=300, patience=3, learning_rate=0.02)
    net = ParametricMap(config)
    net.fit(x)
    assert net.epochs < 300
    assert np.isfinite(net.error)


def test_one_point_is_placed_as_in_a_batch_after_a_restart_and_from_a_checkpoint():
    x, _ = blobs(120)
    net = ParametricMap(SMALL)
    raw = net.fit(x)
    batch = net.transform(x[:20])
    assert np.array_equal(np.array([net.place(row) for row in x[:20]], np.float32), batch)
    again, resumed = ParametricMap(SMALL), ParametricMap(SMALL)
    again.restore(net.snapshot())
    resumed.resume(raw)
    for other in (again, resumed):
        assert np.array_equal(other.transform(x[:20]), batch)
        assert other.error == net.error
    with pytest.raises(IntegrityError, match="another map"):
        ParametricMap().resume(raw)
    with pytest.raises(IntegrityError):
        resumed.resume(raw[:-1] + bytes([raw[-1] ^ 1]))


def test_placing_needs_no_torch(tmp_path):
    x, _ = blobs(120)
    net = ParametricMap(SMALL)
    net.fit(x)
    (tmp_path / "map").write_bytes(net.snapshot())
    program = (
        "import sys; sys.modules['torch'] = sys.modules['safetensors'] = None\n"
        "import numpy as np\n"
        "from janus_trader.learning.manifold import ParametricMap\n"
        "net = ParametricMap(); net.restore(open('map', 'rb').read())\n"
        "print(*net.place(np.ones(10)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    assert [float(v) for v in done.stdout.split()] == pytest.approx(net.place(np.ones(10)), rel=1e-6)


@pytest.mark.parametrize(
    "x",
    [
        np.full((60, 3), np.nan),
        np.where(np.arange(180).reshape(60, 3) == 7, np.inf, 1.0),
        np.ones((60, 3)),
        np.eye(8),
        np.zeros((60, 0)),
        np.zeros(60),
    ],
    ids=["nan", "infinite", "constant", "fewer than neighbours", "no numbers", "no rows"],
)
def test_what_cannot_be_learned_is_refused(x):
    net = ParametricMap(SMALL)
    with pytest.raises(DataError):
        net.fit(x)
    assert not net.ready


def test_a_start_that_does_not_fit_and_a_map_not_learned_are_refused():
    x, _ = blobs(60)
    start = DistilledMap(DistilledConfig(hidden=(5, 4), epochs=1))
    with pytest.raises(NotReady):
        ParametricMap(SMALL).fit(x, start)
    start.fit(x, x[:, :2], np.random.default_rng(0))
    with pytest.raises(ConfigError, match="another size"):
        ParametricMap(SMALL).fit(x, start)
    with pytest.raises(NotReady):
        ParametricMap().place(np.zeros(3))
    with pytest.raises(DataError, match="diverged"):
        ParametricMap(ParametricConfig(hidden=(8, 8), learning_rate=1e30, epochs=3)).fit(x)
