"""Learned predicates and logical losses in torch (extra ``ml``); imported only by those that train with torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.logic import syntax
from janus_trader.learning.logic.bank_kernel import tanh_in_place, through_tanh
from janus_trader.learning.logic.compiled import CompiledTheory
from janus_trader.learning.logic.operators import Logic
from janus_trader.learning.logic.syntax import Theory
from janus_trader.learning.logic.training import HybridSchedule
from janus_trader.learning.logic.workspace import Workspace


def _hidden(x: Tensor, w1: Tensor, b1: Tensor) -> Tensor:
    h = torch.addmm(b1[:, None], w1, x.t())
    if h.dtype == torch.float32:
        tanh_in_place(h.numpy().reshape(-1))
        return h
    return h.tanh_()


class _Bank(torch.autograd.Function):
    """All predicates of a bank at once: σ(w₂·tanh(W₁x + b₁) + b₂), with its own backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
        layers = _hidden(x, w1, b1).view(*w2.shape, -1)
        out = torch.bmm(w2[:, None], layers)[:, 0].add_(b2[:, None]).sigmoid_()
        ctx.save_for_backward(x, w1, b1, w2, layers, out)
        ctx.spent = False
        return out

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor, Tensor]:
        x, w1, b1, w2, layers, out = ctx.saved_tensors
        if ctx.spent:
            layers = _hidden(x, w1, b1).view_as(layers)
        ctx.spent = True  # overwritten below: fresh memory of this size costs more than the arithmetic
        z = outer[0] * out * (1.0 - out)
        by_w2 = torch.stack([torch.mv(layer, row) for layer, row in zip(layers, z, strict=True)])
        through_tanh(layers.numpy(), z.numpy())
        flat, scale = layers.view(-1, x.shape[0]), w2.reshape(-1, 1)
        by_x = flat.t() @ (w1 * scale) if ctx.needs_input_grad[0] else None
        return by_x, (flat @ x) * scale, flat.sum(1) * scale[:, 0], by_w2, z.sum(1)


