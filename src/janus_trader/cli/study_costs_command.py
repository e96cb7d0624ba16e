"""``janus study costs``: cost forecasts with and without correction, where costs are known."""

from __future__ import annotations

import sys
from pathlib import Path

from janus_trader.cli.display import print_json, print_table, print_words


def study_costs_command(seeds: int, orders: int, document: str | None, as_json: bool) -> None:
    """Trade in simulated markets, compare, print; see `janus_trader.research.cost_forecast_study`."""
    import msgspec
    from rich.console import Console
    from rich.progress import Progress

    from janus_trader.cli.generated import replace_generated
    from janus_trader.research import cost_forecast_page as pages
    from janus_trader.research.cost_forecast_study import WORLDS, cost_forecast_study

    console = Console(stderr=True)
    with Progress(console=console, disable=as_json or not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("", total=seeds * len(WORLDS))

        def display(world: str, seed: int) -> None:
            progress.update(task, description=world, advance=1)

        study = cost_forecast_study(seeds, orders, display=display)
    if document:
        path = Path(document)
        path.write_text(replace_generated(path.read_text(), pages.markdown(study), "janus study costs"))
    if as_json:
        print_json(msgspec.to_builtins(study))
        return
    print_words(pages.in_words(study))
    for title, columns, rows in (
        ("corrected and uncorrected forecasts", pages.ROW_COLUMNS, pages.forecast_rows(study)),
        ("late reports", pages.LATE_COLUMNS, pages.late_rows(study)),
    ):
        print_words([""])
        print_table(title, columns, rows)
    if document:
        print_words([f"page: {document}"])
