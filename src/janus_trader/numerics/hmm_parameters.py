"""Parameters of a Gaussian hidden Markov model, with diagonal or full covariances."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from janus_trader.contracts.errors import DataError


class HMMParameters(msgspec.Struct, frozen=True, eq=False):
    """Parameters of a Gaussian HMM with K states over rows of d numbers.

    Attributes
    ----------
    initial : (K,) array
        State probabilities of the first row; sums to 1.
    transition : (K, K) array
        ``transition[i, j]`` is the probability of going from i to j; rows sum to 1.
    means : (K, d) array
        Emission means per state.
    covariances : (K, d) or (K, d, d) array
        Variances per state (diagonal model), or symmetric covariance matrices (full model);
        positive definite.

    Raises
    ------
    DataError
        At construction: shapes disagree, probabilities do not sum to 1, or a covariance is not
        positive definite.

    Examples
    --------
    >>> p = HMMParameters(np.array([1.0]), np.array([[1.0]]), np.zeros((1, 2)), np.ones((1, 2)))
    >>> p.n_states, p.n_features, p.full
    (1, 2, False)
    """

    initial: np.ndarray
    transition: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def __post_init__(self) -> None:
        shapes = [a.shape for a in (self.initial, self.transition, self.means, self.covariances)]
        k = self.initial.shape[0] if self.initial.ndim == 1 else 0
        d = self.means.shape[1] if self.means.ndim == 2 else 0
        fitting = ([(k,), (k, k), (k, d), (k, d)], [(k,), (k, k), (k, d), (k, d, d)])
        if k < 1 or d < 1 or shapes not in fitting:
            raise DataError(
                "HMM parameters disagree in shape",
                got=shapes,
                expected="(K,), (K, K), (K, d), (K, d) or (K, d, d)",
            )
        sums = np.append(self.transition.sum(axis=1), self.initial.sum())
        if not np.allclose(sums, 1.0, atol=1e-8) or min(self.initial.min(), self.transition.min()) < 0.0:
            raise DataError(
                "HMM probabilities are not a distribution", got=sums, expected="rows that sum to 1"
            )
        if not (np.isfinite(self.means).all() and self._definite()):
            raise DataError(
                "HMM emissions are degenerate",
                got=self.covariances,
                expected="finite means and positive definite covariances",
                remedy="fit with a larger min_variance, or drop a feature that repeats others",
            )

    def _definite(self) -> bool:
        c = self.covariances
        if not np.isfinite(c).all():
            return False
        if c.ndim == 2:
            return bool(c.min() > 0.0)
        diagonal = np.einsum("kii->ki", c)
        if diagonal.min() <= 0.0:
            return False
        scale = np.sqrt(diagonal[:, :, None] * diagonal[:, None, :])
        try:
            np.linalg.cholesky(c / scale)
        except np.linalg.LinAlgError:
            return False
        return bool((np.abs(c - c.transpose(0, 2, 1)) <= 1e-9 * scale).all())

    @property
    def n_states(self) -> int:
        """Number of states K."""
        return int(self.means.shape[0])

    @property
    def n_features(self) -> int:
        """Numbers in a row, d."""
        return int(self.means.shape[1])

    @property
    def full(self) -> bool:
        """Whether covariances are full matrices."""
        return self.covariances.ndim == 3

    def permuted(self, order: np.ndarray) -> HMMParameters:
        """The same model with state ``order[k]`` called ``k``."""
        return HMMParameters(
            self.initial[order],
            np.ascontiguousarray(self.transition[np.ix_(order, order)]),
            self.means[order],
            self.covariances[order],
        )


def finite_rows(x: np.ndarray, least: int, n_features: int | None = None) -> np.ndarray:
    """``x`` as contiguous float64 rows (T, d).

    Raises
    ------
    DataError
        Not two-dimensional, fewer than ``least`` rows, a value that is not finite, or not
        ``n_features`` columns.

    Examples
    --------
    >>> finite_rows([[1, 2]], 1, 2)
    array([[1., 2.]])
    """
    rows = np.ascontiguousarray(x, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[0] < least or rows.shape[1] < 1 or not np.isfinite(rows).all():
        raise DataError(
            "an HMM needs rows of finite numbers",
            got=f"shape {rows.shape}, {int(np.count_nonzero(~np.isfinite(rows)))} not finite",
            expected=f"(T, d) with T >= {least}, d >= 1",
            remedy="drop incomplete rows, or wait for more of them",
        )
    if n_features is not None and rows.shape[1] != n_features:
        raise DataError("rows do not fit the HMM", got=rows.shape, expected=f"(T, {n_features})")
    return rows


def sequence_bounds(n_rows: int, lengths: Sequence[int] | None) -> np.ndarray:
    """Where each independent sequence begins, and the end of the last; None is one sequence.

    Raises
    ------
    DataError
        Lengths that are not positive or do not add up to ``n_rows``.

    Examples
    --------
    >>> sequence_bounds(5, [2, 3]).tolist(), sequence_bounds(5, None).tolist()
    ([0, 2, 5], [0, 5])
    """
    parts = np.asarray([n_rows] if lengths is None else lengths, dtype=np.int64)
    if parts.ndim != 1 or parts.size == 0 or parts.min() < 1 or parts.sum() != n_rows:
        raise DataError(
            "lengths of the sequences do not fit the rows",
            got=f"{parts.tolist()} for {n_rows} rows",
            expected="positive lengths that add up to the number of rows",
        )
    return np.concatenate([[0], np.cumsum(parts)])
