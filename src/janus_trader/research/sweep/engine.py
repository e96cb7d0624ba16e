"""Back-tests of many candidates on all cores: one thread a share, the compiled loops without the lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from janus_trader.contracts.backtest import BacktestSettings
from janus_trader.contracts.errors import ConfigError, DataError, StrategyError
from janus_trader.contracts.panel import MarketPanel
from janus_trader.research.backtest import prepare_bars, run_targets
from janus_trader.research.sweep.candidates import Candidates, typed
from janus_trader.research.sweep.statistics import FIGURES, add_equity, block_edges, trial_figures
from janus_trader.strategies.definition import CompiledStrategy, StrategyDefinition

#: Trials that a thread takes at a time.
SHARE = 32


@dataclass(frozen=True)
class Book:
    """The data of a sweep: each instrument's own bars, on the tick, and where they stand in time.

    Attributes
    ----------
    symbols : tuple of str
    bars : tuple of (T_i,) arrays of `BAR_DTYPE`
        Bars at which the instrument was present, as strategies see them.
    matched : tuple of (T_i,) arrays of `BAR_DTYPE`
        The same on the tick, as orders meet them.
    rows : tuple of (T_i,) int arrays
        The book's time of each of them.
    length : int
        Times T of the book.
    bars_per_year : float
    settings : BacktestSettings
        Of one instrument, with its share of the capital.
    """

    symbols: tuple[str, ...]
    bars: tuple[np.ndarray, ...]
    matched: tuple[np.ndarray, ...]
    rows: tuple[np.ndarray, ...]
    length: int
    bars_per_year: float
    settings: BacktestSettings

    @property
    def capital(self) -> float:
        """Cash of the whole book at the start."""
        return self.settings.capital * len(self.symbols)


def book_of(panel: MarketPanel, settings: BacktestSettings) -> Book:
    """Split a panel into instruments that are traded each with an equal share of the capital.

    Raises
    ------
    DataError
        No instrument has two bars, or prices are not positive.
    """
    import msgspec

    names, bars, rows = [], [], []
    for i, symbol in enumerate(panel.symbols):
        at = np.flatnonzero(panel.present[:, i])
        if at.size >= 2:
            names.append(symbol)
            rows.append(at.astype(np.int64))
            bars.append(np.ascontiguousarray(panel.bars[at, i]))
    if not names:
        raise DataError(
            "nothing to sweep over", got="no instrument with two bars", remedy="another --from or --to"
        )
    share = msgspec.structs.replace(
        settings, capital=settings.capital / len(names), bars_per_year=panel.bars_per_year
    )
    matched = tuple(np.ascontiguousarray(prepare_bars(b, share)).reshape(-1) for b in bars)
    return Book(tuple(names), tuple(bars), matched, tuple(rows), len(panel), panel.bars_per_year, share)


@dataclass
class Trials:
    """Results of a run of trials.

    Attributes
    ----------
    numbers : (m,) int array
        Their points.
    values : mapping of parameter to (m,) float array
    figures : (m, len(FIGURES)) array
    mean : (m,) array
        Mean return per period.
    sums, squares : (m, blocks) arrays
        Of the returns less their mean, by block.
    refused : int
        Points that the strategy itself does not allow, or at which it raises or leaves [-1, 1]; they are in
        none of the arrays.
    reason : str
        The first of them, and what was said of it.
    """

    numbers: np.ndarray
    values: dict[str, np.ndarray]
    figures: np.ndarray
    mean: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    refused: int = 0
    reason: str = ""

    def __len__(self) -> int:
        return len(self.numbers)


class SweepEngine:
    """Runs candidates over one book.

    Parameters
    ----------
    candidates : Candidates
    book : Book
    blocks : int
        Blocks of returns for cross-validation.
    state_dtype : dtype or None
        Of compiled strategies, see `candidates.common_state`.
    workers : int
        Threads; plain Python strategies hold the interpreter's lock and use one.
    """

    def __init__(
        self,
        candidates: Candidates,
        book: Book,
        *,
        blocks: int,
        state_dtype: np.dtype | None,
        workers: int = 0,
    ) -> None:
        self.candidates, self.book, self._dtype = candidates, book, state_dtype
        self.edges = block_edges(book.length - 1, blocks)
        self._settings = book.settings.record()
        self.workers = (workers or os.cpu_count() or 1) if candidates.compiled else 1
        self._blocks = blocks

    def run(
        self,
        numbers: np.ndarray,
        columns: Mapping[str, np.ndarray],
        progress: Callable[[int], None] | None = None,
    ) -> Trials:
        """Back-test every point; the result does not depend on the number of threads.

        ``progress`` is told now and then how many points are done; what it raises ends the run.
        """
        rows = typed(columns, self.candidates.defaults)
        m = len(rows)
        out = Trials(
            numbers=numbers,
            values=dict(columns),
            figures=np.full((m, len(FIGURES)), np.nan),
            mean=np.zeros(m),
            sums=np.zeros((m, self._blocks)),
            squares=np.zeros((m, self._blocks)),
        )
        allowed = np.ones(m, np.bool_)
        reasons = [""] * m

        def share(first: int) -> None:
            scratch = _Scratch(self.book)
            for k in range(first, min(first + SHARE, m)):
                try:
                    self._trial(self.candidates.define(rows[k]), scratch, out, k)
                except (ConfigError, StrategyError) as error:
                    at = ", ".join(f"{name}={value:g}" for name, value in rows[k].items())
                    allowed[k], reasons[k] = False, f"{at}: {error}"

        tell = progress or (lambda count: None)
        if self.workers == 1:
            for first in range(0, m, SHARE):
                share(first)
                tell(min(first + SHARE, m))
        else:
            pool = ThreadPoolExecutor(self.workers)
            try:
                for done, _ in enumerate(pool.map(share, range(0, m, SHARE)), 1):
                    tell(min(done * SHARE, m))
            finally:
                pool.shutdown(cancel_futures=True)
        return _kept(out, allowed, reasons)

    def _trial(self, strategy: StrategyDefinition, scratch: _Scratch, out: Trials, k: int) -> None:
        book = self.book
        scratch.total[:] = 0.0
        fills, traded, costs, held = 0, 0.0, 0.0, 0.0
        for i, bars in enumerate(book.bars):
            exposure = scratch.exposure[i]
            exposures(strategy, bars, scratch.present[i], exposure, self._dtype)
            totals = run_targets(book.matched[i], exposure[:, 0], self._settings, scratch.equity[i])
            add_equity(scratch.total, scratch.equity[i], book.rows[i], book.settings.capital)
            fills += totals.fills
            traded += totals.traded
            costs += totals.fees + totals.slippage + totals.borrowed
            held += totals.in_market / len(bars) / len(book.bars)
        figures = out.figures[k]
        out.mean[k] = trial_figures(
            scratch.total,
            book.capital,
            book.bars_per_year,
            self.edges,
            scratch.returns,
            figures,
            out.sums[k],
            out.squares[k],
        )
        figures[6:] = fills, traded / book.capital, costs, held

    def equity(self, values: Mapping[str, float]) -> np.ndarray:
        """The book's equity (T,) at one point."""
        scratch = _Scratch(self.book)
        row = typed({n: np.array([float(v)]) for n, v in values.items()}, self.candidates.defaults)[0]
        out = Trials(
            np.zeros(1), {}, np.zeros((1, len(FIGURES))), np.zeros(1), *np.zeros((2, 1, self._blocks))
        )
        self._trial(self.candidates.define(row), scratch, out, 0)
        return scratch.total


