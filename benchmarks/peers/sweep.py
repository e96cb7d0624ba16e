"""vectorbt: all pairs of windows as one wide table."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Peer


def import_vectorbt() -> Any:
    """vectorbt 1.0 names chart templates that plotly 6 has dropped; they are skipped while it is imported."""
    import plotly.graph_objects as go
    from plotly.graph_objs.layout.template import Data

    kept = {kind: kind.__init__ for kind in (go.layout.Template, Data)}

    def lenient(plain: Callable[..., None]) -> Callable[..., None]:
        def init(self: Any, *arguments: Any, **options: Any) -> None:
            plain(self, *arguments, **{**options, "skip_invalid": True})

        return init

    try:
        for kind, plain in kept.items():
            kind.__init__ = lenient(plain)
        import vectorbt
    finally:
        for kind, plain in kept.items():
            kind.__init__ = plain
    return vectorbt


def _sweep(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    warnings.simplefilter("ignore")
    import pandas as pd

    vbt = import_vectorbt()
    closes = pd.DataFrame(
        inputs["closes"],
        columns=list("ABC"),
        index=pd.date_range("2010-01-01", periods=len(inputs["closes"])),
    )
    windows = np.arange(inputs["first"], inputs["last"] + 1)

    def call() -> np.ndarray:
        fast, slow = vbt.MA.run_combs(closes, window=windows, r=2, short_names=["fast", "slow"])
        above = fast.ma_above(slow)
        book = vbt.Portfolio.from_signals(closes, above, ~above, freq="1D", init_cash=1e6)
        return book.total_return().to_numpy()

    return call


def _agreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference of a pair's total return: ours is of the book, theirs of each instrument."""
    return float(np.abs(ours - theirs.reshape(len(ours), -1).mean(axis=1)).max())


_SETTINGS = (
    "MA.run_combs and Portfolio.from_signals with its defaults: fills at the close that gives the signal, all "
    "cash, no costs, long only; it computes the total return alone, we also nine other figures and the sums "
    "by block of cross-validation. It holds all pairs in memory at once (6 GB), we one block of them"
)

PEERS: tuple[Peer, ...] = tuple(
    Peer(
        work=work,
        name="vectorbt",
        package="vectorbt",
        prepare=_sweep,
        agreement=_agreement,
        settings=_SETTINGS,
    )
    for work in ("sweep.moving_averages",)
)
