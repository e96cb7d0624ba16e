"""Video vision transformer with a factorised encoder (specification eq. 8-10, corrected)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from janus_trader.learning.vision.architecture import VisionConfig
from janus_trader.learning.vision.diffgaf import Form
from janus_trader.learning.vision.model import VisionModel


class Block(nn.Module):
    r"""Pre-norm transformer block: attention, then MLP, each added to what it read.

    .. math:: Y = Z + MSA(LN(Z)), \qquad Z' = Y + MLP(LN(Y))
    """

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.out = nn.Linear(dim, dim)
        self.up = nn.Linear(dim, hidden)
        self.down = nn.Linear(hidden, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.heads = heads

    def attend(self, x: torch.Tensor, rows: int) -> torch.Tensor:
        """Multi-head attention of the first ``rows`` of tokens (B, n, d) over all."""

        def split(y: torch.Tensor) -> torch.Tensor:
            return y.reshape(y.shape[0], y.shape[1], self.heads, -1).transpose(1, 2)

        q = split(self.query(x[:, :rows]))
        k, v = (split(y) for y in self.key_value(x).chunk(2, dim=-1))
        weights = torch.softmax((q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2), dim=-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2))

    def forward(self, x: torch.Tensor, rows: int) -> torch.Tensor:
        """Tokens (B, n, d) to the first ``rows`` tokens (B, rows, d)."""
        x = x[:, :rows] + self.attend(self.norm1(x), rows)
        return x + self.down(functional.gelu(self.up(self.norm2(x)), approximate="tanh"))


class ViViT(VisionModel):
    """Factorised encoder (model 2 of the paper): a transformer within each tubelet, then one across them.

    Parameters
    ----------
    config : VisionConfig
    form : {"compiled", "polar", "products"}
        See `DiffGAF`.

    Notes
    -----
    Tubelets (``tubelet`` frames of both fields, cut into patches) are embedded linearly, a class token and spatial
    positions are added, and ``spatial_layers`` blocks leave the class token as the tubelet's encoding. Then
    temporal positions and a second class token are added, and ``temporal_layers`` blocks give the embedding.
    Eq. 9-10 as printed mix models 2 and 3 and leave out the MLP, the residual over time and every position:
    eq. 10 has no residual and would stack all tokens of all frames. Because time enters only after the
    spatial encoder, an encoding does not change when the video moves on.

    Examples
    --------
    >>> model = ViViT(VisionConfig(frames=4, tubelet=2))
    >>> model.encodings(torch.zeros(3, model.config.span)).shape
    torch.Size([3, 2, 32])

    Source: Arnab, A. et al. (2021), ViViT: a video vision transformer; Dosovitskiy et al. (2020).
    """

    kind = "vivit"

    def __init__(self, config: VisionConfig, form: Form = "compiled") -> None:
        super().__init__(config, config.dim, form)
        d = config.dim
        self.embed = nn.Linear(config.patch_values, d)
        for part, layers, tokens in (
            ("spatial", config.spatial_layers, config.patches),
            ("temporal", config.temporal_layers, config.tokens),
        ):
            self.register_parameter(f"{part}_token", nn.Parameter(0.02 * torch.randn(d)))
            self.register_parameter(f"{part}_position", nn.Parameter(0.02 * torch.randn(tokens + 1, d)))
            blocks = [Block(d, config.heads, d * config.mlp_ratio) for _ in range(layers)]
            self.add_module(part, nn.ModuleList(blocks))
            self.add_module(f"{part}_norm", nn.LayerNorm(d))

    def _part(self, part: str, tokens: torch.Tensor) -> torch.Tensor:
        """One encoder: class token and positions added to (B, n, d), blocks, norm; the class token (B, d)."""
        token = getattr(self, f"{part}_token").expand(tokens.shape[0], 1, -1)
        x = torch.cat((token, tokens), dim=1) + getattr(self, f"{part}_position")
        blocks = getattr(self, part)
        for k, block in enumerate(blocks):
            x = block(x, x.shape[1] if k + 1 < len(blocks) else 1)  # of the last only the class token is read
        return getattr(self, f"{part}_norm")(x[:, 0])

    def encode(self, patches: torch.Tensor) -> torch.Tensor:
        """See `VisionModel`."""
        return self._part("spatial", self.embed(patches))

    def look(self, encodings: torch.Tensor) -> torch.Tensor:
        """See `VisionModel`."""
        return self._part("temporal", encodings)
