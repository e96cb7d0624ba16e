"""The memories of a run on one map over its nights, and how far they drifted.

Memories are the contexts of decisions. At each of some nights the map holds the last ``window`` of them; what
two nights share is tied to one place (AlignedUMAP). Nothing here enters a decision.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.memory import Episode, Episodes, SleepReport
from janus_trader.contracts.regime import Regime
from janus_trader.foundation.codec import decode
from janus_trader.foundation.rng import Rng
from janus_trader.learning.manifold import (
    AlignedConfig,
    DistilledMap,
    ParametricConfig,
    ParametricMap,
    Relations,
    UMAPConfig,
    alignment_error,
    distribution_shift,
    fit_aligned_umap,
    fit_umap,
    representational_drift,
)
from janus_trader.runs.history import iso
from janus_trader.runs.run import Run
from janus_trader.stores.frames import read_frames

#: Fewer memories make no map worth looking at.
LEAST = 30

DRIFT_COLUMNS = (
    "night", "memories", "shared", "map moved", "of chance", "another seed", "contexts shifted", "null", "p",
)  # fmt: skip

PLACING_COLUMNS = ("placed by", "nights", "seen", "new", "neighbours kept", "closer than distilled")

#: Share of the memories of a night, the latest, that are placed without having been learned.
NEW = 0.2
_NEIGHBOURS = 10


def remembered(run: Run) -> Episodes:
    """Every finished episode of a run, in order of time."""
    return Episodes.of([decode(raw, Episode) for raw in read_frames(run.directory.episodes)])


def _nights(run: Run, episodes: Episodes, maps: int, window: int) -> list[tuple[SleepReport, np.ndarray]]:
    """The last nights half a window apart, deep ones where there are any, and the rows each maps.

    Maps of nights further apart would share no memory, and nothing would tie them together.
    """
    reports = [decode(raw, SleepReport) for raw in read_frames(run.directory.nights)]
    deep = [r for r in reports if r.deep] or reports
    known = [(r, int(np.searchsorted(episodes.ts_event, r.ts_event, side="right"))) for r in deep]
    enough = [(r, end) for r, end in known if end >= min(window, LEAST)]
    if not enough:
        raise DataError(
            f"run {run.directory.run_id} remembers too little for a map",
            got=f"{len(episodes)} episodes, {len(reports)} nights",
            expected=f"a night with {LEAST} episodes behind it",
            remedy="study a longer run",
        )
    ends = np.array([end for _, end in enough])
    wanted = ends[-1] - max(1, window // 2) * np.arange(maps)
    picked = np.unique(np.abs(ends[:, None] - wanted).argmin(axis=0))
    return [(enough[i][0], np.arange(max(0, enough[i][1] - window), enough[i][1])) for i in picked]


def memory_study(
    run: Run, maps: int = 8, window: int = 500, seed: int = 0, parametric: bool = False
) -> dict[str, Any]:
    """Map a run's memories over its nights and measure how they moved.

    Parameters
    ----------
    run : Run
    maps : int
        Nights to map, half a window apart, up to the last.
    window : int
        Memories on each map, the latest before the night.
    seed : int
    parametric : bool
        Also compare networks that place new memories (`placing_study`); needs the extra ``ml``.

    Returns
    -------
    dict
        ``nights`` with points and drift against the night mapped before, ``alignment_error`` (of related
        points over the spread of the map) beside that of separate fits, ``distilled_error`` of the network
        that places new memories on the last map; ``placing`` where it was asked for.

    Raises
    ------
    DataError
        The run has no night with enough memories behind it.
    """
    episodes = remembered(run)
    chosen = _nights(run, episodes, maps, window)
    rows = [r for _, r in chosen]
    slices = [episodes.context[r] for r in rows]
    relations = Relations.of_keys([episodes.step[r] for r in rows])
    layouts = fit_aligned_umap(slices, relations, AlignedConfig(umap=UMAPConfig(seed=seed)))
    separate = [fit_umap(x, UMAPConfig(seed=seed + 1 + t)) for t, x in enumerate(slices)]
    generator = Rng(seed).child("memory_study").generator()
    nights = [
        {
            "night": report.night,
            "day": iso(report.ts_event),
            "memories": len(rows[t]),
            "points": layouts[t].round(3).tolist(),
            "steps": episodes.step[rows[t]].tolist(),
            "regimes": [Regime(int(k)).name for k in episodes.posterior[rows[t]].argmax(axis=1)],
            "rewards": episodes.reward[rows[t]].tolist(),
            "drift": _drift(t, slices, layouts, separate, relations, generator) if t else None,
        }
        for t, (report, _) in enumerate(chosen)
    ]
    net = DistilledMap()
    if len(slices[-1]) >= LEAST:
        net.fit(slices[-1], layouts[-1], generator)
    study: dict[str, Any] = {
        "run": run.directory.run_id,
        "window": window,
        "dimensions": int(episodes.context.shape[1]),
        "nights": nights,
        "alignment_error": alignment_error(layouts, relations),
        "separate_error": alignment_error(separate, relations),
        "distilled_error": net.error if net.ready else None,
    }
    if parametric:
        study["placing"] = [found for x in slices if (found := placing_study(x, seed))]
    return study


def placing_study(contexts: np.ndarray, seed: int = 0) -> dict[str, dict[str, float]]:
    """How well networks place the last fifth of a night's memories (n, d), learned from those before them.

    Each has, by name: ``seen`` and ``new``, the trustworthiness of its map among memories it learned from and
    among those it did not (10 neighbours), and ``kept``, the mean share of a new memory's 10 nearest learned
    ones that are also its 10 nearest on the map. Empty where a night has too few memories.
    """
    from sklearn.manifold import trustworthiness

    end = len(contexts) - round(NEW * len(contexts))
    learned, new = contexts[:end], contexts[end:]
    if len(new) <= 2 * _NEIGHBOURS or len(learned) < LEAST:
        return {}
    layout = fit_umap(learned, UMAPConfig(seed=seed))
    distilled = DistilledMap()
    distilled.fit(learned, layout, Rng(seed).child("placing_study").generator())
    config = ParametricConfig(umap=UMAPConfig(seed=seed))
    alone, begun = ParametricMap(config), ParametricMap(config)
    alone.fit(learned)
    begun.fit(learned, distilled)
    near = _nearest(new, learned)
    out = {}
    for name, net in (("distilled", distilled), ("parametric", alone), ("parametric from distilled", begun)):
        seen, placed = net.transform(learned), net.transform(new)
        # the distilled network answers on the layout it was taught, the others on their own
        shared = _nearest(placed, layout if net is distilled else seen)
        kept = [len(np.intersect1d(a, b)) / _NEIGHBOURS for a, b in zip(near, shared, strict=True)]
        out[name] = {
            "seen": float(trustworthiness(learned, seen, n_neighbors=_NEIGHBOURS)),
            "new": float(trustworthiness(new, placed, n_neighbors=_NEIGHBOURS)),
            "kept": float(np.mean(kept)),
        }
    return out


def _nearest(x: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Rows of ``among`` nearest to each of ``x``, (m, 10)."""
    distance = np.linalg.norm(x[:, None] - among[None], axis=2)
    return distance.argsort(axis=1, kind="stable")[:, :_NEIGHBOURS]


