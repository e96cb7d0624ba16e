"""Two-level hidden Markov model: slow macro states, each with a fast Gaussian HMM and a policy head."""

from __future__ import annotations

import msgspec
import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.numerics.hmm_parameters import HMMParameters

#: Names of three macro states in the order that `order_macros` gives them.
MACRO_STATES: tuple[str, ...] = ("calm", "trend", "chaos")


class HierarchicalHMM(msgspec.Struct, frozen=True, eq=False):
    r"""Parameters of M macro states with J micro states each, over rows of d numbers.

    While the macro state stays at m the micro state follows the chain :math:`A_m`; when it moves to n
    the micro state is drawn anew from the entry law :math:`e_n`:

    .. math:: P\big((m, i) \to (n, j)\big) = \delta_{mn}\, G_{mm}\, A_m(i, j)
              + (1 - \delta_{mn})\, G_{mn}\, e_n(j)

    Attributes
    ----------
    macro_initial : (M,) array
        Macro probabilities of the first row.
    macro_transition : (M, M) array
        G, rows sum to 1.
    entry : (M, J) array
        Law of the micro state on entering a macro state, also at the first row.
    micro_transition : (M, J, J) array
        A, rows sum to 1.
    means : (M, J, d) array
    covariances : (M, J, d) or (M, J, d, d) array
        As in `HMMParameters`.

    Raises
    ------
    DataError
        At construction: shapes disagree, probabilities do not sum to 1, a covariance is not positive
        definite.

    Examples
    --------
    >>> h = HierarchicalHMM(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]]), np.ones((2, 1)),
    ...                     np.ones((2, 1, 1)), np.array([[[0.0]], [[3.0]]]), np.ones((2, 1, 1)))
    >>> h.flatten().transition.tolist()
    [[0.9, 0.1], [0.2, 0.8]]

    References
    ----------
    Fine, Singer and Tishby (1998), The hierarchical hidden Markov model; flattening as in Murphy and
    Paskin (2001), Linear-time inference in hierarchical HMMs.
    """

    macro_initial: np.ndarray
    macro_transition: np.ndarray
    entry: np.ndarray
    micro_transition: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def __post_init__(self) -> None:
        m, j = self.entry.shape if self.entry.ndim == 2 else (0, 0)
        shapes = (self.macro_initial.shape, self.macro_transition.shape, self.micro_transition.shape)
        fitting = shapes == ((m,), (m, m), (m, j, j)) and self.means.ndim == 3
        if m < 1 or not fitting or {self.means.shape[:2], self.covariances.shape[:2]} != {(m, j)}:
            raise DataError(
                "hierarchical HMM parameters disagree in shape",
                got=[*shapes, self.entry.shape, self.means.shape, self.covariances.shape],
                expected="(M,), (M, M), (M, J, J), (M, J), (M, J, d), (M, J, d) or (M, J, d, d)",
            )
        laws = (self.macro_initial[None], self.macro_transition, self.entry, self.micro_transition)
        sums = np.concatenate([law.sum(axis=-1).ravel() for law in laws])
        if min(law.min() for law in laws) < 0.0 or not np.allclose(sums, 1.0, atol=1e-8):
            raise DataError(
                "hierarchical HMM probabilities are not a distribution",
                got=sums,
                expected="rows that sum to 1",
            )
        self.flatten()

    @property
    def n_macro(self) -> int:
        """Number of macro states M."""
        return int(self.entry.shape[0])

    @property
    def n_micro(self) -> int:
        """Micro states in each macro state, J."""
        return int(self.entry.shape[1])

    def flatten(self) -> HMMParameters:
        """The same process as a plain HMM with M J states; state ``m J + j`` is micro state j of m. O((M J)^2)."""
        m, j = self.entry.shape
        moves = self.macro_transition * (1.0 - np.eye(m))
        transition = np.repeat(moves[:, None, :, None] * self.entry[None, None], j, axis=1)
        stay = np.diag(self.macro_transition)[:, None, None] * self.micro_transition
        transition[np.arange(m), :, np.arange(m), :] += stay
        return HMMParameters(
            (self.macro_initial[:, None] * self.entry).ravel(),
            np.ascontiguousarray(transition.reshape(m * j, m * j)),
            np.ascontiguousarray(self.means.reshape(m * j, -1)),
            np.ascontiguousarray(self.covariances.reshape(m * j, *self.covariances.shape[2:])),
        )

    def permuted(self, order: np.ndarray) -> HierarchicalHMM:
        """The same model with macro state ``order[m]`` called ``m``."""
        return HierarchicalHMM(
            self.macro_initial[order],
            np.ascontiguousarray(self.macro_transition[np.ix_(order, order)]),
            *(a[order] for a in (self.entry, self.micro_transition, self.means, self.covariances)),
        )

    def split(self, posterior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Macro probabilities (..., M), and micro ones given the macro state (..., M, J).

        ``posterior`` (..., M J) is that of a filter or smoother of the flattened model. Where a macro
        state has no probability its micro states share alike.

        Examples
        --------
        >>> h = HierarchicalHMM(np.array([1.0]), np.ones((1, 1)), np.array([[0.5, 0.5]]),
        ...                     np.full((1, 2, 2), 0.5), np.zeros((1, 2, 1)), np.ones((1, 2, 1)))
        >>> macro, micro = h.split(np.array([0.25, 0.75]))
        >>> macro.tolist(), micro.tolist()
        ([1.0], [[0.25, 0.75]])
        """
        joint = np.asarray(posterior, dtype=np.float64)
        joint = joint.reshape(*joint.shape[:-1], self.n_macro, self.n_micro)
        macro = joint.sum(axis=-1)
        some = macro[..., None] > 0.0
        micro = np.where(some, joint / np.where(some, macro[..., None], 1.0), 1.0 / self.n_micro)
        return macro, micro


def policy_head(
    weights: np.ndarray, features: np.ndarray, macro: np.ndarray, micro: np.ndarray
) -> np.ndarray:
    r"""Action probabilities of softmax-linear heads, one for each macro state, mixed by its probability.

    .. math:: \pi(a) = \sum_m P(m)\, \mathrm{softmax}_a\big(W_m\, [1, x, P(\cdot | m)]\big)

    Parameters
    ----------
    weights : (M, A, 1 + d + J) array
        W for A actions: bias, features, micro probabilities.
    features : (d,) array
    macro : (M,) array
        Macro probabilities.
    micro : (M, J) array
        Micro probabilities given each macro state.

    Returns
    -------
    (A,) array
        Sums to 1.

    Raises
    ------
    DataError
        Shapes disagree, or a number is not finite.

    Notes
    -----
    O(M A (d + J)).

    Examples
    --------
    >>> w = np.zeros((2, 3, 4)); w[1, 2, 0] = np.log(2.0)
    >>> policy_head(w, np.zeros(1), np.array([0.0, 1.0]), np.full((2, 2), 0.5)).round(3).tolist()
    [0.25, 0.25, 0.5]
    """
    wanted = (macro.shape[0], 1 + features.shape[0] + micro.shape[-1])
    if (
        micro.shape[:-1] != macro.shape
        or (weights.shape[0], weights.shape[-1]) != wanted
        or weights.ndim != 3
    ):
        raise DataError(
            "policy heads do not fit",
            got=[a.shape for a in (weights, features, macro, micro)],
            expected="(M, A, 1 + d + J), (d,), (M,), (M, J)",
        )
    inputs = np.concatenate(
        [np.ones((len(macro), 1)), np.broadcast_to(features, (len(macro), features.size)), micro], axis=1
    )
    logits = np.einsum("maf,mf->ma", weights, inputs)
    if not np.isfinite(logits).all() or not np.isfinite(macro).all():
        raise DataError("policy heads need finite numbers", got=features, remedy="skip incomplete rows")
    heads = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(macro @ (heads / heads.sum(axis=1, keepdims=True)))
