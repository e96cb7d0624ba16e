"""DiffGAF-LSTM: filtered frames, read in order by an LSTM (specification section 1.3.1)."""

from __future__ import annotations

import torch
from torch import nn

from janus_trader.learning.vision.architecture import VisionConfig
from janus_trader.learning.vision.diffgaf import Form
from janus_trader.learning.vision.model import VisionModel


class DiffGafLstm(VisionModel):
    """A convolution over patches and a projection encode each frame; an LSTM reads the encodings.

    Parameters
    ----------
    config : VisionConfig
    form : {"compiled", "polar", "products"}
        See `DiffGAF`.

    Notes
    -----
    The convolution's stride is its width: no pixel is read twice, and a frame's cost is that of one product.
    The LSTM starts from nothing at the oldest frame of every video, so that its output is a function of the
    last ``span`` bars alone and streaming over cached encodings is exact. Dropout of the state is left out.

    Examples
    --------
    >>> model = DiffGafLstm(VisionConfig())
    >>> model(torch.zeros(2, model.config.span)).embedding.shape
    torch.Size([2, 32])
    """

    kind = "diffgaf_lstm"

    def __init__(self, config: VisionConfig, form: Form = "compiled") -> None:
        super().__init__(config, config.hidden, form)
        self.embed = nn.Linear(config.patch_values, config.channels)
        self.project = nn.Linear(config.patches * config.channels, config.dim)
        self.lstm = nn.LSTM(config.dim, config.hidden, batch_first=True)

    def encode(self, patches: torch.Tensor) -> torch.Tensor:
        """See `VisionModel`."""
        return torch.relu(self.project(torch.relu(self.embed(patches)).flatten(1)))

    def look(self, encodings: torch.Tensor) -> torch.Tensor:
        """See `VisionModel`."""
        states, _ = self.lstm(encodings)
        return states[:, -1]
