"""Sends and receives between two processes that end within a time, and what a peer that fell silent raises."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from janus_trader.contracts.errors import JanusError

if TYPE_CHECKING:
    import torch


class PeerLost(JanusError):
    """Another process of the training died, or said nothing for too long."""


def send(tensor: torch.Tensor, to: int, timeout_s: float) -> None:
    """Send a tensor to a process and wait until it is on its way. Raises PeerLost."""
    import torch.distributed as dist

    try:
        work = dist.isend(tensor, to)
        if work is not None:
            work.wait(timedelta(seconds=timeout_s))
    except RuntimeError as error:
        raise _lost(f"process {to}", "takes", timeout_s, error) from error


def receive(tensor: torch.Tensor, source: int | None, timeout_s: float, what: str = "") -> int:
    """Receive a tensor in place from a process, or from whichever speaks first; who it was. Raises PeerLost.

    ``what`` names in the error whose words were expected.
    """
    import torch.distributed as dist

    try:
        work = dist.irecv(tensor, source)
        if work is not None:
            work.wait(timedelta(seconds=timeout_s))
            return int(work._source_rank()) if source is None else source
    except RuntimeError as error:
        raise _lost(what or f"process {source}", "says", timeout_s, error) from error
    raise PeerLost("this process is in no group", remedy="meet in a Rendezvous first")


def _lost(who: str, verb: str, timeout_s: float, error: RuntimeError) -> PeerLost:
    return PeerLost(
        f"a peer was lost: {who} {verb} nothing",
        got=str(error).splitlines()[0][:160],
        expected=f"an answer within {timeout_s:g} s",
        remedy="see why it ended, then resume all processes from the last checkpoint",
    )


def flattened(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """All numbers of some tensors of one type as one vector, a copy."""
    import torch

    return torch.cat([t.detach().reshape(-1) for t in tensors])


def spread(flat: torch.Tensor, tensors: Sequence[torch.Tensor]) -> None:
    """Inverse of `flattened`, in place."""
    import torch

    with torch.no_grad():
        start = 0
        for t in tensors:
            t.copy_(flat[start : start + t.numel()].view_as(t))
            start += t.numel()
