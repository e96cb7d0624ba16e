"""``janus backtest``: one strategy over a history, its figures with an interval, and its picture."""

from __future__ import annotations

import csv
import difflib
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
    OrderKind,
    OrderState,
    agreement,
)
from janus_trader.contracts.errors import ConfigError
from janus_trader.contracts.panel import MarketPanel
from janus_trader.research.backtest.run import Form, backtest
from janus_trader.runs.history import SELECTION_END, HistoryRequest, day_ns, iso, load_history
from janus_trader.runs.performance import bar_returns, figures
from janus_trader.runs.trials import NAME as TRIALS
from janus_trader.runs.trials import append_trial, find_trials
from janus_trader.strategies.catalogue import NAMES, default_strategies
from janus_trader.strategies.config import Strategies
from janus_trader.strategies.definition import StrategyDefinition

#: Kind of the summary, and of the line in the record of trials.
KIND = "backtest"
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
        near = difflib.get_close_matches(text, NAMES, n=1)
        raise ConfigError(
            f"no strategy {text!r}",
            got=text,
            expected="a .py file, or one of " + ", ".join(NAMES),
            remedy=f"did you mean {near[0]}?" if near else None,
        )
    from janus_trader.strategies.user import load_strategy

    return load_strategy(text)


def run_backtest(request: BacktestRequest, out: Path | None = None, *, date: str = "") -> dict[str, Any]:
    """Back-test as asked; with ``out``, write the picture and the records there. Returns the summary.

    The default book beyond its selection period is opened only with ``holdout``, and that is recorded
    before anything is traded; a back-test within that period is recorded as one trial. ``date`` is the day
    that the record gives.

    Raises
    ------
    ConfigError
        An unknown strategy, brackets of a strategy without them, the holdout without asking for it or
        without a record to write it to, or an ``out`` that holds something else's results.
    DataError
        Data that cannot be loaded or traded.
    """
    strategy = strategy_named(request.strategy)
    if out is not None:
        _check_out(out)
    panel = load_history(_within_selection(request)).panel
    ours = not request.history.files and request.history.world == "real"
    if ours and request.holdout:
        _record_opening(request, panel, date)
    settings = msgspec.structs.replace(
        request.settings,
        bars_per_year=panel.bars_per_year,
        size=1.0 / len(panel.symbols) if request.size is None else request.size,
    )
    results = _results(request, strategy, panel, settings)
    result = results[0]
    summary = _summary(request, panel, result, settings)
    if ours and summary["end"] <= SELECTION_END:
        _record_trial(request, panel, date, summary)
    if len(results) == 2:
        found = agreement(*results)
        summary["agreement"] = {**found._asdict(), "exact": found.exact}
    if out is not None:
        _write(out, summary, panel, result)
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
    request: BacktestRequest, strategy: StrategyDefinition, panel: MarketPanel, settings: BacktestSettings
) -> list[BacktestResult]:
    engines = []
    if request.engine != "nautilus":
        engines.append(backtest)
    if request.engine != "compiled":
        from janus_trader.trader.strategy_backtest import venue_backtest

        engines.append(venue_backtest)
    return [
        run(strategy, panel.bars, settings, form=request.form, present=panel.present, times=panel.ts)
        for run in engines
    ]


def _free_financing(result: BacktestResult, settings: BacktestSettings) -> bool:
    """Whether shares or cash were borrowed at no charge."""
    fills = result.fills
    spent = np.cumsum(fills["quantity"] * fills["price"] + fills["fee"])
    levered = bool((spent > settings.capital * (1.0 + 1e-3)).any())
    held = (fills["quantity"][fills["instrument"] == i] for i in range(len(result.quantity)))
    short = any((np.cumsum(q) < -0.5 * settings.lot_size).any() for q in held)
    return (short and settings.borrow_rate == 0.0) or (levered and settings.debit_rate == 0.0)