def placing_rows(study: dict[str, Any]) -> list[list[str]]:
    """Rows under `PLACING_COLUMNS`: means over nights, and the nights with more neighbours kept."""
    nights = study.get("placing", [])
    out = []
    for name in nights[0] if nights else ():
        seen, new, kept = (np.array([n[name][key] for n in nights]) for key in ("seen", "new", "kept"))
        ahead = int((kept > [n["distilled"]["kept"] for n in nights]).sum())
        closer = "–" if name == "distilled" else f"{ahead} of {len(nights)}"
        out.append(
            [name, str(len(nights)), f"{seen.mean():.3f}", f"{new.mean():.3f}", f"{kept.mean():.1%}", closer]
        )
    return out


def _drift(
    t: int,
    slices: list[np.ndarray],
    layouts: list[np.ndarray],
    separate: list[np.ndarray],
    relations: Relations,
    generator: np.random.Generator,
) -> dict[str, Any]:
    """How far shared memories moved on the map since the night before, and whether new ones are other."""
    pairs = relations.pairs(t - 1, t)
    found: dict[str, Any] = {"shared": len(pairs), "map": None, "another_seed": None, "shift": None}
    if len(pairs) >= 3:
        found["map"] = asdict(
            representational_drift(layouts[t - 1][pairs[:, 0]], layouts[t][pairs[:, 1]], generator)
        )
        # the same night mapped apart from the others: what the descent alone moves
        found["another_seed"] = representational_drift(layouts[t], separate[t], generator, 50).displacement
    gone = np.setdiff1d(np.arange(len(slices[t - 1])), pairs[:, 0])
    come = np.setdiff1d(np.arange(len(slices[t])), pairs[:, 1])
    if len(gone) and len(come):
        found["shift"] = asdict(distribution_shift(slices[t - 1][gone], slices[t][come], generator))
    return found


