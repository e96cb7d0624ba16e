"""Fuzzy logic: LTNtorch."""

from __future__ import annotations

import numpy as np

from janus_trader.research.bench.work import Peer


def _networks(inputs):
    """The predicates of the case, with the same weights, out of torch's layers."""
    import torch
    from torch import nn

    w1, b1, w2, b2 = (torch.from_numpy(w) for w in inputs["weights"])
    hidden = inputs["hidden"]
    nets = []
    for i in range(len(b2)):
        own = slice(i * hidden, (i + 1) * hidden)
        first, second = nn.Linear(w1.shape[1], hidden), nn.Linear(hidden, 1)
        with torch.no_grad():
            first.weight.copy_(w1[own])
            first.bias.copy_(b1[own])
            second.weight[0].copy_(w2[i])
            second.bias.copy_(b2[i : i + 1])
        nets.append(nn.Sequential(first, nn.Tanh(), second, nn.Sigmoid(), nn.Flatten(0)))
    return nets


def _ltntorch(inputs):
    import ltn
    import torch

    torch.set_num_threads(1)
    nets, data = _networks(inputs), torch.from_numpy(inputs["data"])
    weights = [p for net in nets for p in net.parameters()]
    predicates = [ltn.Predicate(net) for net in nets]
    no = ltn.Connective(ltn.fuzzy_ops.NotStandard())
    both = ltn.Connective(ltn.fuzzy_ops.AndProd())
    either = ltn.Connective(ltn.fuzzy_ops.OrProbSum())
    implies = ltn.Connective(ltn.fuzzy_ops.ImpliesReichenbach())
    every = ltn.Quantifier(ltn.fuzzy_ops.AggregPMeanError(p=2), quantifier="f")
    satisfied = ltn.fuzzy_ops.SatAgg()

    def cycle():
        for w in weights:
            w.grad = None
        x = ltn.Variable("x", data)
        a, b, c, d = predicates
        satisfaction = satisfied(
            every(x, implies(a(x), b(x))),
            every(x, implies(b(x), no(c(x)))),
            every(x, implies(both(a(x), d(x)), c(x))),
            every(x, either(a(x), c(x))),
            every(x, implies(c(x), either(a(x), d(x)))),
            every(x, no(both(a(x), c(x)))),
            every(x, implies(d(x), both(b(x), no(a(x))))),
            every(x, either(no(b(x)), d(x))),
            every(x, implies(no(a(x)), either(c(x), d(x)))),
            every(x, both(b(x), implies(a(x), d(x)))),
        )
        (1.0 - satisfaction).backward()
        return satisfaction.item(), np.concatenate([net[0].weight.grad.numpy() for net in nets])

    return cycle


def _agreement(ours, theirs) -> float:
    return max(abs(ours[0] - theirs[0]), float(np.abs(ours[1] - theirs[1]).max()))


PEERS: tuple[Peer, ...] = (
    Peer(
        work="logic.axioms",
        name="LTNtorch",
        package="LTNtorch",
        prepare=_ltntorch,
        agreement=_agreement,
        settings="stable operators, the same networks and weights, one thread; each axiom calls its predicates anew",
    ),
)
