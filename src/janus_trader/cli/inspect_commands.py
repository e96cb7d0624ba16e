"""``janus explain``, ``replay``, ``compare`` and ``runs list``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import typer

from janus_trader.cli.display import LifeDisplay, print_json, print_table
from janus_trader.runs.run import Run
from janus_trader.stores.run_directory import RunDirectory, list_runs


def resolve_run(text: str) -> Path:
    """A run's directory from its path or its name under runs/."""
    path = Path(text)
    return path if path.exists() or not (Path("runs") / text).exists() else Path("runs") / text


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
    typer.echo("\n".join(words))


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
    else:
        d = result.divergence
        assert d is not None
        typer.echo(f"diverges at step {d.step} in {d.field.lstrip('.')}, by {d.size:g}")
    if not result.identical:
        raise typer.Exit(1)


def compare_command(a: str, b: str, as_json: bool) -> None:
    """Print the comparison of two runs."""
    from janus_trader.runs.compare import compare_runs

    result = compare_runs(Run.load(resolve_run(a)), Run.load(resolve_run(b)))
    if as_json:
        print_json(result)
        return
    rows = [[key, _cell(x), _cell(y)] for key, (x, y) in result["figures"].items()]
    print_table("figures", ["", result["a"], result["b"]], rows)
    if result["config"]:
        print_table(
            "configuration",
            ["key", result["a"], result["b"]],
            [[k, _cell(x), _cell(y)] for k, (x, y) in result["config"].items()],
        )
    else:
        typer.echo("same configuration")
    typer.echo("same data" if result["same_data"] else "different data")
    d = result["journals"]["divergence"]
    typer.echo(
        "identical decisions"
        if d is None
        else f"decisions part at step {d['step']} in {d['field'].lstrip('.')}"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def runs_list_command(root: str, as_json: bool) -> None:
    """Print every run below ``root``."""
    rows = []
    for directory in list_runs(root):
        manifest = directory.read_json(directory.manifest)
        summary = directory.read_json(directory.summary) if directory.finished else {}
        rows.append(
            {
                "run": directory.run_id,
                "state": "finished" if directory.finished else "unfinished",
                "data": manifest["data"],
                "world": manifest["request"]["world"],
                "start": summary.get("start"),
                "end": summary.get("end"),
                "sharpe": summary.get("sharpe"),
                "max_drawdown": summary.get("max_drawdown"),
                "final_equity": summary.get("final_equity"),
            }
        )
    if as_json:
        print_json(rows)
    elif rows:
        print_table("", list(rows[0]), [[_cell(v) for v in row.values()] for row in rows])
    else:
        typer.echo(f"no run under {root}; `janus run --quick` makes one")