class PredicateBank(nn.Module):
    r"""Learnable predicates of the same rows: small networks, stacked, so that one product serves all.

    .. math:: P_i(x) = \sigma\bigl(w_i \cdot \tanh(W_i x + b_i) + c_i\bigr)

    Specification eq. 12 (a thing is its row of numbers) and the predicate grounding of section 3.1.2.

    Parameters
    ----------
    names : sequence of str
        The predicates.
    in_features, hidden : int
        Numbers in a row, units of each network.
    seed : int
        Of the starting weights (torch's default distribution for linear layers).

    Notes
    -----
    Forward (B, in) → (P, B) in (0, 1); O(B P hidden in). NaN in a row makes its truths NaN.

    Examples
    --------
    >>> bank = PredicateBank(["calm", "cheap"], 3, hidden=4, seed=0)
    >>> tuple(bank(torch.zeros(5, 3)).shape), list(bank.tables(torch.zeros(5, 3)))
    ((2, 5), ['calm', 'cheap'])
    """

    def __init__(self, names: Sequence[str], in_features: int, hidden: int = 16, seed: int = 0) -> None:
        super().__init__()
        if not names or in_features < 1 or hidden < 1:
            raise ConfigError("an empty bank of predicates", got=f"{list(names)}, {in_features}, {hidden}")
        self.names = tuple(names)
        generator = torch.Generator().manual_seed(seed)
        n = len(self.names)

        def uniform(shape: tuple[int, ...], fan_in: int) -> nn.Parameter:
            bound = 1.0 / math.sqrt(fan_in)
            return nn.Parameter((torch.rand(shape, generator=generator) * 2.0 - 1.0) * bound)

        self.w1, self.b1 = (
            uniform((n * hidden, in_features), in_features),
            uniform((n * hidden,), in_features),
        )
        self.w2, self.b2 = uniform((n, hidden), hidden), uniform((n,), hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Truths (P, B) of rows (B, in)."""
        return _Bank.apply(x, self.w1, self.b1, self.w2, self.b2)  # type: ignore[no-any-return,no-untyped-call]

    def tables(self, x: Tensor) -> dict[str, Tensor]:
        """Truths (B,) of every predicate by name."""
        return dict(zip(self.names, self(x), strict=True))


class _Satisfaction(torch.autograd.Function):
    """SAT of a compiled theory; the kernel has the gradient ready when the forward pass ends."""

    @staticmethod
    def forward(ctx: Any, run: Any, *inputs: Tensor) -> Tensor:
        satisfaction, gradients = run(inputs, any(ctx.needs_input_grad))
        ctx.gradients = [
            torch.from_numpy(g).to(x.dtype) if needed else None
            for g, x, needed in zip(gradients, inputs, ctx.needs_input_grad[1:], strict=True)
        ]
        return inputs[0].new_tensor(satisfaction)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        return (None, *[None if g is None else g.mul(outer[0]) for g in ctx.gradients])


class LogicalLoss(nn.Module):
    """``1 − SAT`` of a knowledge base (specification eq. 27) as a torch loss, by the compiled kernel.

    Parameters
    ----------
    theory : Theory
    logic : Logic, optional
    weighted : sequence of str
        Sorts whose rows are weighted.

    Notes
    -----
    CPU tensors. Inputs are copied to float64; the loss has the dtype of the first input. Once differentiable.
    Agrees with `evaluate` on tensors (the reference) to rounding.

    Examples
    --------
    >>> from janus_trader.learning.logic import parse
    >>> theory = parse("sort bar(x) predicate calm(m in bar) rule all: forall m in bar: calm(m)")
    >>> truths = torch.tensor([0.9, 0.6], requires_grad=True)
    >>> loss = LogicalLoss(theory, Logic(stable=False))(tables={"calm": truths}); loss.backward()
    >>> round(loss.item(), 4), [round(g, 3) for g in truths.grad.tolist()]
    (0.2915, [-0.171, -0.686])
    """

    def __init__(self, theory: Theory, logic: Logic | None = None, weighted: Sequence[str] = ()) -> None:
        super().__init__()
        self.compiled = CompiledTheory(theory, logic or Logic(), weighted)
        self._workspaces: dict[tuple[int, ...], Workspace] = {}
        #: Satisfaction of every rule at the last call, (R,).
        self.truths = np.ones(len(theory.rules))

    def _workspace(self, sizes: Mapping[str, int]) -> Workspace:
        key = tuple(sizes.get(s, 1) for s in self.compiled.sorts)
        if key not in self._workspaces:
            if len(self._workspaces) >= 8:
                self._workspaces.pop(next(iter(self._workspaces)))
            self._workspaces[key] = self.compiled.workspace(sizes)
        return self._workspaces[key]

    def forward(
        self,
        domains: Mapping[str, Tensor] | None = None,
        tables: Mapping[str, Tensor] | None = None,
        weights: Mapping[str, Tensor] | None = None,
        logic: Logic | None = None,
    ) -> Tensor:
        """``1 − SAT``. Arguments as of `janus_trader.learning.logic.evaluate`; ``logic`` only for its powers."""
        domains, tables = domains or {}, tables or {}
        inputs, sizes = self._inputs(domains, tables)
        work = self._workspace(sizes)
        for sort in self.compiled.weighted:
            given = (weights or {}).get(sort)
            work.weigh(sort, np.ones(sizes[sort]) if given is None else given.detach().numpy())

        def run(values: Sequence[Tensor], gradient: bool) -> tuple[float, list[np.ndarray]]:
            for view, value in zip(work.inputs, values, strict=True):
                view[...] = value.detach().numpy()
            satisfaction = work.run(gradient=gradient, logic=logic)
            self.truths = work.truths.copy()
            return satisfaction, [g.copy() for g in work.gradients]

        return 1.0 - _Satisfaction.apply(run, *inputs)  # type: ignore[no-untyped-call,no-any-return]

    def _inputs(
        self, domains: Mapping[str, Tensor], tables: Mapping[str, Tensor]
    ) -> tuple[list[Tensor], dict[str, int]]:
        found, sizes = [], {}
        for column in self.compiled.columns:
            source = domains if column.is_field else tables
            name = column.owner if column.is_field else column.name
            if name not in source:
                raise ConfigError(
                    "an input of the knowledge base is missing", got=list(source), expected=name
                )
            value = source[name]
            if column.is_field:
                value = value[:, self.compiled.theory.sort(name).fields.index(column.name)]
            for sort, n in zip(column.sorts, value.shape, strict=True):
                sizes[sort] = int(n)
            found.append(value)
        return found, sizes


def learned_predicates(theory: Theory, hidden: int = 16, seed: int = 0) -> nn.ModuleDict:
    """A network for every predicate declared as ``learned``, by name; each reads the numbers it names.

    Give the truths to `LogicalLoss` as tables: ``{name: truths_of(theory, name, nets[name], domains)}``.
    """
    nets = nn.ModuleDict()
    for i, p in enumerate(theory.predicates):
        if isinstance(p.grounding, syntax.Learned):
            nets[p.name] = PredicateBank([p.name], len(p.grounding.fields), hidden, seed + i)
    return nets


def truths_of(theory: Theory, name: str, net: nn.Module, domains: Mapping[str, Tensor]) -> Tensor:
    """Table of truths of a learned predicate: one axis an argument, in the order of its parameters."""
    predicate = theory.predicate(name)
    if not isinstance(predicate.grounding, syntax.Learned):
        raise ConfigError(f"'{name}' is not a learned predicate", got=str(predicate))
    places = {p.variable: (i, p.sort) for i, p in enumerate(predicate.parameters)}
    sizes = [domains[p.sort].shape[0] for p in predicate.parameters]
    parts = []
    for f in predicate.grounding.fields:
        axis, sort = places[f.variable]
        column = domains[sort][:, theory.sort(sort).fields.index(f.name)]
        shape = [1] * len(sizes)
        shape[axis] = -1
        parts.append(column.reshape(shape).expand(sizes).reshape(-1))
    return net(torch.stack(parts, dim=1))[0].reshape(sizes)  # type: ignore[no-any-return]


class HybridLoss(nn.Module):
    """Supervised and logical loss together, by the schedule of an epoch.

    ``α·task + (1 − α)·logical`` with α from the schedule, or ``task + λ·logical`` where the schedule has a λ
    (specification 3.4.2; eq. 23 of the mechanisms): see `janus_trader.learning.logic.training.HybridSchedule`.

    >>> mix = HybridLoss(HybridSchedule())
    >>> round(mix(torch.tensor(1.0), torch.tensor(0.5), epoch=0).item(), 3)
    0.9
    """

    def __init__(self, schedule: HybridSchedule) -> None:
        super().__init__()
        self.schedule = schedule

    def forward(self, task: Tensor, logical: Tensor, epoch: int) -> Tensor:
        """The loss of an epoch, from 0."""
        by_task, by_logic = self.schedule.weights(epoch)
        return by_task * task + by_logic * logical
