"""How far representations of the same things moved, and how far distributions of things did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from janus_trader.contracts.errors import DataError


def procrustes(target: np.ndarray, moving: np.ndarray, *, scaling: bool = False) -> np.ndarray:
    """``moving`` (m, d) shifted, turned and reflected onto ``target`` (m, d), row for row, by least squares.

    With ``scaling`` it may also grow or shrink. O(m d^2 + d^3).

    Raises
    ------
    DataError
        The shapes differ, there are no rows, or a value is not finite.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> turned = x @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 5.0
    >>> bool(np.allclose(procrustes(x, turned), x))
    True

    References
    ----------
    Schoenemann, P. H. (1966). A generalized solution of the orthogonal Procrustes problem.
    """
    return _Fit(target, moving, scaling).applied(np.asarray(moving, dtype=np.float64))


class _Fit:
    """The shift, rotation and scale of a Procrustes fit, to be applied to other rows as well."""

    def __init__(self, target: np.ndarray, moving: np.ndarray, scaling: bool) -> None:
        a, b = np.asarray(target, dtype=np.float64), np.asarray(moving, dtype=np.float64)
        if (
            a.ndim != 2
            or a.shape != b.shape
            or not len(a)
            or not (np.isfinite(a).all() and np.isfinite(b).all())
        ):
            raise DataError(
                "representations do not fit",
                got=f"{a.shape} and {b.shape}",
                expected="two finite arrays (m, d) of the same things, row for row",
            )
        self.centre, self.origin = a.mean(axis=0), b.mean(axis=0)
        u, s, v = np.linalg.svd((b - self.origin).T @ (a - self.centre))
        self.rotation = u @ v
        size = float(((b - self.origin) ** 2).sum())
        self.scale = float(s.sum()) / size if scaling and size > 0.0 else 1.0

    def applied(self, rows: np.ndarray) -> np.ndarray:
        return self.scale * (rows - self.origin) @ self.rotation + self.centre


def aligned_onto(target: np.ndarray, moving: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """All of ``moving`` (n, d) turned so that its rows ``pairs[:, 1]`` fall on the rows ``pairs[:, 0]`` of
    ``target`` as closely as they can; as it is where there are fewer than two pairs.

    >>> x = np.eye(3)[:, :2]
    >>> bool(np.allclose(aligned_onto(x, x[::-1] + 3.0, np.array([[0, 2], [1, 1], [2, 0]])), x[::-1]))
    True
    """
    if len(pairs) < 2:
        return np.array(moving, dtype=np.float64)
    fit = _Fit(target[pairs[:, 0]], moving[pairs[:, 1]], False)
    return fit.applied(np.asarray(moving, dtype=np.float64))


@dataclass(frozen=True)
class Drift:
    """Mean displacement of the same things between two representations, in units of their spread.

    ``lower`` and ``upper`` bound it by a bootstrap over things (95 %); ``chance`` is what it would be if
    things had been given each other's places; ``relative`` is displacement over chance: 0 nothing moved,
    1 nothing was kept; ``p_kept`` is the probability of a displacement this small by chance.
    """

    items: int
    displacement: float
    lower: float
    upper: float
    chance: float
    relative: float
    p_kept: float


def representational_drift(
    before: np.ndarray, after: np.ndarray, generator: np.random.Generator, resamples: int = 200
) -> Drift:
    r"""How far the things in the rows of two representations (m, d) moved, turns and shifts apart.

    .. math:: D = \frac{1}{m} \sum_i \| y_i - \hat y_i' \| \Big/ \sqrt{\tfrac{1}{m} \sum_i \| y_i - \bar y \|^2}

    where :math:`\hat y'` is ``after`` laid on ``before`` by Procrustes. The null hypothesis "nothing was
    kept" matches things at random and fits anew, ``resamples`` times. O(resamples m d^2).

    Raises
    ------
    DataError
        The representations do not fit, hold fewer than 3 things, or ``before`` has no spread.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((60, 4))
    >>> representational_drift(x, 0.1 * rng.standard_normal((60, 4)) + x[:, ::-1], rng).relative < 0.2
    True
    """
    aligned = procrustes(before, after)
    a = np.asarray(before, dtype=np.float64)
    spread = float(np.sqrt(((a - a.mean(axis=0)) ** 2).sum(axis=1).mean()))
    if len(a) < 3 or spread <= 0.0:
        raise DataError(
            "drift needs things apart", got=f"{len(a)} things, spread {spread}", expected="3 or more"
        )
    moved = np.linalg.norm(a - aligned, axis=1) / spread
    rows = generator.integers(0, len(a), (resamples, len(a)))
    lower, upper = np.quantile(moved[rows].mean(axis=1), [0.025, 0.975])
    by_chance = np.empty(resamples)
    for i in range(resamples):
        shuffled = np.asarray(after)[generator.permutation(len(a))]
        by_chance[i] = np.linalg.norm(a - procrustes(a, shuffled), axis=1).mean() / spread
    seen, chance = float(moved.mean()), float(by_chance.mean())
    return Drift(
        items=len(a),
        displacement=seen,
        lower=float(lower),
        upper=float(upper),
        chance=chance,
        relative=seen / chance if chance > 0.0 else 0.0,
        p_kept=float((1 + (by_chance <= seen).sum()) / (1 + resamples)),
    )


@dataclass(frozen=True)
class Shift:
    """Distance of two samples' means over their pooled spread, its mean under the null, and a p-value."""

    distance: float
    null: float
    p_value: float


def distribution_shift(
    before: np.ndarray,
    after: np.ndarray,
    generator: np.random.Generator,
    block: int = 21,
    resamples: int = 200,
) -> Shift:
    """Whether two stretches of a series of vectors, (m, d) and (m', d), have the same mean.

    The null distribution deals blocks of ``block`` consecutive rows to the two sides at random, so that
    autocorrelation up to a block does not pass for a shift. O(resamples (m + m') d).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((200, 3))
    >>> distribution_shift(x[:100], x[100:] + 1.0, rng).p_value < 0.05
    True
    """
    a, b = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1:] != b.shape[1:] or not len(a) or not len(b) or block < 1:
        raise DataError(
            "stretches do not fit", got=f"{a.shape}, {b.shape}", expected="(m, d), (m', d), block >= 1"
        )
    both = np.concatenate([a, b])
    spread = float(np.sqrt(((both - both.mean(axis=0)) ** 2).sum(axis=1).mean()))
    if spread <= 0.0 or not np.isfinite(spread):
        return Shift(0.0, 0.0, 1.0)
    blocks = np.split(np.arange(len(both)), range(block, len(both), block))

    def distance(rows: np.ndarray) -> float:
        first, second = both[rows[: len(a)]], both[rows[len(a) :]]
        return float(np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))) / spread

    seen = distance(np.arange(len(both)))
    null = np.array(
        [
            distance(np.concatenate([blocks[i] for i in generator.permutation(len(blocks))]))
            for _ in range(resamples)
        ]
    )
    return Shift(seen, float(null.mean()), float((1 + (null >= seen).sum()) / (1 + resamples)))
