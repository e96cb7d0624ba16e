"""``janus study nights``: what the nights of a run were worth."""

from __future__ import annotations

from pathlib import Path

from janus_trader.cli.display import print_json, print_table, print_words
from janus_trader.cli.inspect_commands import resolve_run


def study_nights_command(run_path: str, html: str | None, as_json: bool) -> None:
    """Read, judge, print; see `janus_trader.cli.studies.study_nights`."""
    from janus_trader.research.learning_curves import nights_study
    from janus_trader.research.learning_curves import page as pages

    study = nights_study(str(resolve_run(run_path)))
    if html:
        Path(html).write_text(pages.page(study), encoding="utf-8")
    if as_json:
        print_json(study)
        return
    print_table("", pages.COLUMNS, pages.rows(study))
    print_words([*pages.in_words(study), *([f"picture: {html}"] if html else [])])
