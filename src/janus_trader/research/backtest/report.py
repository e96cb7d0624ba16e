"""``janus backtest``: one strategy over a history, its figures with an interval, and its picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from janus_trader.contracts.backtest import (
    FILL_DTYPE,
    ORDER_DTYPE,
    BacktestResult,
    BacktestSettings,
    agreement,
)
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.panel import MarketPanel
from janus_trader.research.backtest.run import Form, backtest
from janus_trader.runs.history import SELECTION_END, HistoryRequest, day_ns, iso, load_history
from janus_trader.runs.performance import bar_returns, figures
from janus_trader.runs.trials import append_trial, find_trials
from janus_trader.strategies.catalogue import NAMES, default_strategies
from janus_trader.strategies.config import Strategies
from janus_trader.strategies.definition import StrategyDefinition

Engine = Literal["compiled", "nautilus", "both"]
#: Resamples, and mean block in bars, of the interval of the Sharpe ratio.
_SAMPLES, _BLOCK, _LEAST_RETURNS = 2000, 21.0, 60


@dataclass(frozen=True)
class BacktestRequest:
    """What is to be back-tested, and how; ``size`` None shares the equity evenly between the instruments."""

    strategy: str
    history: HistoryRequest
    settings: BacktestSettings
    size: float | None = None
    form: Form = "targets"
    engine: Engine = "compiled"
    holdout: bool = False
    seed: int = 0


def strategy_named(text: str) -> StrategyDefinition:
    """A strategy of the catalogue by its name, or one from a file.

    Raises
    ------
    ConfigError, StrategyError
        Neither a name nor a usable file.
    """
    if text in NAMES:
        return default_strategies(Strategies(enabled=(text,)))[0]
    if not text.endswith(".py"):
        raise ConfigError(
            f"no strategy {text!r}", got=text, expected="a .py file, or one of " + ", ".join(NAMES)
        )
    from janus_trader.strategies.user import load_strategy

    return load_strategy(text)


def run_backtest(request: BacktestRequest, out: Path | None = None) -> dict[str, Any]:
    """Back-test as asked; with ``out``, write the picture and the records there. Returns the summary.

    The default book beyond its selection period is opened only with ``holdout``, and that is recorded.

    Raises
    ------
    ConfigError
        An unknown strategy, brackets of a strategy without them, or the holdout without asking for it.
    DataError
        Data that cannot be loaded or traded.
    """
    strategy = strategy_named(request.strategy)
    panel = load_history(_within_selection(request)).panel
    results = _results(request, strategy, panel)
    result = results[0]
    summary = _summary(request, panel, result)
    if len(results) == 2:
        found = agreement(*results)
        summary["agreement"] = {**found._asdict(), "exact": found.exact}
    if out is not None:
        _write(out, summary, panel, result)
    if request.holdout and not request.history.files and summary["end"] > SELECTION_END:
        _record(request, summary)
    return summary


def _within_selection(request: BacktestRequest) -> HistoryRequest:
    history = msgspec.structs.replace(request.history, warmup_bars=0)
    if history.files or request.holdout:
        return history
    if history.end is not None and day_ns(history.end, end=True) > day_ns(SELECTION_END, end=True):
        raise ConfigError(
            "the default book after its selection period is held out",
            got=f"--to {history.end}",
            expected=f"at most {SELECTION_END}",
            remedy="--holdout opens it, on the record",
        )
    return msgspec.structs.replace(history, end=history.end or SELECTION_END)


def _results(
    request: BacktestRequest, strategy: StrategyDefinition, panel: MarketPanel
) -> list[BacktestResult]:
    engines = []
    if request.engine != "nautilus":
        engines.append(backtest)
    if request.engine != "compiled":
        from janus_trader.trader.strategy_backtest import venue_backtest

        engines.append(venue_backtest)
    settings = msgspec.structs.replace(
        request.settings,
        bars_per_year=panel.bars_per_year,
        size=1.0 / len(panel.symbols) if request.size is None else request.size,
    )
    return [
        run(strategy, panel.bars, settings, form=request.form, present=panel.present, times=panel.ts)
        for run in engines
    ]


def _summary(request: BacktestRequest, panel: MarketPanel, result: BacktestResult) -> dict[str, Any]:
    totals = result.totals
    held = np.arange(len(panel)) < totals.in_market
    costs = totals.fees + totals.slippage + totals.borrowed
    equity = result.equity
    values = figures(
        equity,
        bars_per_year=panel.bars_per_year,
        cash_rate=0.0,
        traded_value=totals.traded,
        costs=costs,
        in_market=held,
    ).to_dict()
    return {
        "strategy": request.strategy,
        "form": request.form,
        "engine": result.engine,
        "symbols": list(panel.symbols),
        "bars": len(panel),
        "start": iso(int(panel.ts[0])),
        "end": iso(int(panel.ts[-1])),
        **values,
        "sharpe_interval": _interval(equity, panel.bars_per_year, request.seed),
        "fees": totals.fees,
        "slippage": totals.slippage,
        "borrowed": totals.borrowed,
        "orders": len(result.orders),
        "fills": len(result.fills),
        "liquidations": totals.liquidations,
        "settings": msgspec.to_builtins(request.settings),
        "survivorship_note": panel.survivorship_note,
    }


def _interval(equity: np.ndarray, bars_per_year: float, seed: int) -> list[float] | None:
    """95 % stationary-bootstrap interval of the Sharpe ratio; None where it is not defined."""
    if not (equity > 0.0).all() or len(equity) <= _LEAST_RETURNS:
        return None
    from janus_trader.numerics.sharpe import stationary_bootstrap_sharpe_difference

    returns = bar_returns(equity)
    if np.std(returns) == 0.0:
        return None
    generator = np.random.default_rng(seed)
    _, low, high = stationary_bootstrap_sharpe_difference(
        returns, np.zeros_like(returns), bars_per_year, _SAMPLES, _BLOCK, generator
    )
    return [float(low), float(high)]


def _write(out: Path, summary: dict[str, Any], panel: MarketPanel, result: BacktestResult) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary)))
    for name, records in (("orders", result.orders), ("fills", result.fills)):
        names = (ORDER_DTYPE if name == "orders" else FILL_DTYPE).names or ()
        lines = ["time," + ",".join(names)]
        lines += [f"{panel.ts[row['bar']]}," + ",".join(f"{row[k]}" for k in names) for row in records]
        (out / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (out / "equity.html").write_text(_picture(summary, panel, result))


def _picture(summary: dict[str, Any], panel: MarketPanel, result: BacktestResult) -> str:
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    every = slice(None, None, max(1, len(panel) // 4000))
    times = panel.ts[every].astype("datetime64[ns]").astype("datetime64[ms]")
    equity = result.equity
    drawdown = equity / np.maximum.accumulate(equity) - 1.0
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.04)
    figure.add_trace(go.Scatter(x=times, y=equity[every], name="equity", line={"color": "#1f3a93"}), 1, 1)
    fall = {"x": times, "y": drawdown[every], "name": "drawdown", "fill": "tozeroy"}
    figure.add_trace(go.Scatter(**fall, line={"color": "#c0392b"}), 2, 1)
    figure.update_yaxes(tickformat=".0%", row=2, col=1)
    title = f"{summary['strategy']}, {summary['start']} to {summary['end']}"
    figure.update_layout(
        title=title, height=560, paper_bgcolor="white", plot_bgcolor="white", hovermode="x unified"
    )
    return str(figure.to_html(full_html=True, include_plotlyjs=True))


def _record(request: BacktestRequest, summary: dict[str, Any]) -> None:
    path = find_trials()
    if path is None:
        return
    append_trial(
        path,
        {
            "kind": "holdout",
            "span": f"{summary['start']}..{summary['end']}",
            "sharpe": summary["sharpe"],
            "max_drawdown": summary["max_drawdown"],
            "note": f"janus backtest, {Path(request.strategy).name}, {request.form}",
        },
    )
