"""Peers of the statistics of evidence: arch, and plain numpy where no library offers the work."""

from __future__ import annotations

import itertools
import math

from janus_trader.research.bench.work import Peer


def _largest(ours, theirs):
    import numpy as np

    return float(np.max(np.abs(np.asarray(ours) - np.asarray(theirs))))


def _cscv(inputs):
    """CSCV as its authors' flow chart has it: join the blocks of each split, score, rank."""
    import numpy as np

    returns, n_blocks = inputs["returns"], inputs["n_blocks"]

    def score(x):
        return x.mean(axis=0) / x.std(axis=0, ddof=1)

    def call():
        blocks = np.array_split(returns, n_blocks)
        logits = []
        for chosen in itertools.combinations(range(n_blocks), n_blocks // 2):
            inside = score(np.concatenate([blocks[b] for b in chosen]))
            outside = score(np.concatenate([blocks[b] for b in range(n_blocks) if b not in chosen]))
            rank = 1 + int(np.sum(outside < outside[np.argmax(inside)]))
            omega = rank / (returns.shape[1] + 1)
            logits.append(math.log(omega / (1 - omega)))
        return logits

    return call


def _cscv_sums(inputs):
    """The same from sums and squares of the blocks, every split in one matrix product."""
    import numpy as np

    returns, n_blocks = inputs["returns"], inputs["n_blocks"]

    def call():
        blocks = np.array_split(returns, n_blocks)
        sums = np.array([[np.full(b.shape[1], len(b)), b.sum(axis=0), (b * b).sum(axis=0)] for b in blocks])
        chosen = np.array(list(itertools.combinations(range(n_blocks), n_blocks // 2)))
        mask = np.zeros((len(chosen), n_blocks))
        np.put_along_axis(mask, chosen, 1.0, axis=1)

        def score(m):
            n, s, q = (m @ sums[:, i] for i in range(3))
            return s / n / np.sqrt((q - s * s / n) / (n - 1))

        inside, outside = score(mask), score(1.0 - mask)
        best = inside.argmax(axis=1)
        rank = 1 + (outside < np.take_along_axis(outside, best[:, None], 1)).sum(axis=1)
        omega = rank / (returns.shape[1] + 1)
        return np.log(omega / (1 - omega))

    return call


def _spa(inputs):
    import numpy as np
    from arch.bootstrap import SPA

    x = inputs["x"]

    def call():
        test = SPA(
            np.zeros(len(x)),
            -x,
            block_size=inputs["mean_block"],
            reps=inputs["n_samples"],
            seed=inputs["seed"],
        )
        test.compute()
        return tuple(test.pvalues[["lower", "consistent", "upper"]])

    return call


def _means(inputs):
    from arch.bootstrap import StationaryBootstrap

    def call():
        bootstrap = StationaryBootstrap(inputs["mean_block"], inputs["x"], seed=inputs["seed"])
        return bootstrap.apply(lambda x: x.mean(axis=0), inputs["n_samples"])

    return call


def _spread(ours, theirs):
    """Largest difference of the columns' bootstrap deviations, relative."""
    import numpy as np

    a, b = np.std(ours, axis=0), np.std(theirs, axis=0)
    return float(np.max(np.abs(a / b - 1.0)))


def _block_length(inputs):
    from arch.bootstrap import optimal_block_length

    return lambda: optimal_block_length(inputs["x"]).to_numpy()[0]


def _linucb(inputs):
    """Textbook LinUCB: one solve and one inverse for each strategy, projection by sorting."""
    import numpy as np

    contexts, rewards, c = inputs["contexts"], inputs["rewards"], inputs["config"]
    _, arms, features = contexts.shape

    def project(y):
        low, high = y.min() - 1.0, y.max()
        for _ in range(60):
            t = 0.5 * (low + high)
            if np.clip(y - t, c.min_weight, c.max_weight).sum() > 1.0:
                low = t
            else:
                high = t
        return np.clip(y - low, c.min_weight, c.max_weight)

    def call():
        a = np.tile(c.ridge * np.eye(features), (arms, 1, 1))
        b = np.zeros((arms, features))
        seen = [[] for _ in range(arms)]
        for x, r in zip(contexts, rewards, strict=True):
            inverse = np.linalg.inv(a)
            mean = np.einsum("jd,jde,je->j", x, inverse, b)
            score = mean + c.exploration * np.sqrt(np.einsum("jd,jde,je->j", x, inverse, x))
            if len(seen[0]) >= c.tail_least:
                recent = np.sort(np.array(seen)[:, -c.tail_window :], axis=1)
                k = max(1, int(c.tail_share * recent.shape[1]))
                score -= c.tail_penalty * np.maximum(0.0, -recent[:, :k].mean(axis=1))
            weights = project(score / c.temperature)
            a += x[:, :, None] * x[:, None, :]
            b += r[:, None] * x
            for j in range(arms):
                seen[j].append(r[j])
        return weights

    return call


PEERS = (
    Peer("statistics.overfitting", "numpy, by rows", "numpy", _cscv, _largest, settings="joins the rows of each split"),
    Peer(
        "statistics.overfitting", "numpy, by block sums", "numpy", _cscv_sums, _largest,
        settings="all splits in matrix products, one thread; memory grows with splits x strategies",
    ),
    Peer(
        "statistics.predictive_ability", "arch", "arch", _spa, _largest,
        settings="SPA.compute, own random numbers (p-values differ by Monte-Carlo error); its p-values are not "
        "studentised, which ours is told too",
    ),
    Peer(
        "statistics.bootstrap_means", "arch", "arch", _means, _spread,
        settings="StationaryBootstrap.apply with a numpy mean; own random numbers (relative difference of the "
        "bootstrap deviations)",
    ),
    Peer("statistics.block_length", "arch", "arch", _block_length, _largest),
    Peer(
        "statistics.meta_allocation.py", "numpy", "numpy", _linucb, _largest,
        settings="one batched inverse for all strategies, bisection for the projection",
    ),
)  # fmt: skip