class _Scratch:
    """Arrays of one thread: exposures and equity of each instrument, and the book's."""

    def __init__(self, book: Book) -> None:
        self.exposure = [np.zeros((len(b), 1)) for b in book.bars]
        self.present = [np.ones((len(b), 1), np.bool_) for b in book.bars]
        self.equity = [np.zeros(len(b)) for b in book.bars]
        self.total = np.zeros(book.length)
        self.returns = np.zeros(book.length - 1)


def exposures(
    strategy: StrategyDefinition,
    bars: np.ndarray,
    present: np.ndarray,
    out: np.ndarray,
    state_dtype: np.dtype | None,
) -> None:
    """What a strategy wants at each close, into ``out`` (T, 1)."""
    if isinstance(strategy, CompiledStrategy):
        dtype = strategy.state_dtype if state_dtype is None else state_dtype
        try:
            strategy.run(strategy.params, np.zeros(1, dtype), bars.reshape(-1, 1), present, np.zeros(1), out)
            fine = bool(np.abs(out).max() <= 1.0)
        except Exception:
            fine = False
        if not fine:
            out[:, 0] = strategy.scan(bars)  # tells file, line and value
    else:
        out[:, 0] = strategy.scan(bars)


def _kept(out: Trials, allowed: np.ndarray, reasons: Sequence[str]) -> Trials:
    if allowed.all():
        return out
    return Trials(
        numbers=out.numbers[allowed],
        values={name: column[allowed] for name, column in out.values.items()},
        figures=out.figures[allowed],
        mean=out.mean[allowed],
        sums=out.sums[allowed],
        squares=out.squares[allowed],
        refused=int((~allowed).sum()),
        reason=next(r for r in reasons if r),
    )
