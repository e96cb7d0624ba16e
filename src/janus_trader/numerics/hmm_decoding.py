"""States of a Gaussian HMM given the whole series: smoothed probabilities and the likeliest path."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from janus_trader.numerics.baum_welch import best_path, smooth
from janus_trader.numerics.hmm_kernels import pack
from janus_trader.numerics.hmm_parameters import HMMParameters, finite_rows, sequence_bounds


def smoothed_probabilities(
    parameters: HMMParameters, x: np.ndarray, lengths: Sequence[int] | None = None
) -> np.ndarray:
    r"""Probability of every state at every row given all rows, by the forward-backward algorithm.

    .. math:: \gamma_t(i) = \alpha_t(i) \sum_j A_{ij}\,
              \frac{\gamma_{t+1}(j)}{\sum_l \alpha_t(l) A_{lj}}, \qquad \gamma_T = \alpha_T

    :math:`\alpha` are the filtered probabilities; the recursion holds no likelihoods, so nothing
    underflows. Knows the future: for study, never for decisions.

    Parameters
    ----------
    parameters : HMMParameters
    x : (T, d) array
        Finite rows in time order.
    lengths : sequence of int, optional
        Cuts the rows into independent sequences.

    Returns
    -------
    (T, K) array
        Rows sum to 1.

    Raises
    ------
    DataError
        Rows that do not fit, a value that is not finite, lengths that do not add up.

    Notes
    -----
    O(T (K^2 + K d)), full O(T (K^2 + K d^2)).

    Examples
    --------
    >>> p = HMMParameters(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]]),
    ...                   np.array([[-1.0], [1.0]]), np.ones((2, 1)))
    >>> smoothed_probabilities(p, np.array([[1.0], [0.0], [1.0]])).round(3).tolist()
    [[0.045, 0.955], [0.056, 0.944], [0.045, 0.955]]

    References
    ----------
    Kim (1994), Dynamic linear models with Markov-switching; Rabiner (1989).
    """
    rows = finite_rows(x, 1, parameters.n_features)
    states = pack(parameters)
    parts = [
        smooth(states, rows[begin:end])[:, : parameters.n_states]
        for begin, end in pairwise(sequence_bounds(len(rows), lengths))
    ]
    return np.concatenate(parts)


def viterbi(
    parameters: HMMParameters, x: np.ndarray, lengths: Sequence[int] | None = None
) -> tuple[np.ndarray, float]:
    r"""Likeliest path of states, and the log of its joint density with the rows.

    .. math:: \delta_t(j) = \log \mathcal N(x_t; \mu_j, \Sigma_j) + \max_i [\delta_{t-1}(i) + \log A_{ij}]

    Parameters
    ----------
    parameters : HMMParameters
    x : (T, d) array
        Finite rows in time order.
    lengths : sequence of int, optional
        Cuts the rows into independent sequences; the log densities add.

    Returns
    -------
    path : (T,) int array
        The lower state on a tie.
    log_density : float

    Raises
    ------
    DataError
        Rows that do not fit, a value that is not finite, lengths that do not add up.

    Notes
    -----
    O(T K^2) comparisons on top of the densities.

    Examples
    --------
    >>> p = HMMParameters(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]]),
    ...                   np.array([[-1.0], [1.0]]), np.ones((2, 1)))
    >>> viterbi(p, np.array([[-1.0], [-0.2], [0.3], [1.2], [0.9]]))[0].tolist()
    [0, 0, 1, 1, 1]

    References
    ----------
    Viterbi (1967), Error bounds for convolutional codes.
    """
    rows = finite_rows(x, 1, parameters.n_features)
    states = pack(parameters)
    bounds = sequence_bounds(len(rows), lengths)
    parts = [best_path(states, rows[begin:end]) for begin, end in pairwise(bounds)]
    return np.concatenate([path for path, _ in parts]), float(sum(value for _, value in parts))
