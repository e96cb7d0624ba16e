"""Which rows of a batch a process computes."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from janus_trader.contracts.errors import ConfigError


class Sharding(StrEnum):
    """The four ways of dealing rows out."""

    CONTIGUOUS = "contiguous"
    ROUND_ROBIN = "round_robin"
    RANDOM = "random"
    STRATIFIED = "stratified"


def shard(
    rows: np.ndarray,
    rank: int,
    world: int,
    strategy: Sharding = Sharding.CONTIGUOUS,
    *,
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """The rows of one process; the shards of all processes together are the rows, each once.

    Shards differ by at most one row in length (`STRATIFIED`: every label's rows by at most one, and so by at
    most the number of labels in all).

    Parameters
    ----------
    rows : (m,) int array
    rank, world : int
        ``0 <= rank < world``.
    strategy : Sharding
        Blocks in order; every world-th row; blocks of a permutation drawn from ``seed`` and the rows' own
        content (the same in every process); round-robin within every label.
    labels : (m,) array
        Label of each of the ``rows``; needed by `STRATIFIED`.
    seed : int

    Raises
    ------
    ConfigError
        There is no such rank, or labels are missing.

    Examples
    --------
    >>> rows = np.arange(5)
    >>> [shard(rows, r, 2, Sharding.ROUND_ROBIN).tolist() for r in (0, 1)]
    [[0, 2, 4], [1, 3]]
    """
    rows = np.asarray(rows)
    if not 0 <= rank < world:
        raise ConfigError("no such process", got=f"rank {rank} of {world}", expected="0 <= rank < world")
    if strategy == Sharding.ROUND_ROBIN:
        return rows[rank::world]
    if strategy == Sharding.RANDOM:
        entropy = [seed, len(rows), int(rows.sum()) if len(rows) else 0]
        rows = rows[np.random.Generator(np.random.PCG64(entropy)).permutation(len(rows))]
    if strategy == Sharding.STRATIFIED:
        if labels is None or np.shape(labels) != rows.shape:
            raise ConfigError(
                "stratified shards need the label of every row",
                got=None if labels is None else np.shape(labels),
                expected=str(rows.shape),
            )
        # dealt out label by label without starting anew at the first process, so that lengths stay even
        order = np.argsort(labels, kind="stable")
        return rows[np.sort(order[rank::world])]
    return np.array_split(rows, world)[rank]
