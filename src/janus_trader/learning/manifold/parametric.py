"""Parametric UMAP: the network that places vectors, trained on the cross entropy itself (extra ``ml``)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.foundation.config import Config, Count, Positive
from janus_trader.learning.manifold.distilled import DistilledMap
from janus_trader.learning.manifold.placing import (
    Layers,
    PlacingNetwork,
    initial_layers,
    standardisation,
)
from janus_trader.learning.manifold.umap import FuzzyGraph, UMAPConfig, fuzzy_graph
from janus_trader.learning.training.checkpoint import read_checkpoint, write_checkpoint
from janus_trader.learning.training.optimiser import OptimiserConfig, build_optimiser
from janus_trader.learning.training.stopping import EarlyStopping, StoppingConfig
from janus_trader.learning.training.threads import one_torch_thread
from janus_trader.numerics.umap_layout import curve_parameters

if TYPE_CHECKING:
    import torch

_F4 = np.float32
_SOFT = 1e-3  # keeps the gradient of two points at one place finite, as in `repulsion`


class ParametricConfig(Config, frozen=True):
    """The graph, the network and its training (Adam, learning rate falling to 0).

    Of ``umap`` the neighbourhood, ``min_dist``, the negatives and the seed are used; epochs and learning rate
    of the descent are not.
    """

    umap: UMAPConfig = UMAPConfig()
    hidden: tuple[Count, Count] = (128, 64)
    epochs: Annotated[int, Meta(ge=1, le=5000, description="passes over the edges, each by its weight")] = 200
    batch: Annotated[int, Meta(ge=1, description="edges of one step")] = 256
    learning_rate: Positive = 2e-3
    held_out: Annotated[float, Meta(gt=0.0, lt=0.9, description="share of the points no training sees")] = 0.1
    patience: Annotated[int, Meta(ge=0, description="epochs without improvement; 0 never stops")] = 30


def edge_loss(
    head: torch.Tensor, tail: torch.Tensor, others: torch.Tensor, a: float, b: float
) -> torch.Tensor:
    r"""Cross entropy of drawn edges, per edge.

    .. math:: L = \frac1B\sum_e \Big[-\ln q(y_h, y_t) - \sum_k \ln\big(1 - q(y_h, y_k)\big)\Big],
              \qquad q = \frac{1}{1 + a\,d^{2b}}

    In logarithms throughout, so that neither term overflows; ``d^2`` is softened by 1e-3.

    Parameters
    ----------
    head, tail : (B, 2) tensors
        Places of the ends of edges drawn by their weights.
    others : (B, K, 2) tensor
        Places of points drawn evenly, for each head.
    a, b : float
        From `curve_parameters`.

    Examples
    --------
    >>> import torch
    >>> here, far = torch.zeros(1, 2), torch.full((1, 1, 2), 9.0)
    >>> bool(edge_loss(here, here, far, 1.0, 1.0) < edge_loss(here, far[0], here[None], 1.0, 1.0))
    True
    """
    import torch

    def odds(d2: torch.Tensor) -> torch.Tensor:
        return math.log(a) + b * torch.log(d2 + _SOFT)

    attract = torch.nn.functional.softplus(odds(((head - tail) ** 2).sum(-1)))
    repel = torch.nn.functional.softplus(-odds(((head[:, None] - others) ** 2).sum(-1)))
    return (attract + repel.sum(-1)).mean()


@dataclass(frozen=True, eq=False)
class _Edges:
    """Edges of a graph to draw from by weight, and the points that may repel."""

    head: np.ndarray
    tail: np.ndarray
    cumulated: np.ndarray
    points: np.ndarray

    @classmethod
    def of(cls, graph: FuzzyGraph, chosen: np.ndarray, points: np.ndarray) -> _Edges:
        return cls(
            graph.head[chosen], graph.tail[chosen], np.cumsum(graph.weight[chosen], dtype=np.float64), points
        )

    @property
    def per_epoch(self) -> int:
        """Draws that take the heaviest edge once."""
        heaviest = float(np.diff(self.cumulated, prepend=0.0).max())
        return math.ceil(self.cumulated[-1] / heaviest)

    def drawn(self, count: int, negatives: int, generator: np.random.Generator) -> np.ndarray:
        """Points (count, 2 + negatives): head, tail and those that repel the head, never itself."""
        at = np.searchsorted(self.cumulated, generator.random(count) * self.cumulated[-1], side="right")
        at = np.minimum(at, len(self.head) - 1)
        head, tail = self.head[at], self.tail[at]
        others = self.points[generator.integers(0, len(self.points), (count, negatives))]
        # a head cannot repel itself; the other end takes that place, as an even draw might have had it
        others = np.where(others == head[:, None], tail[:, None], others)
        return np.concatenate([head[:, None], tail[:, None], others], axis=1).astype(np.int64)


class ParametricMap(PlacingNetwork):
    """A map that is a function: a network trained to keep neighbours together, without a layout in between.

    Where `DistilledMap` learns a finished layout point by point, this one descends UMAP's own cross entropy
    over the edges of the fuzzy graph with negative sampling; what it cannot represent it trades off itself.
    A share of the points is held out; training stops when the loss of their edges no longer improves, ends on
    the best weights, and ``error`` is that loss. Placing is that of `PlacingNetwork`, without torch.

    Parameters
    ----------
    config : ParametricConfig

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((120, 4))
    >>> x[60:] += 12.0
    >>> net = ParametricMap(ParametricConfig(umap=UMAPConfig(n_neighbors=8), hidden=(16, 16), epochs=40))
    >>> raw = net.fit(x)
    >>> y = net.transform(x)
    >>> bool(np.linalg.norm(y[:60].mean(axis=0) - y[60:].mean(axis=0)) > 2 * y[:60].std(axis=0).max())
    True

    References
    ----------
    Sainburg, T., McInnes, L. & Gentner, T. Q. (2021). Parametric UMAP embeddings for representation and
    semisupervised learning. Neural Computation 33.
    """

    def __init__(self, config: ParametricConfig | None = None) -> None:
        self.config = config or ParametricConfig()
        super().__init__()

    def reset(self) -> None:
        """No map."""
        super().reset()
        self.epochs = 0

    def fit(self, vectors: np.ndarray, start: DistilledMap | None = None) -> bytes:
        """Learn the map of vectors (n, d) and return its checkpoint. O(epochs n n_neighbors negatives weights).

        With ``start`` training begins from a distilled network of the same size instead of random weights.
        The same vectors, config and start give the same bytes on one class of CPU; torch runs on one thread,
        and no global random state is touched.

        Raises
        ------
        DataError
            No more vectors to train on than neighbours, a value that is not finite, all vectors equal, no edge
            between those to train on, or a training that diverged.
        ConfigError
            ``start`` is of another size.
        """
        c, x = self.config, self._checked(vectors)
        generator = np.random.default_rng([c.umap.seed, len(x)])
        order = generator.permutation(len(x))
        kept = self._held_out(len(x))
        unseen = np.zeros(len(x), np.bool_)
        unseen[order[:kept]] = True
        mean, scale = standardisation(x[~unseen])
        sizes = (x.shape[1], *c.hidden, 2)
        layers = initial_layers(sizes, generator) if start is None else _unfolded(start, sizes, mean, scale)
        graph = fuzzy_graph(x, c.umap.n_neighbors)
        outside = unseen[graph.head] | unseen[graph.tail]
        if outside.all():
            raise DataError(
                "no two vectors to train on are neighbours", got=x.shape, remedy="hold fewer of them out"
            )
        seen = np.flatnonzero(~unseen)
        training, test = _Edges.of(graph, ~outside, seen), _Edges.of(graph, outside, seen)
        with one_torch_thread():
            layers, self.epochs, error = _descend(c, (x - mean) / scale, layers, training, test, generator)
        self._adopt(layers, mean, scale)
        self.error = error
        return self._checkpoint()

    def _held_out(self, n: int) -> int:
        return max(1, round(self.config.held_out * n))

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        x, neighbours = np.asarray(vectors, dtype=_F4), self.config.umap.n_neighbors
        if x.ndim != 2 or not x.size or len(x) - self._held_out(len(x)) <= neighbours:
            raise DataError(
                "too few vectors for a parametric map",
                got=x.shape,
                expected=f"(n, d) with more than {neighbours} left to train on",
                remedy="take more vectors or fewer neighbours",
            )
        if not np.isfinite(x).all():
            raise DataError("vectors are not finite", got=f"{int((~np.isfinite(x)).sum())} values")
        if not (x != x[0]).any():
            raise DataError("all vectors are equal", got=x.shape, expected="vectors that differ")
        return x

    def _checkpoint(self) -> bytes:
        import torch

        tensors: dict[str, torch.Tensor] = {}
        for i, (w, b) in enumerate(self.layers()):
            tensors |= {f"layer{i}/weight": torch.tensor(w), f"layer{i}/bias": torch.tensor(b)}
        metadata = {"config": self.config.fingerprint, "epochs": self.epochs, "error": self.error}
        return write_checkpoint(tensors, metadata)

    def resume(self, raw: bytes) -> None:
        """Stand where `fit` ended, from its checkpoint; `restore` of a `snapshot` does so without torch.

        Raises
        ------
        IntegrityError
            The checkpoint is damaged or of another configuration.
        """
        tensors, metadata = read_checkpoint(raw)
        if metadata.get("config") != self.config.fingerprint:
            raise IntegrityError(
                "a checkpoint of another map",
                got=str(metadata.get("config"))[:16],
                expected=self.config.fingerprint[:16],
                remedy="resume with the configuration it was trained with",
            )
        layers = [(tensors[f"layer{i}/weight"].numpy(), tensors[f"layer{i}/bias"].numpy()) for i in range(3)]
        self.reset()
        self._adopt(layers, np.zeros(len(layers[0][0]), _F4), np.ones(len(layers[0][0]), _F4))
        self.epochs, self.error = int(metadata["epochs"]), float(metadata["error"])


def _unfolded(start: DistilledMap, sizes: tuple[int, ...], mean: np.ndarray, scale: np.ndarray) -> Layers:
    """Layers of a distilled network that take standardised vectors."""
    (w0, b0), *rest = start.layers()
    found = (*(len(w) for w, _ in start.layers()), 2)
    if found != sizes:
        raise ConfigError("a start of another size", got=found, expected=str(sizes))
    return [(w0 * scale[:, None], b0 + mean @ w0), *rest]


def _descend(
    c: ParametricConfig,
    x: np.ndarray,
    layers: Layers,
    training: _Edges,
    test: _Edges,
    generator: np.random.Generator,
) -> tuple[Layers, int, float]:
    """The best layers by the loss of edges held out, the epochs taken, and that loss."""
    import torch

    a, b = curve_parameters(c.umap.min_dist)
    points = torch.from_numpy(np.ascontiguousarray(x, dtype=_F4))
    weights = [torch.nn.Parameter(torch.tensor(p, dtype=torch.float32)) for layer in layers for p in layer]
    optimiser = build_optimiser(weights, OptimiserConfig(weight_decay=0.0))
    stopping = EarlyStopping(StoppingConfig(patience=c.patience))
    judged = test.drawn(max(test.per_epoch, 1000), c.umap.negatives, generator)
    steps = math.ceil(training.per_epoch / c.batch)
    best, reached = [p.detach().clone() for p in weights], math.inf
    for epoch in range(c.epochs):
        rows = training.drawn(steps * c.batch, c.umap.negatives, generator)
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = c.learning_rate * (1.0 - (epoch * steps + step) / (c.epochs * steps))
            optimiser.zero_grad()
            _loss_of(points, weights, rows[step * c.batch : (step + 1) * c.batch], a, b).backward()
            optimiser.step()
        with torch.no_grad():
            reached = float(_loss_of(points, weights, judged, a, b))
        done = stopping.update(reached)
        if stopping.best_epoch == epoch:
            best = [p.detach().clone() for p in weights]
        if done or not math.isfinite(reached):
            break
    if not math.isfinite(reached):
        raise DataError(
            "the parametric map diverged", got=f"loss {reached}", remedy="lower the learning rate"
        )
    arrays = [p.numpy() for p in best]
    return list(zip(arrays[::2], arrays[1::2], strict=True)), stopping.epochs, stopping.best


def _loss_of(
    points: torch.Tensor, weights: Sequence[torch.Tensor], rows: np.ndarray, a: float, b: float
) -> torch.Tensor:
    """`edge_loss` of drawn rows (B, 2 + K); every point is placed once, however often it was drawn."""
    import torch

    who, where = np.unique(rows, return_inverse=True)
    w0, b0, w1, b1, w2, b2 = weights
    hidden = torch.relu(points[torch.from_numpy(who)] @ w0 + b0)
    placed = torch.relu(hidden @ w1 + b1) @ w2 + b2
    drawn = placed[torch.from_numpy(where.reshape(rows.shape))]
    return edge_loss(drawn[:, 0], drawn[:, 1], drawn[:, 2:], a, b)
