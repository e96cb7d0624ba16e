"""``janus study forecast``: train a probabilistic forecaster and judge it beside volatility alone."""

from __future__ import annotations

import sys
from pathlib import Path

from janus_trader.cli.display import print_json, print_table, print_words
from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import build
from janus_trader.runs.history import SELECTION_END, HistoryRequest


def study_forecast_command(
    data: tuple[str, ...],
    symbols: tuple[str, ...],
    start: str | None,
    end: str | None,
    network: str,
    output: str,
    window: int,
    folds: int,
    epochs: int,
    seed: int,
    html: str | None,
    as_json: bool,
) -> None:
    """Train, judge, print; see `janus_trader.cli.studies.study_forecast`."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ConfigError(
            "forecasters are trained with torch",
            got="torch is not installed",
            remedy="pip install 'janus-trader[ml]'",
        ) from error
    from rich.console import Console
    from rich.progress import Progress

    from janus_trader.learning.forecasting import ForecasterConfig
    from janus_trader.research.forecasts import page as pages
    from janus_trader.research.forecasts.study import ForecastRequest, forecast_study

    torch.set_num_threads(1)  # sums of several threads come in no fixed order
    config = build(ForecasterConfig, [{"kind": network, "output": output}])
    if end is None and not data:
        end = SELECTION_END
    history = HistoryRequest(files=data, symbols=symbols, start=start, end=end, seed=seed)
    request = ForecastRequest(history, config, window=window, folds=folds, epochs=epochs, seed=seed)
    console = Console(stderr=True)
    with Progress(console=console, disable=as_json or not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("training", total=folds * epochs)

        def display(fold: int, of: int, epoch: int, last: int) -> None:
            progress.update(task, description=f"fold {fold + 1} of {of}", completed=fold * last + epoch)

        study = forecast_study(request, display)
    if html:
        Path(html).write_text(pages.page(study))
    if as_json:
        print_json(study)
        return
    print_words(pages.in_words(study))
    print_table("", pages.COLUMNS, pages.rows(study))
    if html:
        print_words([f"picture: {html}"])
