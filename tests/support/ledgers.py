"""Ledgers made up for tests of figures, tables and charts."""

from __future__ import annotations

from typing import Any

import numpy as np

from janus_trader.runs.ledger import Ledger


def blank(length: int, k: int, n: int, **fields: Any) -> Ledger:
    """A ledger of zeros for ``n`` instruments and ``k`` sources, with the given columns."""
    zero, whole = np.zeros(length), np.zeros(length, dtype=np.int64)
    columns = {
        "step": np.arange(length),
        "ts": np.arange(length) * 86_400 * 10**9,
        "session": np.arange(length),
        "equity": np.full(length, 100.0),
        "cash": zero,
        "costs": zero,
        "weights": np.zeros((length, n)),
        "posterior": np.full((length, 7), 1 / 7),
        "dominant": whole,
        "posture": whole,
        "severity": whole,
        "appetite": zero,
        "dopamine": zero,
        "gates": {},
        "source_names": tuple(f"s{i}" for i in range(k)),
        "source_active": np.ones(k, dtype=bool),
        "source_weights": np.zeros((length, k)),
        "contribution": np.zeros((length, k, n), dtype=np.float32),
        "score": np.zeros((length, n)),
        "changed_by_review": np.zeros(length, dtype=bool),
    }
    return Ledger(**{**columns, **fields})
