"""``janus forget``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from janus_trader.cli.ablate_command import WorkDisplay, interruptible
from janus_trader.cli.display import print_json, print_table, print_words
from janus_trader.contracts.errors import ConfigError


@dataclass(frozen=True)
class ForgetArguments:
    """What the user typed."""

    seeds: int
    days: int
    held_out: int
    every: int
    regimes: tuple[str, ...]
    config: str | None
    settings: tuple[str, ...]
    out: str | None
    jobs: int
    html: str | None
    document: str | None
    json: bool


def forget_command(arguments: ForgetArguments) -> None:
    """Live, judge, print; see `janus_trader.cli.experiments.forget`."""
    from janus_trader.cli.generated import replace_generated
    from janus_trader.config import load_config
    from janus_trader.research.ablation import Stopped
    from janus_trader.research.forgetting import ForgettingRequest, forgetting_study
    from janus_trader.research.forgetting import page as pages

    request = ForgettingRequest(
        seeds=arguments.seeds,
        days=arguments.days,
        held_out=arguments.held_out,
        every=arguments.every,
        regimes=arguments.regimes,
    )
    config = load_config(Path(arguments.config) if arguments.config else None, None, arguments.settings)
    if arguments.html and not Path(arguments.html).resolve().parent.is_dir():
        raise ConfigError(f"no folder for {arguments.html}", got=arguments.html, remedy="make it first")
    if arguments.document:
        replace_generated(Path(arguments.document).read_text(), "", "janus forget")
    with interruptible() as stop, WorkDisplay("forget", arguments.json) as display:
        try:
            study = forgetting_study(
                request,
                config,
                out=arguments.out,
                jobs=arguments.jobs,
                progress=lambda share: display(share, f"{arguments.seeds} seeds"),
                stop=stop,
            )
        except Stopped as error:
            kept = (
                f"janus forget --out {arguments.out} goes on"
                if arguments.out
                else "--out DIR keeps each seed"
            )
            raise Stopped("interrupted; every finished seed is kept in --out", remedy=kept) from error
    if arguments.html:
        Path(arguments.html).write_text(pages.page(study), encoding="utf-8")
    if arguments.document:
        path = Path(arguments.document)
        path.write_text(replace_generated(path.read_text(), pages.markdown(study), "janus forget"))
    if arguments.json:
        print_json(study)
        return
    words = pages.in_words(study)
    print_words(words[:1])
    print_table("", pages.COLUMNS, pages.rows(study))
    print_words(words[1:])
    written = (("kept in", arguments.out), ("picture", arguments.html), ("page", arguments.document))
    print_words([f"{what}: {path}" for what, path in written if path])
