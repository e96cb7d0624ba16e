"""``janus book compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from janus_trader.cli.display import print_json, print_table, print_words
from janus_trader.cli.generated import replace_generated
from janus_trader.contracts.errors import ConfigError

if TYPE_CHECKING:
    from janus_trader.research.market_realism import Comparison

_COMMAND = "janus book compare"


def book_compare_command(
    files: tuple[str, ...], html: str | None, document: str | None, seed: int, as_json: bool
) -> None:
    """Measure real recordings and a simulated one, and print where the simulation fails."""
    from rich.console import Console

    from janus_trader.data.sources.book_feeds import read_feed
    from janus_trader.research.market_realism import compare, comparison_page, measure, observe

    if len(files) < 2:
        raise ConfigError(
            "nothing to compare with",
            got=f"{len(files)} file",
            expected="one or more real recordings, then the simulated one",
            remedy=f"{_COMMAND} REAL... SIMULATED",
        )
    measured = []
    with Console(stderr=True).status("") as status:
        for name in files:
            status.update(f"measuring {name}")
            measured.append(measure(observe(read_feed([Path(name)]).recording), seed))
    comparison = compare(measured[:-1], measured[-1])
    if html is not None:
        Path(html).write_text(comparison_page(comparison), encoding="utf-8")
    if document is not None:
        page = Path(document)
        text = replace_generated(page.read_text(encoding="utf-8"), _markdown(comparison), _COMMAND)
        page.write_text(text, encoding="utf-8")
    if as_json:
        print_json(comparison.body())
        return
    print_table("", _columns(comparison), _cells(comparison))
    print_words([comparison.summary()])
    for path in (html, document):
        if path is not None:
            typer.echo(f"wrote {path}")


def _columns(comparison: Comparison) -> list[str]:
    return ["fact", *(one.name for one in (*comparison.real, comparison.simulated)), "verdict"]


def _cells(comparison: Comparison) -> list[list[str]]:
    from janus_trader.research.market_realism.page import written

    return [[row.name, *map(written, (*row.real, row.simulated)), row.verdict] for row in comparison.rows]


def _markdown(comparison: Comparison) -> str:
    columns = _columns(comparison)
    lines = [
        "| " + " | ".join(cells) + " |" for cells in (columns, ["---"] * len(columns), *_cells(comparison))
    ]
    fails = [f"- {row.title}: {row.verdict.removeprefix('fails: ')}" for row in comparison.failures()]
    return "\n".join([comparison.summary(), *(["It fails in:", "", *fails] if fails else []), "", *lines])
