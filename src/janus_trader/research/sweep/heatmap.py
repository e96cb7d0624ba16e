"""The metric over two parameters, the best over all others: a page to look into and a picture."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np

from janus_trader.research.sweep.engine import Trials
from janus_trader.research.sweep.space import Axis, Space

#: Cells along a parameter that has no values of its own, or too many.
CELLS = 40
_GRID_CELLS = 400
_SCALE = np.array(
    [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], dtype=np.float64
)  # viridis
_ABSENT = (225, 228, 232)
_INK = (44, 62, 80)
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz.-+_:"
#: Letters of 3 by 5 dots, five digits each: a digit a row, its bits the dots.
_DOTS = (
    "7555726227717477171755711747177475771111757577571725755656563444365556746477464434553557557222711152"
    "5565544447577556555525552656442552365655342167222255557555525577555255552227124700002007000272000007"
    "02020"
)
_LETTERS = {character: _DOTS[5 * k : 5 * k + 5] for k, character in enumerate(_ALPHABET)}


class HeatMap:
    """Collects the best value of each cell while the trials pass by. Memory O(cells)."""

    def __init__(self, space: Space, names: tuple[str, ...], metric: str, more: bool) -> None:
        axes = {axis.name: axis for axis in space.axes}
        self._x, self._y = axes[names[0]], axes[names[1]] if len(names) > 1 else None
        self.metric, self._more = metric, more
        self._ticks = [_ticks(axis) for axis in (self._x, self._y) if axis is not None]
        rows = self._ticks[1].size if self._y is not None else 1
        self.best = np.full((rows, self._ticks[0].size), np.nan)

    def add(self, trials: Trials, values: np.ndarray) -> None:
        """Take in trials and their metric."""
        known = np.isfinite(values)
        x = _cells(self._ticks[0], trials.values[self._x.name][known])
        y = np.zeros_like(x)
        if self._y is not None:
            y = _cells(self._ticks[1], trials.values[self._y.name][known])
        flat, at = self.best.reshape(-1), y * self.best.shape[1] + x
        (np.fmax if self._more else np.fmin).at(flat, at, values[known])

    def page(self, path: Path) -> None:
        """Write it as a page of its own, with the chart library."""
        import plotly.graph_objects as go

        figure = go.Figure(
            go.Heatmap(
                x=[f"{v:g}" for v in self._ticks[0]],
                y=[f"{v:g}" for v in self._ticks[1]] if self._y is not None else [""],
                z=[[round(x, 4) if math.isfinite(x) else None for x in row] for row in self.best.tolist()],
                colorscale="Viridis",
                reversescale=not self._more,
                colorbar={"title": self.metric.replace("_", " ")},
            )
        )
        figure.update_layout(
            title=f"best {self.metric.replace('_', ' ')} over all other parameters",
            xaxis={"title": self._x.name, "type": "category"},
            yaxis={"title": self._y.name if self._y is not None else "", "type": "category"},
        )
        path.write_text(
            figure.to_html(include_plotlyjs=True, full_html=True, div_id="heatmap"), encoding="utf-8"
        )

    def picture(self, path: Path) -> None:
        """Write it as a PNG: the first parameter to the right, the second upwards, the scale beside them."""
        rows, columns = self.best.shape
        cell = max(2, min(24, 640 // max(rows, columns)))
        colours = np.repeat(np.repeat(self._colours()[::-1], cell, axis=0), cell, axis=1)
        left, top, height, width = 90, 26, colours.shape[0], colours.shape[1]
        canvas = np.full((max(height, 120) + top + 40, max(width, 160) + left + 120, 3), 255, np.uint8)
        canvas[top : top + height, left : left + width] = colours
        bar = np.linspace(1.0, 0.0, max(height, 120))
        canvas[top : top + bar.size, left + width + 16 : left + width + 32] = _colour(bar)[:, None]
        known = self.best[np.isfinite(self.best)]
        if known.size:
            ends = (known.max(), known.min()) if self._more else (known.min(), known.max())
            _write(canvas, f"{ends[0]:.3g}", left + width + 36, top)
            _write(canvas, f"{ends[1]:.3g}", left + width + 36, top + bar.size - 10)
        _write(canvas, self.metric.replace("_", " "), left, 8)
        x = self._ticks[0]
        _write(canvas, f"{x[0]:g}", left, top + height + 6)
        _write(canvas, f"{x[-1]:g}", left + width - 8 * len(f"{x[-1]:g}"), top + height + 6)
        _write(canvas, self._x.name, left, top + height + 22)
        if self._y is not None:
            y = self._ticks[1]
            _write(canvas, f"{y[-1]:g}", 8, top)
            _write(canvas, self._y.name[:10], 8, top + height // 2)
            _write(canvas, f"{y[0]:g}", 8, top + height - 10)
        path.write_bytes(_png(canvas))

    def _colours(self) -> np.ndarray:
        known = np.isfinite(self.best)
        out = np.empty((*self.best.shape, 3), np.uint8)
        out[:] = _ABSENT
        if known.any():
            low, high = self.best[known].min(), self.best[known].max()
            share = (self.best[known] - low) / (high - low) if high > low else np.full(known.sum(), 0.5)
            out[known] = _colour(share if self._more else 1.0 - share)
        return out


def _ticks(axis: Axis) -> np.ndarray:
    if 0 < axis.values.size <= _GRID_CELLS:
        return np.sort(axis.values)
    if axis.log:
        return np.geomspace(axis.low, axis.high, CELLS)
    return np.linspace(axis.low, axis.high, CELLS)


def _cells(ticks: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The nearest tick of each value."""
    if ticks.size == 1:
        return np.zeros(values.shape, np.int64)
    return np.searchsorted((ticks[:-1] + ticks[1:]) / 2.0, values)


def _colour(share: np.ndarray) -> np.ndarray:
    at = np.arange(len(_SCALE)) / (len(_SCALE) - 1)
    return np.stack([np.interp(share, at, _SCALE[:, k]) for k in range(3)], axis=-1).astype(np.uint8)


def _write(canvas: np.ndarray, text: str, x: int, y: int) -> None:
    """Letters of 6 by 10 pixels; what lies outside the canvas is cut."""
    for character in text.lower():
        rows = _LETTERS.get(character, "00000")
        dots = np.array([[int(row) >> k & 1 for k in (2, 1, 0)] for row in rows], dtype=np.bool_)
        dots = np.repeat(np.repeat(dots, 2, axis=0), 2, axis=1)
        part = canvas[y : y + 10, x : x + 6]
        part[dots[: part.shape[0], : part.shape[1]]] = _INK
        x += 8


def _png(canvas: np.ndarray) -> bytes:
    """An (h, w, 3) array of bytes as a PNG file."""
    height, width, _ = canvas.shape
    rows = np.concatenate((np.zeros((height, 1), np.uint8), canvas.reshape(height, -1)), axis=1)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
        + chunk(b"IEND", b"")
    )
