"""``janus study memory``: a run's memories on one map over its nights."""

from __future__ import annotations

from pathlib import Path

from janus_trader.cli.display import print_json, print_table, print_words


def study_memory_command(
    run: str, maps: int, window: int, seed: int, html: str | None, document: str | None, as_json: bool
) -> None:
    """Map, measure, print; see `janus_trader.research.manifold_study`."""
    from rich.console import Console

    from janus_trader.cli.generated import replace_generated
    from janus_trader.research.manifold_study import (
        DRIFT_COLUMNS,
        drift_rows,
        in_words,
        picture,
        study_run,
    )

    with Console(stderr=True).status("mapping memories"):
        study = study_run(run, maps, window, seed)
    if html is not None:
        Path(html).write_text(picture(study), encoding="utf-8")
    if document is not None:
        page = Path(document)
        table = [DRIFT_COLUMNS, ["---"] * len(DRIFT_COLUMNS), *drift_rows(study)]
        lines = [*in_words(study), "", *("| " + " | ".join(cells) + " |" for cells in table)]
        text = replace_generated(page.read_text(encoding="utf-8"), "\n".join(lines), "janus study memory")
        page.write_text(text, encoding="utf-8")
    if as_json:
        print_json(study)
        return
    print_words(in_words(study))
    print_table("drift from night to night", DRIFT_COLUMNS, drift_rows(study))
    print_words([f"{what}: {path}" for what, path in (("picture", html), ("page", document)) if path])
