"""``janus study markov``: whether the Markov forecast of the regime helps."""

from __future__ import annotations

from pathlib import Path

from janus_trader.cli.display import print_json, print_table, print_words


def study_markov_command(markets: int, document: str | None, as_json: bool) -> None:
    """Measure, print; see `janus_trader.research.markov_study`."""
    from rich.console import Console

    from janus_trader.cli.generated import replace_generated
    from janus_trader.research.markov_study import COLUMNS, in_words, markov_study, rows

    with Console(stderr=True).status("") as status:
        study = markov_study(markets, display=lambda done: status.update(f"{done} of {markets} markets"))
    if document is not None:
        page = Path(document)
        table = [COLUMNS, ["---"] * len(COLUMNS), *rows(study)]
        lines = [*in_words(study), "", *("| " + " | ".join(cells) + " |" for cells in table)]
        text = replace_generated(page.read_text(encoding="utf-8"), "\n".join(lines), "janus study markov")
        page.write_text(text, encoding="utf-8")
    if as_json:
        print_json(study)
        return
    print_words(in_words(study))
    print_table("", COLUMNS, rows(study))
