"""The table of works: ours beside every peer that is installed, timed in one interleaved run."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import math
import pkgutil
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from threadpoolctl import threadpool_limits

from janus_trader.contracts.errors import ConfigError
from janus_trader.research.bench import works as works_package
from janus_trader.research.bench.timing import Timing, interleave
from janus_trader.research.bench.work import Case, Peer, Work

OURS, LIMIT = "ours", "limit"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One work against one peer. Times are nanoseconds an item; absent values are None.

    ``ratio`` is the peer's time over ours, with the range that the quantiles 0.1 and 0.9 of both sides
    allow. ``met`` says whether every goal is reached that can be judged here.
    """

    work: str
    title: str
    unit: str
    peer: str | None = None
    peer_version: str | None = None
    peer_ns: float | None = None
    ours_ns: float
    ratio: float | None = None
    ratio_range: tuple[float, float] | None = None
    goal: float | None = None
    goal_ns: float | None = None
    limit_ns: float | None = None
    agreement: float | None = None
    met: bool | None = None
    settings: str = ""
    failure: str = ""


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of one item at several sizes and the exponent ``b`` of the whole work's cost ``a n^b``."""

    work: str
    title: str
    sizes: tuple[int, ...]
    repetition_ns: tuple[float, ...]
    exponent: float


def find_works(only: Sequence[str] = ()) -> list[Work]:
    """The works of the package, or those whose names start with one of ``only``.

    Raises
    ------
    ConfigError
        No work has such a name.
    """
    found: list[Work] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(works_package.__path__)):
        found += importlib.import_module(f"{works_package.__name__}.{module}").WORKS
    chosen = [w for w in found if not only or any(w.name.startswith(prefix) for prefix in only)]
    if not chosen:
        raise ConfigError(
            "no such work",
            got=", ".join(only),
            expected="a prefix of " + ", ".join(w.name for w in found),
            remedy="`janus bench --list` names them",
        )
    return chosen


def peers_folder() -> Path | None:
    """``benchmarks/peers`` of the working directory or of the source tree, None where there is none."""
    for base in (Path.cwd(), Path(__file__).resolve().parents[4]):
        folder = base / "benchmarks" / "peers"
        if folder.is_dir():
            return folder
    return None


def find_peers(folder: Path | None) -> list[Peer]:
    """The peers that the files of a folder describe; importing them imports no peer."""
    found: list[Peer] = []
    for path in sorted(folder.glob("*.py")) if folder else ():
        spec = importlib.util.spec_from_file_location(f"janus_peers_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found += module.PEERS
    return found


def measure(work: Work, peers: Iterable[Peer], *, seconds: float) -> list[Row]:
    """Time a work, its limit and its installed peers together; one row a peer, or one without.

    A peer that is not installed is left out; one that fails is a row that says so. BLAS and OpenMP get
    one thread on every side.
    """
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        case = work.prepare()
        calls: dict[str, Callable[[], Any]] = {OURS: case.ours}
        if case.limit is not None:
            calls[LIMIT] = case.limit
        ready: list[tuple[Peer, float | None]] = []
        failed: list[tuple[Peer, str]] = []
        for peer in peers:
            if peer.work != work.name:
                continue
            try:
                call = peer.prepare(case.inputs)
                result = call()
                agreement = None if peer.agreement is None else float(peer.agreement(case.ours(), result))
            except ImportError:
                continue
            except Exception as error:
                failed.append((peer, f"{type(error).__name__}: {error}"[:200]))
                continue
            calls[peer.name] = call
            ready.append((peer, agreement))
        times = interleave(calls, seconds=seconds)
    rows = [_row(work, case, times, peer, agreement) for peer, agreement in ready]
    rows = _judged(rows) if rows else [_row(work, case, times)]
    return rows + [_row(work, case, times, peer, None, failure) for peer, failure in failed]


def _row(
    work: Work,
    case: Case,
    times: dict[str, Timing],
    peer: Peer | None = None,
    agreement: float | None = None,
    failure: str = "",
) -> Row:
    ours = _per_item(times[OURS], case.items)
    limit = _per_item(times[LIMIT], case.items).median if LIMIT in times else None
    common: dict[str, Any] = {
        "work": work.name,
        "title": work.title,
        "unit": work.unit,
        "ours_ns": ours.median,
        "goal": work.goal_ratio,
        "goal_ns": work.goal_ns,
        "limit_ns": limit,
        "met": None if work.goal_ns is None else ours.median <= work.goal_ns,
    }
    if peer is None:
        return Row(**common)
    common |= {"peer": peer.name, "peer_version": _version(peer.package), "settings": peer.settings}
    if failure:
        return Row(**{**common, "failure": failure, "met": None})
    theirs = _per_item(times[peer.name], peer.items or case.items)
    ratio = theirs.median / ours.median
    return Row(
        **common,
        peer_ns=theirs.median,
        ratio=ratio,
        ratio_range=(theirs.low / ours.high, theirs.high / ours.low),
        agreement=agreement if agreement is None or math.isfinite(agreement) else None,
    )


def _judged(rows: list[Row]) -> list[Row]:
    """Toughest peer first; the ratio goal is judged against that one."""
    rows = sorted(rows, key=lambda r: r.ratio or math.inf)
    goal, least = rows[0].goal, rows[0].ratio
    if goal is None or least is None:
        return rows
    met = least >= goal and rows[0].met is not False
    return [msgspec.structs.replace(row, met=met) for row in rows]


def _per_item(timing: Timing, items: int) -> Timing:
    return Timing(*(t * 1e9 / items for t in timing))


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def measure_growth(work: Work, *, seconds: float) -> Growth | None:
    """Our cost at the sizes that a work names; None where it names none.

    Sizes are timed together, interleaved. The exponent is the slope of log cost over log size.
    """
    if work.growth is None or len(work.sizes) < 2:
        return None
    with threadpool_limits(1):
        calls = {str(n): work.growth(n).ours for n in work.sizes}
        times = interleave(calls, seconds=seconds)
    cost = tuple(times[str(n)].median * 1e9 for n in work.sizes)
    x = [math.log(n) for n in work.sizes]
    y = [math.log(c) for c in cost]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    slope /= sum((a - mean_x) ** 2 for a in x)
    return Growth(
        work=work.name, title=work.title, sizes=tuple(work.sizes), repetition_ns=cost, exponent=slope
    )
