"""``janus study memory``: a run's memories on one map over its nights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from janus_trader.cli.display import print_json, print_table, print_words
from janus_trader.contracts.errors import ConfigError


def study_memory_command(
    run: str,
    maps: int,
    window: int,
    seed: int,
    html: str | None,
    document: str | None,
    as_json: bool,
    parametric: bool = False,
) -> None:
    """Map, measure, print; see `janus_trader.research.manifold_study`. ``parametric`` needs the extra ``ml``."""
    from rich.console import Console

    from janus_trader.cli.generated import replace_generated
    from janus_trader.research.manifold_study import (
        DRIFT_COLUMNS,
        PLACING_COLUMNS,
        drift_rows,
        in_words,
        picture,
        placing_rows,
        study_run,
    )

    if parametric:
        _require_torch()
    with Console(stderr=True).status("mapping memories"):
        study = study_run(run, maps, window, seed, parametric)
    if html is not None:
        Path(html).write_text(picture(study), encoding="utf-8")
    if document is not None:
        page = Path(document)
        lines = [*in_words(study), "", *_markdown(DRIFT_COLUMNS, drift_rows(study))]
        if parametric:
            lines += ["", *_markdown(PLACING_COLUMNS, placing_rows(study))]
        text = replace_generated(page.read_text(encoding="utf-8"), "\n".join(lines), "janus study memory")
        page.write_text(text, encoding="utf-8")
    if as_json:
        print_json(study)
        return
    print_words(in_words(study))
    print_table("drift from night to night", DRIFT_COLUMNS, drift_rows(study))
    if parametric:
        print_table("networks that place new memories", PLACING_COLUMNS, placing_rows(study))
    print_words([f"{what}: {path}" for what, path in (("picture", html), ("page", document)) if path])


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (columns, ["---"] * len(columns), *rows)]


def _require_torch() -> None:
    # before minutes of mapping, not after them
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError(
            "parametric maps are trained with torch",
            got="torch is not installed",
            remedy="pip install 'janus-trader[ml]'",
        ) from error
