"""``janus backtest``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from janus_trader.cli.data_commands import parse_columns
from janus_trader.cli.display import print_json, print_table, print_words
from janus_trader.contracts.backtest import BacktestSettings
from janus_trader.contracts.errors import ConfigError
from janus_trader.runs.history import HistoryRequest


@dataclass(frozen=True)
class BacktestArguments:
    """What the user typed."""

    strategy: str
    data: tuple[str, ...]
    start: str | None
    end: str | None
    symbols: tuple[str, ...]
    form: str
    venue: str
    capital: float
    size: float | None
    leverage: float
    maintenance_margin: float
    borrow_rate: float
    debit_rate: float
    fee_bps: float
    slippage_bps: float
    max_volume_frac: float
    tick: float
    lot: float
    same_close: bool
    holdout: bool
    out: str | None
    timezone: str | None
    bar_end: bool | None
    columns: str | None
    json: bool


def backtest_command(arguments: BacktestArguments) -> None:
    """Back-test, print the table, and write the picture where a directory was given."""
    from janus_trader.research.backtest.report import BacktestRequest, Engine, Form, run_backtest

    for name, value, allowed in (
        ("--form", arguments.form, ("targets", "brackets")),
        ("--venue", arguments.venue, ("compiled", "nautilus", "both")),
    ):
        if value not in allowed:
            raise ConfigError(f"{name} is not allowed", got=value, expected="one of " + ", ".join(allowed))
    for name, number, low, high in (
        ("--fee-bps", arguments.fee_bps, -100.0, 1000.0),
        ("--tick", arguments.tick, 1e-9, 1e9),
        ("--lot", arguments.lot, 1e-9, 1e9),
        ("--borrow-rate", arguments.borrow_rate, 0.0, 10.0),
        ("--debit-rate", arguments.debit_rate, 0.0, 10.0),
        ("--maintenance-margin", arguments.maintenance_margin, 0.0, 1.0),
    ):
        if not low <= number <= high:
            raise ConfigError(f"{name} is not allowed", got=number, expected=f"from {low:g} to {high:g}")
    settings = BacktestSettings(
        capital=arguments.capital,
        taker_fee=1e-4 * arguments.fee_bps,
        maker_fee=1e-4 * arguments.fee_bps,
        slippage="bps" if arguments.slippage_bps else "none",
        slippage_size=arguments.slippage_bps,
        max_volume_frac=arguments.max_volume_frac,
        leverage=arguments.leverage,
        maintenance_margin=arguments.maintenance_margin,
        borrow_rate=arguments.borrow_rate,
        debit_rate=arguments.debit_rate,
        tick_size=arguments.tick,
        lot_size=arguments.lot,
        fill="same_close" if arguments.same_close else "next_open",
    )
    request = BacktestRequest(
        strategy=arguments.strategy,
        history=HistoryRequest(
            files=tuple(str(Path(f).resolve()) for f in arguments.data),
            timezone=arguments.timezone,
            bar_end=arguments.bar_end,
            columns=parse_columns(arguments.columns),
            start=arguments.start,
            end=arguments.end,
            symbols=arguments.symbols,
        ),
        settings=settings,
        size=arguments.size,
        form=cast("Form", arguments.form),
        engine=cast("Engine", arguments.venue),
        holdout=arguments.holdout,
    )
    out = Path(arguments.out) if arguments.out else None
    summary = run_backtest(request, out, date=f"{datetime.now(UTC):%Y-%m-%d}")
    if arguments.json:
        print_json(summary)
    else:
        _print(summary, out)


def _print(summary: dict[str, Any], out: Path | None) -> None:
    from janus_trader.runs.figures_text import COLUMNS, number

    rows = [[label, number(summary[key], style)] for key, style, label in COLUMNS]
    interval = summary["sharpe_interval"]
    told = "–" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"
    at = next(k for k, row in enumerate(rows) if row[0] == "Sharpe") + 1
    rows.insert(at, ["  95 % interval", told])
    rows += [[f"  {name}", number(summary[name], ",")] for name in ("fees", "slippage", "borrowed")]
    rows += [[name, str(summary[name])] for name in ("orders", "fills", "liquidations")]
    many = len(summary["symbols"])
    title = (
        f"{summary['strategy']} ({summary['form']}) on {many} instrument{'s' if many > 1 else ''}, "
        f"{summary['bars']:,} bars, {summary['start']} to {summary['end']}"
    )
    print_table(title, ["", summary["engine"]], rows)
    lines = _words(summary)
    if "agreement" in summary:
        found = summary["agreement"]
        lines.append(
            "nautilus_trader: the same orders and fills; equity differs by at most "
            + f"{found['equity']:.2g}."
            if found["exact"]
            else f"nautilus_trader differs: {found['first_difference']}; equity by {found['equity']:.6g}."
        )
    if summary["survivorship_note"]:
        lines.append(summary["survivorship_note"])
    if out is not None:
        lines.append(f"picture: {out / 'equity.html'}   records: {out}/orders.csv, fills.csv, summary.json")
    print_words(lines)


def _words(summary: dict[str, Any]) -> list[str]:
    """What the figures alone do not say."""
    lines = []
    if summary["fills"] == 0:
        lines.append("It never traded: every figure is that of cash.")
    refused = summary["refused"]
    for name, reason in (
        ("margin", "would have gone beyond --leverage, with all orders that waited"),
        ("invalid", "had a size, price or kind that cannot be"),
        ("no_room", "came when too many orders waited already"),
    ):
        if refused[name]:
            lines.append(f"{refused[name]:,} order{'s' if refused[name] > 1 else ''} refused: {reason}.")
    if summary["free_financing"]:
        lines.append(
            "It borrowed shares or cash at no charge (--borrow-rate or --debit-rate is 0): "
            "financing was free, and it would not be."
        )
    return lines
