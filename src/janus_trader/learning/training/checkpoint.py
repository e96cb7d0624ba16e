"""Checkpoints as bytes: tensors in the safetensors format, everything else in its metadata."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from janus_trader.contracts.errors import IntegrityError

if TYPE_CHECKING:
    import torch

FORMAT = "janus.checkpoint.1"


def write_checkpoint(tensors: dict[str, torch.Tensor], metadata: dict[str, Any]) -> bytes:
    """Tensors and a plain tree as the bytes of one safetensors file.

    The metadata are canonical JSON under the key ``janus``, with the SHA-256 of the tensors' own bytes, so
    that a damaged file is refused. No code is stored, so none is run on reading. O(size).

    Examples
    --------
    >>> import torch
    >>> raw = write_checkpoint({"w": torch.ones(2)}, {"epoch": 3})
    >>> tensors, metadata = read_checkpoint(raw)
    >>> tensors["w"].tolist(), metadata["epoch"]
    ([1.0, 1.0], 3)
    """
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    tree = {**metadata, "format": FORMAT, "tensors_sha256": _digest(plain)}
    # one key only: the order in which several are written is not fixed
    return save(plain, metadata={"janus": msgspec.json.encode(tree, order="deterministic").decode()})


def read_checkpoint(raw: bytes) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Inverse of `write_checkpoint`.

    Raises
    ------
    IntegrityError
        The bytes are not such a checkpoint, or were changed.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(raw)
        header = msgspec.json.decode(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
        metadata = msgspec.json.decode(header["janus"], type=dict[str, Any])
    except (SafetensorError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise IntegrityError(
            "not a checkpoint", got=str(error), expected=FORMAT, remedy="train again, or use another file"
        ) from error
    kind, digest = metadata.pop("format", ""), metadata.pop("tensors_sha256", "")
    if kind != FORMAT or digest != _digest(tensors):
        raise IntegrityError(
            "the checkpoint was changed since it was written",
            got=str(kind),
            expected=f"{FORMAT} with the digest of its tensors",
            remedy="train again, or use another file",
        )
    return tensors, metadata


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
