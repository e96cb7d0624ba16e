"""``janus bench``: our kernels beside every installed peer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: Libraries read these when they are loaded; every side gets one thread.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def bench_command(
    only: tuple[str, ...], peers: str | None, seconds: float, growth: bool, names: bool, document: str | None,
    json_: bool,
) -> None:  # fmt: skip
    """Measure and print; see `janus_trader.cli.experiments.bench`."""
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    from rich.console import Console
    from rich.progress import Progress

    from janus_trader.cli.display import print_json, print_table
    from janus_trader.cli.generated import replace_generated
    from janus_trader.contracts.errors import ConfigError
    from janus_trader.foundation.environment import processor_name
    from janus_trader.research.bench import page, table

    works = table.find_works(only)
    if names:
        listing = [(w.name, w.title, page.goal_text(w.goal_ratio, w.goal_ns)) for w in works]
        if json_:
            print_json([{"work": name, "title": title, "goal": goal} for name, title, goal in listing])
        else:
            print_table("", ("work", "what is done", "goal"), listing)
        return
    folder = Path(peers) if peers else table.peers_folder()
    if peers and not Path(peers).is_dir():
        raise ConfigError(
            "no folder of peers", got=peers, expected="a directory of peers, such as benchmarks/peers"
        )
    described = table.find_peers(folder)
    rows: list[table.Row] = []
    grown: list[table.Growth] = []
    left_out: list[str] = []
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("", total=len(works))
        for work in works:
            progress.update(task, description=work.name)
            try:
                rows += table.measure(work, described, seconds=seconds)
                if growth and (found := table.measure_growth(work, seconds=seconds)):
                    grown.append(found)
            except (ConfigError, ImportError) as error:  # an extra is missing: the other works need none
                left_out.append(f"{work.name} left out: {error}")
            progress.advance(task)
    for line in left_out:
        sys.stderr.write(f"{line}\n")
    if document:
        path = Path(document)
        generated = page.markdown(rows, grown, processor_name())
        path.write_text(replace_generated(path.read_text(), generated, "janus bench"))
    if json_:
        print_json({"rows": rows, "growth": grown} if growth else rows)
        return
    print_table("", page.COLUMNS, [page.cells(r) for r in rows])
    if grown:
        print_table("growth", page.GROWTH_COLUMNS, [page.growth_cells(g) for g in grown])
    if not any(r.peer for r in rows):
        sys.stderr.write("no peer is installed: `make bench` builds an environment with them\n")
