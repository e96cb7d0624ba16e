"""What both torch vision models share: from paths to patches, from an embedding to a direction."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from janus_trader.learning.vision.architecture import (
    FIELDS,
    LOG_DEVIATION,
    Kind,
    Parameters,
    VisionConfig,
    checked,
    fitting,
)
from janus_trader.learning.vision.diffgaf import DiffGAF, Form


class Seen(NamedTuple):
    """What a model says of B videos: direction in [-1, 1], mean and deviation of the payoff (B,), embedding."""

    direction: torch.Tensor
    mean: torch.Tensor
    deviation: torch.Tensor
    embedding: torch.Tensor


class VisionModel(nn.Module, ABC):
    """Base of the models: images, patches, head, and the exchange of parameters.

    A model gives ``encode`` (patches of B tubelets to encodings) and ``look`` (encodings (B, T, d), oldest
    first, to embeddings); the encoding of a tubelet depends on nothing outside it.
    """

    kind: Kind

    def __init__(self, config: VisionConfig, embedding: int, form: Form = "compiled") -> None:
        super().__init__()
        self.config = checked(config)
        self.image = DiffGAF(config.window, config.size, config.normalisation, form)
        self.head = nn.Linear(embedding, 2)

    @abstractmethod
    def encode(self, patches: torch.Tensor) -> torch.Tensor:
        """Encodings (B, d) of tubelets given as patches (B, P, 2 tubelet p^2)."""

    @abstractmethod
    def look(self, encodings: torch.Tensor) -> torch.Tensor:
        """Embeddings (B, e) of videos given as encodings (B, T, d)."""

    def windows(self, paths: torch.Tensor) -> torch.Tensor:
        """Frames (B, N, W) of paths (B, unit or span), oldest first, about the path's last value (no digit is lost
        to the level of prices), in the type of the parameters."""
        c = self.config
        near = (paths - paths[:, -1:]).to(self.head.weight.dtype)
        return near.unfold(1, c.window, c.stride)

    def patches(self, fields: torch.Tensor) -> torch.Tensor:
        r"""Fields (B, N, 2, size, size) as patches (B, N / tubelet, P, 2 tubelet p^2) (specification eq. 8)."""
        c = self.config
        grid, side = c.size // c.patch, c.patch
        x = fields.reshape(fields.shape[0], -1, c.tubelet * FIELDS, grid, side, grid, side)
        return x.permute(0, 1, 3, 5, 2, 4, 6).reshape(x.shape[0], -1, grid * grid, c.patch_values)

    def encodings(self, paths: torch.Tensor) -> torch.Tensor:
        """Encodings (B, T, d) of the tubelets of paths (B, span), or (B, 1, d) of paths (B, unit)."""
        patches = self.patches(self.image(self.windows(paths)))
        return self.encode(patches.flatten(0, 1)).reshape(patches.shape[0], patches.shape[1], -1)

    def seen(self, embedding: torch.Tensor) -> Seen:
        """The head: mean and deviation of the payoff, and the direction that follows from them."""
        mean, log_deviation = self.head(embedding).unbind(-1)
        deviation = torch.exp(log_deviation.clamp(-LOG_DEVIATION, LOG_DEVIATION))
        return Seen(torch.erf(mean / (deviation * math.sqrt(2.0))), mean, deviation, embedding)

    def forward(self, paths: torch.Tensor) -> Seen:
        """Look at paths (B, span) of log closes, oldest first."""
        return self.seen(self.look(self.encodings(paths)))

    def tree(self) -> Parameters:
        """The parameters as a plain tree of float32 arrays."""
        return {k: v.detach().numpy().astype(np.float32) for k, v in self.state_dict().items()}

    def adopt(self, parameters: Parameters) -> None:
        """Put a tree in force.

        Raises
        ------
        IntegrityError
            It is not of this model.
        """
        tree = fitting(parameters, self.config, self.kind)
        self.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in tree.items()})
