"""``janus study vision``: what a vision model is shown of an instrument."""

from __future__ import annotations

from pathlib import Path

from janus_trader.cli.display import print_json, print_words


def study_vision_command(
    symbol: str,
    data: tuple[str, ...] = (),
    end: str | None = None,
    html: str | None = None,
    png: str | None = None,
    as_json: bool = False,
) -> None:
    """Draw the frames and Gramian fields of the last video of a symbol; see `janus_trader.cli.studies`.

    Parameters
    ----------
    symbol : str
        One of the default book's, or of the files given.
    data : tuple of str
        OHLCV files; none: the book that ships, to the end of the selection period.
    end : str, optional
        Last day, YYYY-MM-DD.
    html, png : str, optional
        Where the picture goes; the PNG shows the fields alone.
    """
    from janus_trader.foundation.files import write_atomic
    from janus_trader.learning.vision import VisionConfig
    from janus_trader.research.vision_picture import video_of, video_png, vision_figure
    from janus_trader.runs.history import SELECTION_END, HistoryRequest, load_history

    last = end if end or data else SELECTION_END
    files = tuple(str(Path(f).resolve()) for f in data)
    request = HistoryRequest(files=files, symbols=(symbol,), end=last, warmup_bars=0)
    config = VisionConfig()
    days, path, video = video_of(load_history(request).panel, symbol, config)
    written = {}
    if html:
        figure = vision_figure(symbol, days, path, config)
        page = figure.to_html(include_plotlyjs=True, full_html=True, div_id="vision")
        write_atomic(Path(html), page.encode())
        written["html"] = html
    if png:
        write_atomic(Path(png), video_png(video))
        written["png"] = png
    said = {
        "symbol": symbol,
        "from": days[0],
        "to": days[-1],
        "frames": len(video),
        "window": config.window,
        "stride": config.stride,
        "size": config.size,
        "summation_mean": float(video[:, 0].mean()),
        "difference_newest_corner": float(video[-1, 1, 0, -1]),
        **written,
    }
    if as_json:
        print_json(said)
        return
    lines = [
        f"{symbol}, {days[0]} to {days[-1]}: {len(video)} frames of {config.window} bars, {config.stride} apart,"
        f" averaged to {config.size} points, both fields."
    ]
    print_words([*lines, *[f"{what}: {where}" for what, where in written.items()]])
