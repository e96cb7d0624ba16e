"""``janus book replay``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from janus_trader.cli.display import print_json, print_table

if TYPE_CHECKING:
    from janus_trader.data.sources.book_feed import Feed
    from janus_trader.research.book_report import Agreement, BookSummary


@dataclass(frozen=True)
class BookReplayArguments:
    """What the command line gave."""

    files: tuple[str, ...]
    form: str
    books: tuple[str, ...]
    levels: int
    symbol: str | None
    day: str | None
    out: str | None
    html: str | None
    json: bool


def book_replay_command(given: BookReplayArguments) -> None:
    """Read a feed, replay it, print what it holds and how well it agrees; write recording and picture."""
    from rich.console import Console

    from janus_trader.data.sources.book_feeds import feed_format, read_feed
    from janus_trader.research.book_report import summarise
    from janus_trader.stores.book_recordings import write_recording

    paths = [Path(name) for name in given.files]
    with Console(stderr=True).status("reading the feed") as status:
        form = feed_format(paths[0]) if given.form == "auto" else given.form
        books = [Path(name) for name in given.books] or None
        feed = read_feed(paths, form=form, books=books, symbol=given.symbol, day=given.day)
        status.update(f"replaying {len(feed.recording.messages):,} messages")
        replayed = feed.recording.replay()
        summary = summarise(feed.recording, replayed)
        depth = _depth(feed, form, paths[0], books, given.levels)
        if given.out is not None:
            write_recording(Path(given.out), feed.recording)
        if given.html is not None:
            status.update("drawing")
            _draw(Path(given.html), feed, replayed, summary, given.levels)
    if given.json:
        print_json(_body(form, feed, summary, depth))
        return
    print_table("", ["figure", "value"], _figures(form, feed, summary, depth))
    for path in (given.out, given.html):
        if path is not None:
            typer.echo(f"wrote {path}")


def _depth(
    feed: Feed, form: str, path: Path, books: list[Path] | None, levels: int
) -> tuple[int, Agreement] | None:
    """Agreement of several levels with LOBSTER's deepest file, where it holds several."""
    if form != "lobster":
        return None
    from janus_trader.data.sources.lobster import books_beside, read_levels
    from janus_trader.research.book_report import depth_agreement

    told = [read_levels(book) for book in (books_beside(path) if books is None else books)]
    if not told:
        return None
    deepest = max(told, key=lambda one: one.shape[2])
    most = min(levels, deepest.shape[2])
    if most < 2:
        return None
    return most, depth_agreement(feed.recording, feed.rows, deepest, most, 1e-4)


def _draw(path: Path, feed: Feed, replayed: Any, summary: BookSummary, levels: int) -> None:
    from janus_trader.research.book_picture import book_figure, write_page

    figure = book_figure(feed.recording, replayed, levels)
    notes = [summary.source or "recorded book"]
    notes.append(
        f"{summary.messages:,} messages, {summary.trades:,} trades. Depth: bids blue, asks red, the darker the more. "
        "Discs are the largest trades, their area the quantity."
    )
    if summary.labels:
        notes.append(
            ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in summary.labels.items())
        )
    write_page(path, figure, f"{summary.symbol}: the book over time", notes)


def _body(form: str, feed: Feed, summary: BookSummary, depth: tuple[int, Agreement] | None) -> dict[str, Any]:
    body = {
        "format": form,
        **msgspec.to_builtins(summary),
        "counts": feed.counts,
        "first_rows": feed.first_rows,
    }
    body["rows_without_repair"] = _unrepaired(feed, summary)
    body["depth_agreement"] = None
    if depth is not None:
        body["depth_agreement"] = {"levels": depth[0], **msgspec.to_builtins(depth[1])}
    return body


def _unrepaired(feed: Feed, summary: BookSummary) -> int | None:
    repaired = feed.counts.get("rows_repaired")
    return None if repaired is None or summary.agreement is None else summary.agreement.told - repaired


def _figures(
    form: str, feed: Feed, summary: BookSummary, depth: tuple[int, Agreement] | None
) -> list[tuple[str, str]]:
    s = summary
    rows = [
        ("instrument", s.symbol),
        ("format", form),
        ("messages", f"{s.messages:,} in {_length(s.seconds)}, after an opening of {s.opening:,}"),
        ("trades", f"{s.trades:,}, {s.traded:,.10g} in all" + _share(", bought {:.1%}", s.bought_frac)),
        ("of orders not in the book", f"{s.hidden_trades:,}"),
    ]
    if s.spread_mean is not None:
        rows.append(
            (
                "spread",
                f"mean {s.spread_mean:.6g} ({s.spread_mean_ticks:.2f} ticks), one tick "
                f"{s.spread_one_tick_frac:.1%} of the time, largest {s.spread_largest:.6g}",
            )
        )
        foretells = _share("; the mid price went its way {:.1%} of the times", s.imbalance_foretells_frac)
        rows.append(
            ("imbalance", f"mean {s.imbalance_mean:+.3f}, size {s.imbalance_abs_mean:.3f}{foretells}")
        )
    rows.append(("crossed books", f"{s.crossed:,}"))
    rows += _agreements(feed, s, depth)
    rows += [(name.replace("_", " "), _counted(feed, name, count)) for name, count in feed.counts.items()]
    rows += [(f"refused: {name.replace('_', ' ')}", f"{count:,}") for name, count in s.refused.items()]
    return rows + [(name.replace("_", " "), value) for name, value in s.labels.items()]


def _agreements(feed: Feed, s: BookSummary, depth: tuple[int, Agreement] | None) -> list[tuple[str, str]]:
    rows = []
    if s.agreement is not None:
        unrepaired = _unrepaired(feed, s)
        if unrepaired is None:
            rows.append(("best levels as recorded", _agreed(feed, s.agreement)))
        else:
            rows.append(("best levels after repair", _agreed(feed, s.agreement)))
            rows.append(("rows that needed no repair", _of(unrepaired, s.agreement.told)))
    if depth is not None:
        rows.append((f"best {depth[0]} levels as recorded", _agreed(feed, depth[1])))
    if s.priority is not None:
        rows.append(("executed at the best price", _of(s.priority["at_best"], s.priority["executions"])))
        rows.append(
            ("executed first of the queue", _of(s.priority["first_in_queue"], s.priority["executions"]))
        )
    if s.matched is not None:
        rows.append(("quantity matched alike", _of(s.matched["agreed"], s.matched["quantity"])))
        rows.append(("then missing orders", _of(s.matched["lost"], s.matched["later"])))
    if s.matched_agreement is not None:
        rows.append(("best levels when matching", _agreed(feed, s.matched_agreement)))
    return rows


def _agreed(feed: Feed, agreement: Agreement) -> str:
    text = _of(agreement.equal, agreement.told)
    if agreement.first_different is not None:
        text += f", first differs at row {int(feed.rows[agreement.first_different]):,}"
    return text


def _of(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" + (f" ({part / whole:.2%})" if whole else "")


def _share(text: str, value: float | None) -> str:
    return "" if value is None else text.format(value)


def _counted(feed: Feed, name: str, count: int) -> str:
    return f"{count:,}" + (f", first at row {feed.first_rows[name]:,}" if name in feed.first_rows else "")


def _length(seconds: float) -> str:
    """A span as people say it.

    >>> _length(3661.5), _length(12.34)
    ('1:01:02', '12.3 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
