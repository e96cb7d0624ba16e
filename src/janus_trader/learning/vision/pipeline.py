"""Vision end to end: a series of log closes in, a direction and an embedding out, one differentiable module."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from janus_trader.contracts.errors import DataError
from janus_trader.learning.vision.architecture import Kind, VisionConfig, initial_parameters
from janus_trader.learning.vision.diffgaf import Form
from janus_trader.learning.vision.diffgaf_lstm import DiffGafLstm
from janus_trader.learning.vision.model import Seen, VisionModel
from janus_trader.learning.vision.vivit import ViViT


class Look(NamedTuple):
    """What a pipeline gives: what was `Seen`, its projection (None without a projection head), and the
    intermediates by name where they were asked for."""

    seen: Seen
    projection: torch.Tensor | None
    intermediates: dict[str, torch.Tensor]


def build_model(kind: Kind, config: VisionConfig, *, seed: int = 0, form: Form = "compiled") -> VisionModel:
    """A torch model with the start values of `initial_parameters`; no global random state is touched.

    >>> type(build_model("vivit", VisionConfig())).__name__
    'ViViT'
    """
    with torch.random.fork_rng(devices=[]):
        model = ViViT(config, form) if kind == "vivit" else DiffGafLstm(config, form)
    model.adopt(initial_parameters(config, kind, np.random.default_rng(seed)))
    return model


class VisionPipeline(nn.Module):
    """Frames, dual Gramian fields, encoder, head: from a series to what a model sees in it.

    Parameters
    ----------
    kind : {"diffgaf_lstm", "vivit"}
    config : VisionConfig
    projection : int
        Size of an optional linear projection of the embedding; 0 leaves it out.
    seed : int
        Of the start values.
    form : {"compiled", "polar", "products"}
        See `DiffGAF`.

    Notes
    -----
    A series longer than ``config.span`` is cut into the frames of its end; `videos` cuts it into every video
    it holds. Both fields of every frame are drawn ("dual GAF").

    Examples
    --------
    >>> pipeline = VisionPipeline("diffgaf_lstm", VisionConfig(), projection=3)
    >>> look = pipeline(torch.linspace(0.0, 0.1, 80)[None], intermediates=True)
    >>> look.projection.shape, look.intermediates["fields"].shape
    (torch.Size([1, 3]), torch.Size([1, 8, 2, 16, 16]))
    """

    def __init__(
        self, kind: Kind, config: VisionConfig, *, projection: int = 0, seed: int = 0, form: Form = "compiled"
    ) -> None:
        super().__init__()
        self.model = build_model(kind, config, seed=seed, form=form)
        self.projection: nn.Linear | None = None
        if projection:
            embedding = config.dim if kind == "vivit" else config.hidden
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self.projection = nn.Linear(embedding, projection)

    def videos(self, series: torch.Tensor, every: int = 1) -> torch.Tensor:
        """Every video of a series (T,), one per ``every`` bars: (B, span).

        Raises
        ------
        DataError
            The series is shorter than a video.
        """
        return _long_enough(series, self.model.config.span).unfold(-1, self.model.config.span, every)

    def forward(self, series: torch.Tensor, intermediates: bool = False) -> Look:
        """Look at the end of every series (B, T >= span).

        Raises
        ------
        DataError
            The series are shorter than a video.
        """
        model = self.model
        paths = _long_enough(series, model.config.span)[..., -model.config.span :]
        windows = model.windows(paths)
        fields = model.image(windows)
        patches = model.patches(fields)
        encodings = model.encode(patches.flatten(0, 1)).reshape(*patches.shape[:2], -1)
        seen = model.seen(model.look(encodings))
        kept: dict[str, Any] = {}
        if intermediates:
            averages = model.image.frames(windows)
            kept = {
                "windows": windows,
                "averages": averages,
                "fields": fields,
                "patches": patches,
                "encodings": encodings,
            }
        return Look(seen, self.projection(seen.embedding) if self.projection is not None else None, kept)


def _long_enough(series: torch.Tensor, span: int) -> torch.Tensor:
    if series.shape[-1] < span:
        raise DataError(
            "the series is shorter than a video",
            got=series.shape[-1],
            expected=f"at least {span} values",
            remedy="wait for more bars, or use fewer or shorter frames",
        )
    return series
