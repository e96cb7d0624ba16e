"""torch, one thread, eager and in float64, on the same network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from janus_trader.research.bench.work import Peer


def _twin(torch: Any, sizes: tuple[int, ...], theta: np.ndarray) -> Any:
    layers, start = [], 0
    for inputs, outputs in pairwise(sizes):
        layer = torch.nn.Linear(inputs, outputs, dtype=torch.float64)
        end = start + inputs * outputs
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(theta[start:end].reshape(inputs, outputs).T.copy()))
            layer.bias.copy_(torch.from_numpy(theta[end : end + outputs].copy()))
        layers += [layer, torch.nn.ReLU()]
        start = end + outputs
    return torch.nn.Sequential(*layers[:-1])


def _flat(net: Any) -> np.ndarray:
    parts = []
    for parameter in net.parameters():
        values = parameter.detach().numpy()
        parts.append((values.T if values.ndim == 2 else values).ravel())
    return np.concatenate(parts)


def _night(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    import torch

    torch.set_num_threads(1)
    c = inputs["config"]
    names = ("states", "advantages", "returns")
    states, advantages, returns = (torch.from_numpy(inputs[name]) for name in names)

    def theirs() -> np.ndarray:
        net = _twin(torch, inputs["sizes"], inputs["theta"])
        optimiser = torch.optim.AdamW(
            net.parameters(), lr=c.optimiser.rate, weight_decay=c.optimiser.decay, foreach=True
        )
        for x, a, y in zip(states, advantages, returns, strict=True):
            optimiser.zero_grad()
            out = net(x)
            log_p = torch.log_softmax(out[:, :3], 1)
            p = log_p.exp()
            loss = -(p * a).sum(1) + c.entropy * (p * log_p).sum(1) + c.critic * (out[:, 3] - y) ** 2
            loss.mean().backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), c.optimiser.clip)
            optimiser.step()
        return _flat(net)

    return theirs


def _choice(inputs: Mapping[str, Any]) -> Callable[[], np.ndarray]:
    import torch

    torch.set_num_threads(1)
    net = _twin(torch, inputs["sizes"], inputs["theta"])

    def theirs() -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(torch.softmax(net(torch.from_numpy(inputs["states"]))[:, :3], 1).numpy())

    return theirs


def _largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max())


_SETTINGS = "eager, one thread, float64"

PEERS = (
    Peer("policy.night", "torch", "torch", _night, _largest, settings=f"{_SETTINGS}, AdamW foreach"),
    Peer("policy.choice", "torch", "torch", _choice, _largest, settings=f"{_SETTINGS}, inference mode"),
)
