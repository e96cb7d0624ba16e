"""Distributed checkpoints: every process keeps a part, any number of processes can read them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from janus_trader.contracts.errors import IntegrityError
from janus_trader.learning.training.checkpoint import read_checkpoint, write_checkpoint


def split_shards(raw: bytes, world: int) -> list[bytes]:
    """A checkpoint as ``world`` parts of about equal size, each a checkpoint of its own tensors.

    Process r writes part r alone, so no process has to hold or send it all. Tensors are dealt out largest
    first to the part that is smallest, in a fixed order: every process computes the same cut.

    Examples
    --------
    >>> import torch
    >>> whole = write_checkpoint({"a": torch.zeros(4), "b": torch.ones(2)}, {"step": 7})
    >>> join_shards(split_shards(whole, 2)) == whole
    True
    """
    tensors, metadata = read_checkpoint(raw)
    digest = hashlib.sha256(raw).hexdigest()
    sizes = [0] * world
    parts: list[dict[str, object]] = [{} for _ in range(world)]
    for name in sorted(tensors, key=lambda key: (-tensors[key].numel(), key)):
        smallest = sizes.index(min(sizes))
        parts[smallest][name] = tensors[name]
        sizes[smallest] += tensors[name].numel() * tensors[name].element_size()
    return [
        write_checkpoint(part, {"part": r, "parts": world, "whole": digest, "metadata": metadata})  # type: ignore[arg-type]
        for r, part in enumerate(parts)
    ]


def join_shards(parts: Sequence[bytes]) -> bytes:
    """The checkpoint that was split, byte for byte.

    Raises
    ------
    IntegrityError
        A part is missing, damaged, or belongs to another checkpoint.
    """
    read = [read_checkpoint(part) for part in parts]
    wholes = {metadata.get("whole") for _, metadata in read}
    numbers = sorted(metadata.get("part", -1) for _, metadata in read)
    expected = read[0][1].get("parts", 0) if read else 0
    if len(wholes) != 1 or numbers != list(range(expected)):
        raise IntegrityError(
            "the parts are not one checkpoint",
            got=f"parts {numbers} of {len(wholes)} checkpoints",
            expected=f"each of {expected} parts of one checkpoint once",
            remedy="find the missing part, or go back to an older checkpoint",
        )
    tensors = {name: tensor for part, _ in read for name, tensor in part.items()}
    whole = write_checkpoint(tensors, msgspec.to_builtins(read[0][1]["metadata"]))
    if hashlib.sha256(whole).hexdigest() != next(iter(wholes)):
        raise IntegrityError("the joined checkpoint is not the one that was split", remedy="use an older one")
    return whole