def drift_rows(study: dict[str, Any]) -> list[list[str]]:
    """Rows under `DRIFT_COLUMNS`: displacements in spreads of the map, shifts in spreads of the contexts."""
    out = []
    for night in study["nights"]:
        drift = night["drift"] or {"shared": "", "map": None, "another_seed": None, "shift": None}
        moved, shift = drift["map"], drift["shift"]
        out.append(
            [
                night["day"],
                str(night["memories"]),
                str(drift["shared"]),
                f"{moved['displacement']:.3f}" if moved else "–",
                f"{moved['relative']:.0%}" if moved else "–",
                f"{drift['another_seed']:.3f}" if moved else "–",
                f"{shift['distance']:.3f}" if shift else "–",
                f"{shift['null']:.3f}" if shift else "–",
                f"{shift['p_value']:.3f}" if shift else "–",
            ]
        )
    return out


def in_words(study: dict[str, Any]) -> list[str]:
    """What the figures mean, for people."""
    words = [
        f"Memories of {study['dimensions']} numbers on {len(study['nights'])} nights. Shared memories lie "
        f"{study['alignment_error']:.3f} of the map's spread apart from night to night; on separate maps "
        f"{study['separate_error']:.3f}."
    ]
    if study["distilled_error"] is not None:
        words.append(
            f"A network places memories it has not seen within {study['distilled_error']:.2f} of the spread."
        )
    moved = [n["drift"]["shift"] for n in study["nights"] if n["drift"] and n["drift"]["shift"]]
    if moved:
        clear = sum(s["p_value"] < 0.05 for s in moved)
        words.append(
            f"New memories differ from those they replaced in {clear} of {len(moved)} nights (p < 0.05, blocks of "
            f"21 decisions dealt at random)."
        )
    return words


def picture(study: dict[str, Any]) -> str:
    """A page with the map, one night after the other, coloured by regime; needs no network."""
    import plotly.graph_objects as go

    colours = dict(
        zip(
            (r.name for r in Regime),
            ("#2a9d3a", "#c0392b", "#7f8c8d", "#6c1a8a", "#1f77b4", "#e69f00", "#8c564b"),
            strict=True,
        )
    )

    def traces(night: dict[str, Any]) -> list[Any]:
        points = np.array(night["points"])
        out = []
        for name, colour in colours.items():
            here = np.array([r == name for r in night["regimes"]])
            out.append(
                go.Scatter(
                    x=points[here, 0],
                    y=points[here, 1],
                    mode="markers",
                    name=name.lower(),
                    marker={"color": colour, "size": 6, "opacity": 0.75},
                    text=[
                        f"decision {s}, then {r:+.2%}"
                        for s, r, h in zip(night["steps"], night["rewards"], here, strict=True)
                        if h
                    ],
                    hoverinfo="text",
                )
            )
        return out

    nights = study["nights"]
    every = np.concatenate([np.array(n["points"]) for n in nights])
    low, high = every.min(axis=0) - 1.0, every.max(axis=0) + 1.0
    figure = go.Figure(
        data=traces(nights[0]), frames=[go.Frame(data=traces(n), name=n["day"]) for n in nights]
    )
    steps = [
        {
            "args": [[n["day"]], {"mode": "immediate", "frame": {"redraw": True}}],
            "label": n["day"],
            "method": "animate",
        }
        for n in nights
    ]
    figure.update_layout(
        title=f"Memories of run {study['run']} by night",
        xaxis={"range": [low[0], high[0]], "visible": False},
        yaxis={"range": [low[1], high[1]], "visible": False, "scaleanchor": "x"},
        sliders=[{"steps": steps, "active": 0, "currentvalue": {"prefix": "night of "}}],
        template="plotly_white",
        height=720,
    )
    return str(figure.to_html(full_html=True, include_plotlyjs=True))


def study_run(
    path: Path | str, maps: int = 8, window: int = 500, seed: int = 0, parametric: bool = False
) -> dict[str, Any]:
    """`memory_study` of the run in a directory."""
    return memory_study(Run.load(path), maps, window, seed, parametric)
