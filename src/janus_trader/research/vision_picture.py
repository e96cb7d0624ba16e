"""What the vision models are shown: the frames of a path and both Gramian fields of each, as a picture."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.contracts.panel import MarketPanel
from janus_trader.learning.vision import VisionConfig
from janus_trader.numerics.gramian import paa
from janus_trader.numerics.gramian_video import gramian_video, sliding_windows

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: Colours of -1, 0 and 1.
_LOW, _MIDDLE, _HIGH = (178, 24, 43), (247, 247, 247), (33, 102, 172)
_SCALE = [[0.0, "#b2182b"], [0.5, "#f7f7f7"], [1.0, "#2166ac"]]
FIELDS = ("summation field", "difference field")


def video_of(
    panel: MarketPanel, symbol: str, config: VisionConfig
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Days, log closes (span,) and video (N, 2, size, size) of the end of a panel.

    Raises
    ------
    DataError
        The symbol is not in the panel, or has too few bars.
    """
    if symbol not in panel.symbols:
        raise DataError(f"no symbol {symbol}", got=symbol, expected="one of " + ", ".join(panel.symbols[:20]))
    column = panel.symbols.index(symbol)
    rows = np.flatnonzero(panel.present[:, column])[-config.span :]
    if len(rows) < config.span:
        raise DataError(
            f"{symbol} has too few bars for a video",
            got=len(rows),
            expected=f"at least {config.span}",
            remedy="take a longer history, or fewer or shorter frames",
        )
    path = np.log(panel.bars["close"][rows, column])
    days = [f"{datetime.fromtimestamp(t / 1e9, UTC):%Y-%m-%d}" for t in panel.ts[rows].tolist()]
    return days, path, gramian_video(path, config.window, config.stride, config.size)


def vision_figure(symbol: str, days: list[str], path: np.ndarray, config: VisionConfig) -> go.Figure:
    """The path, the averages of every frame, and both fields of every frame, newest to the right."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    count = config.frames
    figure = make_subplots(
        rows=4,
        cols=count,
        specs=[[{"colspan": count}, *[None] * (count - 1)], *[[{} for _ in range(count)] for _ in range(3)]],
        row_heights=[0.34, 0.16, 0.25, 0.25],
        vertical_spacing=0.05,
        horizontal_spacing=0.01,
    )
    figure.add_scatter(x=days, y=np.exp(path), line={"color": "#1b2733"}, name="close", row=1, col=1)
    video = gramian_video(path, config.window, config.stride, config.size)
    for k, window in enumerate(sliding_windows(path, config.window, config.stride)):
        average = paa(window, config.size)
        figure.add_scatter(y=average, line={"color": "#555"}, showlegend=False, row=2, col=k + 1)
        for f, name in enumerate(FIELDS):
            image: Any = go.Heatmap(
                z=video[k, f], zmin=-1, zmax=1, colorscale=_SCALE, showscale=k + f == 0, name=name
            )
            figure.add_trace(image, row=3 + f, col=k + 1)
    figure.update_xaxes(showticklabels=False, row=2)
    for row in (2, 3, 4):
        figure.update_xaxes(showticklabels=False, row=row)
        figure.update_yaxes(showticklabels=False, row=row)
        if row > 2:
            figure.update_yaxes(autorange="reversed", row=row)
    title = (
        f"{symbol} as a video: {count} frames of {config.window} bars, {config.stride} apart, averaged to "
        f"{config.size} points; summation field above, difference field below"
    )
    return figure.update_layout(
        title=title, height=820, width=1250, template="plotly_white", showlegend=False
    )


def video_png(video: np.ndarray, scale: int = 8, gap: int = 4) -> bytes:
    """The video (N, 2, size, size) as a PNG: a column for each frame, the summation field above the difference.

    -1 is red, 0 white, 1 blue; every pixel of a field is ``scale`` pixels wide. O(pixels).

    >>> video_png(np.zeros((2, 2, 4, 4)))[1:4]
    b'PNG'
    """
    count, fields, size, _ = video.shape
    side = size * scale
    image = np.full((fields * (side + gap) - gap, count * (side + gap) - gap, 3), 255, np.uint8)
    middle = np.array(_MIDDLE)
    for k in range(count):
        for f in range(fields):
            value = np.clip(np.nan_to_num(video[k, f]), -1.0, 1.0)[..., None]
            end = np.where(value < 0, np.array(_LOW), np.array(_HIGH))
            colour = np.rint(middle + np.abs(value) * (end - middle)).astype(np.uint8)
            top, left = f * (side + gap), k * (side + gap)
            image[top : top + side, left : left + side] = colour.repeat(scale, 0).repeat(scale, 1)
    return _png(image)


def _png(image: np.ndarray) -> bytes:
    """An RGB image (h, w, 3) as the bytes of a PNG file."""
    height, width, _ = image.shape
    rows = b"".join(b"\x00" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
