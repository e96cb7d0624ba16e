"""``janus explain``, ``replay``, ``compare`` and ``runs list``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import typer

from janus_trader.cli.display import LifeDisplay, print_json, print_table, print_words
from janus_trader.contracts.errors import DataError
from janus_trader.runs.figures_text import LABELS, STYLES, number
from janus_trader.runs.history import iso
from janus_trader.runs.replay import Divergence
from janus_trader.runs.run import Run
from janus_trader.stores.run_directory import RunDirectory, list_runs


def resolve_run(text: str) -> Path:
    """A run's directory from its path or its name under runs/.

    Raises
    ------
    DataError
        Neither is a run.
    """
    for path in (Path(text), Path("runs") / text):
        if (path / "manifest.json").exists():
            return path
    raise DataError(
        f"no run {text}",
        expected="the directory of a run (it holds manifest.json), or its name under runs/",
        remedy="`janus runs list` shows the runs",
    )


def explain_command(run_path: str, decision: str, as_json: bool) -> None:
    """Print one decision in words, or whole as JSON."""
    from janus_trader.runs.explain import explain

    run = Run.load(resolve_run(run_path))
    record, head = run.decision(run.step_of(decision))
    words = explain(record, run.symbols, head)
    if as_json:
        body = msgspec.to_builtins(record, enc_hook=lambda a: a.tolist())
        print_json({"words": words, "chain": head, "record": body})
        return
    print_words(words)


def replay_command(run_path: str, as_json: bool) -> None:
    """Recompute and compare; exit 1 when the run diverges."""
    from janus_trader.runs.launch import recompute

    directory = RunDirectory(resolve_run(run_path))
    with LifeDisplay(quiet=as_json) as display:
        result = recompute(directory, display=display)
    if as_json:
        print_json(result.to_dict())
    elif result.identical:
        typer.echo(f"identical: {result.steps} steps, hash chain {result.recomputed_chain}")
    elif result.divergence is not None:
        typer.echo(describe(result.divergence))
    if not result.identical:
        raise typer.Exit(1)


def describe(divergence: Divergence) -> str:
    """One sentence on where two journals part."""
    if divergence.field == "length":
        return f"diverges at step {divergence.step}: one journal ends there and the other goes on"
    day = iso(divergence.ts_event)
    field = divergence.field.lstrip(".")
    return f"diverges at step {divergence.step} in {field}, by {divergence.size:g}; the bar of {day}"


def compare_command(a: str, b: str, as_json: bool) -> None:
    """Print the comparison of two runs."""
    from janus_trader.runs.compare import compare_runs

    result = compare_runs(Run.load(resolve_run(a)), Run.load(resolve_run(b)))
    if as_json:
        print_json(result)
        return
    rows = [
        [LABELS.get(key, key), *[number(value, STYLES.get(key, "text")) for value in pair]]
        for key, pair in result["figures"].items()
    ]
    print_table("figures", ["", result["a"], result["b"]], rows)
    typer.echo("")
    if result["config"]:
        print_table(
            "configuration, where it differs",
            ["key", result["a"], result["b"]],
            [[k, _cell(x), _cell(y)] for k, (x, y) in result["config"].items()],
        )
    else:
        typer.echo("same configuration")
    if not result["same_data"]:
        typer.echo("different data: decisions cannot be compared one by one")
        return
    typer.echo("same data")
    found = result["journals"]["divergence"]
    typer.echo("identical decisions" if found is None else describe(Divergence(**found)))


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def runs_list_command(root: str, as_json: bool) -> None:
    """Print every run below ``root``."""
    rows = [_listed(directory) for directory in list_runs(root)]
    if as_json:
        print_json(rows)
    elif rows:
        columns = ["run", "data", "from", "to", "Sharpe", "drawdown", "equity"]
        print_table("", columns, [_row(row) for row in rows])
        if any(row["state"] == "unfinished" for row in rows):
            typer.echo("unfinished runs go on with `janus run --resume RUN`")
    else:
        typer.echo(f"no run under {root}; `janus run --quick` makes one")


def _listed(directory: RunDirectory) -> dict[str, Any]:
    manifest = directory.read_json(directory.manifest)
    summary = directory.read_json(directory.summary) if directory.finished else {}
    figures = ("start", "end", "sharpe", "max_drawdown", "final_equity")
    return {
        "run": directory.run_id,
        "state": "finished" if directory.finished else "unfinished",
        "data": manifest["data"],
        "world": manifest["request"]["world"],
        **{key: summary.get(key) for key in figures},
    }


def _row(row: dict[str, Any]) -> list[str]:
    plain = row["world"] == "real" or row["data"].startswith("simulated:")
    data = row["data"] if plain else f"{row['data']}, {row['world']}"
    if row["state"] == "unfinished":
        return [row["run"], data, "unfinished", "", "", "", ""]
    figures = (number(row["sharpe"]), number(row["max_drawdown"], "%"), number(row["final_equity"], ","))
    return [row["run"], data, row["start"], row["end"], *figures]