def _refused(result: BacktestResult) -> dict[str, int]:
    """Refused orders by reason."""
    reasons = {
        "margin": OrderState.REFUSED_MARGIN,
        "invalid": OrderState.REFUSED_INVALID,
        "no_room": OrderState.REFUSED_CAPACITY,
    }
    return {name: int((result.orders["state"] == state).sum()) for name, state in reasons.items()}


def _summary(
    request: BacktestRequest, panel: MarketPanel, result: BacktestResult, settings: BacktestSettings
) -> dict[str, Any]:
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
        "kind": KIND,
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
        "refused": _refused(result),
        "free_financing": _free_financing(result, settings),
        "settings": msgspec.to_builtins(settings),
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


def _check_out(out: Path) -> None:
    """Refuse a directory that holds the summary of something else."""
    path = out / "summary.json"
    if not path.exists():
        return
    try:
        kind = msgspec.json.decode(path.read_bytes(), type=dict[str, Any]).get("kind")
    except msgspec.MsgspecError:
        kind = None
    if kind != KIND:
        raise ConfigError(
            f"{out} holds the results of something else",
            got=f"{path} that no back-test wrote",
            expected="a new directory, or one of an earlier back-test",
            remedy="choose another --out",
        )


_KINDS = {0: "no entry left", **{int(kind): kind.name.lower() for kind in OrderKind}}
_STATES = {int(state): state.name.lower() for state in OrderState}


def _write(out: Path, summary: dict[str, Any], panel: MarketPanel, result: BacktestResult) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary)))
    told = {
        "instrument": lambda i: panel.symbols[i],
        "kind": _KINDS.__getitem__,
        "state": _STATES.__getitem__,
        "maker": lambda flag: "maker" if flag else "taker",
    }
    for name, records in (("orders", result.orders), ("fills", result.fills)):
        names = (ORDER_DTYPE if name == "orders" else FILL_DTYPE).names or ()
        with open(out / f"{name}.csv", "w", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(["time", *("liquidity" if k == "maker" else k for k in names)])
            for row in records:
                at = np.datetime_as_string(panel.ts[row["bar"]].astype("datetime64[ns]"), unit="s")
                values = row.tolist()
                cells = [told[k](v) if k in told else v for k, v in zip(names, values, strict=True)]
                writer.writerow([f"{at}Z", *cells])
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
    return str(figure.to_html(full_html=True, include_plotlyjs=True, div_id="equity"))


def _record_opening(request: BacktestRequest, panel: MarketPanel, date: str) -> None:
    """Record that the held-out years are opened, before anything is traded in them.

    Raises
    ------
    ConfigError
        There is no record to write to.
    """
    if iso(int(panel.ts[-1])) <= SELECTION_END:
        return
    path = find_trials()
    if path is None:
        raise ConfigError(
            "the held-out years are opened on the record only, and there is none",
            got=f"no {TRIALS} here or beside the source",
            expected=f"a file {TRIALS}",
            remedy=f"go to the directory of the project, or make an empty {TRIALS} here",
        )
    append_trial(path, _trial(request, panel, date, "holdout"))


def _record_trial(request: BacktestRequest, panel: MarketPanel, date: str, summary: dict[str, Any]) -> None:
    """Count one more configuration that was judged on the book that ships, where there is a record."""
    path = find_trials()
    if path is not None:
        figures_ = {name: summary[name] for name in ("sharpe", "max_drawdown")}
        append_trial(path, {**_trial(request, panel, date, KIND), **figures_})


def _trial(request: BacktestRequest, panel: MarketPanel, date: str, kind: str) -> dict[str, Any]:
    return {
        "at": date,
        "kind": kind,
        "span": f"{iso(int(panel.ts[0]))}..{iso(int(panel.ts[-1]))}",
        "strategy": Path(request.strategy).name,
        "note": f"janus backtest, {request.form}, {request.engine}",
    }
