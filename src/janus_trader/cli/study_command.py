"""``janus study detectors``: the product's detectors in markets whose truth is known."""

from __future__ import annotations

import sys
from pathlib import Path

from janus_trader.cli.display import print_json, print_table, print_words


def study_detectors_command(
    lives: int, days: int, html: str | None, document: str | None, as_json: bool
) -> None:
    """Live, judge, print; see `janus_trader.cli.studies.study_detectors`."""
    from rich.console import Console
    from rich.progress import Progress

    from janus_trader.cli.generated import replace_generated
    from janus_trader.research import detector_page as pages
    from janus_trader.research.detector_study import CRASH_WORLDS, detector_study
    from janus_trader.runs.driver import Progress as State

    console = Console(stderr=True)
    with Progress(console=console, disable=as_json or not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("", total=lives * (1 + len(CRASH_WORLDS)))
        done = 0

        def display(world: str, state: State) -> None:
            nonlocal done
            done += state.step == state.total
            progress.update(
                task, description=world, completed=done + (state.step % state.total) / state.total
            )

        study = detector_study(lives, days, display=display)
    if html:
        Path(html).write_text(pages.page(study))
    if document:
        path = Path(document)
        path.write_text(replace_generated(path.read_text(), pages.markdown(study), "janus study detectors"))
    if as_json:
        print_json(study)
        return
    print_words(pages.in_words(study))
    for title, columns, rows in (
        ("regimes", pages.REGIME_COLUMNS, pages.regime_rows(study)),
        (
            "confusion: share of the bars of each true regime",
            pages.CONFUSION_COLUMNS,
            pages.confusion_rows(study),
        ),
        ("postures", pages.POSTURE_COLUMNS, pages.posture_rows(study)),
    ):
        print_words([""])
        print_table(title, columns, rows)
    print_words([f"{what}: {path}" for what, path in (("picture", html), ("page", document)) if path])
