"""``janus simulate``: a market to which something known happens, as files that other commands read."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from janus_trader.cli.display import print_json, print_table, print_words
from janus_trader.contracts.errors import ConfigError

if TYPE_CHECKING:
    from janus_trader.simulation.market_request import MarketRequest
    from janus_trader.simulation.scenarios import SimulatedMarket


@dataclass(frozen=True)
class SimulateArguments:
    """What the user typed."""

    scenario: str | None
    assets: int | None
    days: int | None
    minutes: int | None
    bar: str | None
    severity: float
    seed: int
    level: str
    out: str | None
    plot: str | None
    list: bool
    json: bool


def simulate_command(arguments: SimulateArguments) -> None:
    """Simulate, write, and say what is true of each phase; see `janus_trader.cli.markets.simulate`."""
    from janus_trader.simulation.market_request import MarketRequest

    if arguments.list:
        _list(arguments.json)
        return
    if arguments.scenario is None:
        raise ConfigError("no scenario given", expected="--scenario NAME", remedy="--list names them")
    if arguments.level not in ("bars", "book"):
        raise ConfigError("--level is not allowed", got=arguments.level, expected="bars or book")
    if arguments.level == "book":
        summary = _book(arguments, arguments.scenario)
    else:
        _refuse(arguments, "bars", "minutes")
        request = MarketRequest(
            scenario=arguments.scenario,
            assets=5 if arguments.assets is None else arguments.assets,
            days=arguments.days,
            bar=arguments.bar,
            severity=arguments.severity,
        )
        summary = _bars(arguments, request)
    if arguments.json:
        print_json(summary)
    else:
        _print(summary)


def _list(as_json: bool) -> None:
    from janus_trader.simulation.market_request import scenarios

    rows = [
        {"scenario": s.name, "what happens": s.meaning, "days": s.days, "bar": s.bar, "book": s.book}
        for s in scenarios()
    ]
    if as_json:
        print_json(rows)
        return
    cells = [
        [r["scenario"], r["what happens"], r["days"], r["bar"], "yes" if r["book"] else ""] for r in rows
    ]
    print_table("", ("scenario", "what happens", "days", "bar", "book"), cells)


def _refuse(arguments: SimulateArguments, level: str, *names: str) -> None:
    for name in names:
        if getattr(arguments, name) is not None:
            raise ConfigError(
                f"--{name} means nothing for --level {level}",
                got=getattr(arguments, name),
                remedy=f"leave out --{name}",
            )


@contextlib.contextmanager
def _shown(arguments: SimulateArguments) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    quiet = not sys.stderr.isatty() or arguments.json
    with Progress(console=Console(stderr=True), disable=quiet, transient=True) as progress:
        task = progress.add_task(arguments.scenario or "", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _bars(arguments: SimulateArguments, request: MarketRequest) -> dict[str, Any]:
    from janus_trader.simulation.market_files import check_out, write_market
    from janus_trader.simulation.market_request import make_market

    if arguments.out:
        check_out(Path(arguments.out))
    with _shown(arguments) as display:
        market = make_market(request, arguments.seed, display=display)
    files = write_market(market, Path(arguments.out)) if arguments.out else {}
    return _summary(arguments, market, files)


def _book(arguments: SimulateArguments, scenario: str) -> dict[str, Any]:
    from janus_trader.simulation.market_files import check_out, write_book
    from janus_trader.simulation.scenarios.book import DEFAULT_MINUTES, simulate_book

    _refuse(arguments, "book", "assets", "days", "bar")
    if arguments.out:
        check_out(Path(arguments.out))
    minutes = DEFAULT_MINUTES if arguments.minutes is None else arguments.minutes
    with _shown(arguments) as display:
        book = simulate_book(
            scenario, arguments.seed, minutes=minutes, severity=arguments.severity, display=display
        )
    files = write_book(book, Path(arguments.out)) if arguments.out else {}
    summary = _summary(arguments, book.bars, files)
    return {**summary, "messages": len(book.recording.messages), "trades": len(book.trades)}


def _summary(arguments: SimulateArguments, market: SimulatedMarket, files: dict[str, str]) -> dict[str, Any]:
    from janus_trader.simulation.scenarios import bar_text
    from janus_trader.simulation.scenarios.summary import phase_summaries

    if arguments.plot:
        from janus_trader.runs.simulated_picture import market_page

        Path(arguments.plot).write_text(market_page(market, f"{market.name}, seed {arguments.seed}"))
        files["plot"] = arguments.plot
    return {
        "world": market.name,
        "level": arguments.level,
        "seed": arguments.seed,
        "assets": len(market.symbols),
        "bar": bar_text(market.bar_minutes),
        "bars": len(market),
        "phases": phase_summaries(market),
        "files": files,
    }


def _print(summary: dict[str, Any]) -> None:
    def figure(value: float | None, style: str) -> str:
        return "–" if value is None else format(value, style)

    rows = [
        [
            row["phase"],
            row["regime"],
            row["start"].replace("T", " "),
            row["end"].replace("T", " "),
            f"{row['traded']:,} of {row['bars']:,}",
            figure(row["market_return"], "+.1%"),
            figure(row["daily_volatility"], ".2%"),
            figure(row["spread_bps"], ".1f"),
            figure(row["relative_volume"], ".2f"),
        ]
        for row in summary["phases"]
    ]
    counted = "".join(f", {summary[what]:,} {what}" for what in ("messages", "trades") if what in summary)
    many = "instrument" if summary["assets"] == 1 else "instruments"
    print_table(
        f"{summary['world']}, seed {summary['seed']}: {summary['assets']} {many}, {summary['bars']:,} bars of "
        f"{summary['bar']}{counted}",
        ("phase", "truth", "from", "to", "bars traded", "market", "vol. a day", "spread, bps", "volume"),
        rows,
    )
    lines = [f"{what}: {path}" for what, path in summary["files"].items()]
    if "bars" in summary["files"]:
        lines.append(f"next: janus run --data {summary['files']['bars']}")
    if "messages" in summary["files"]:
        lines.append(f"      janus book replay {summary['files']['messages']}")
    if not lines:
        lines.append("nothing was written; --out FILE.parquet keeps it, --plot FILE.html draws it")
    print_words(lines)
