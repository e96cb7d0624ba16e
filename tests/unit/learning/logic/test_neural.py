"""Learned predicates and losses in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.logic import Logic, evaluate, parse
from janus_trader.learning.logic.bank_kernel import tanh_in_place
from janus_trader.learning.logic.neural import (
    HybridLoss,
    LogicalLoss,
    PredicateBank,
    learned_predicates,
    truths_of,
)
from janus_trader.learning.logic.training import HybridSchedule

THEORY = parse("""
sort row(x, y)
sort other(z)
predicate A(m in row)
predicate near(m in row) = near(m.x, 0.5, 1)
predicate linked(m in row, n in other) = learned(m.x, m.y, n.z)
rule one: forall m in row: A(m) -> near(m)
rule two: forall m in row: exists n in other: linked(m, n) and A(m)
""")


def plain(bank: PredicateBank, i: int, hidden: int) -> nn.Module:
    """The same predicate out of torch's own layers."""
    own = slice(i * hidden, (i + 1) * hidden)
    first, second = nn.Linear(bank.w1.shape[1], hidden), nn.Linear(hidden, 1)
    with torch.no_grad():
        first.weight.copy_(bank.w1[own])
        first.bias.copy_(bank.b1[own])
        second.weight[0].copy_(bank.w2[i])
        second.bias.copy_(bank.b2[i : i + 1])
    return nn.Sequential(first, nn.Tanh(), second, nn.Sigmoid(), nn.Flatten(0))


def test_a_bank_is_its_networks_side_by_side():
    bank, x = PredicateBank(["a", "b", "c"], 5, hidden=8, seed=3), torch.randn(40, 5, requires_grad=True)
    own = x.detach().clone().requires_grad_()
    nets = [plain(bank, i, 8) for i in range(3)]
    ours, theirs = bank(x), torch.stack([net(own) for net in nets])
    assert float((ours - theirs).detach().abs().max()) < 1e-6
    outer = torch.randn(3, 40)
    ours.backward(outer)
    theirs.backward(outer)
    assert float((x.grad - own.grad).abs().max()) < 1e-5
    expected = torch.cat([net[0].weight.grad for net in nets])
    assert float((bank.w1.grad - expected).abs().max()) < 1e-5
    assert float((bank.b1.grad - torch.cat([net[0].bias.grad for net in nets])).abs().max()) < 1e-5
    assert float((bank.w2.grad - torch.stack([net[2].weight.grad[0] for net in nets])).abs().max()) < 1e-5
    assert float((bank.b2.grad - torch.cat([net[2].bias.grad for net in nets])).abs().max()) < 1e-5


def test_gradients_of_bank_and_loss_agree_with_finite_differences():
    bank = PredicateBank(["A"], 2, hidden=4, seed=1).double()
    loss = LogicalLoss(
        parse("sort row(x, y) predicate A(m in row) rule r: forall m in row: very A(m)"), Logic()
    )
    x = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rows: loss(tables=bank.tables(rows)), (x,), atol=1e-6)
    assert torch.autograd.gradcheck(lambda w: torch.func.functional_call(bank, {"w2": w}, (x,)), (bank.w2,))


def test_a_second_backward_pass_gives_the_same_gradient():
    bank = PredicateBank(["a", "b"], 2, hidden=3)
    total = bank(torch.randn(4, 2)).sum()
    first, second = (torch.autograd.grad(total, bank.w1, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert float(first.abs().max()) > 0.0


def test_the_fast_tanh_is_tanh():
    x = np.linspace(-12, 12, 100_001).astype(np.float32)
    y = x.copy()
    tanh_in_place(y)
    assert np.abs(y - np.tanh(x.astype(np.float64))).max() < 4e-7
    bad = np.array([np.nan, np.inf, -np.inf], np.float32)
    tanh_in_place(bad)
    assert np.isnan(bad[0])
    assert bad[1:].tolist() == pytest.approx([1.0, -1.0], abs=1e-6)


def test_the_loss_is_that_of_the_reference_in_value_and_gradient():
    torch.manual_seed(0)
    domains = {"row": torch.randn(9, 2, requires_grad=True), "other": torch.randn(4, 1, requires_grad=True)}
    nets = learned_predicates(THEORY, hidden=5, seed=2)
    truths = torch.rand(9, requires_grad=True)

    def gradients(loss: torch.Tensor) -> list[torch.Tensor]:
        inputs = [domains["row"], domains["other"], truths, *nets.parameters()]
        return list(torch.autograd.grad(loss, inputs))

    def tables() -> dict[str, torch.Tensor]:
        return {"A": truths, "linked": truths_of(THEORY, "linked", nets["linked"], domains)}

    weights = {"row": torch.tensor([1.0] * 8 + [0.0])}
    fast = LogicalLoss(THEORY, Logic(), ("row",))(domains, tables(), weights)
    slow = 1.0 - evaluate(THEORY, domains, tables(), Logic(), weights).satisfaction
    assert float(fast.detach()) == pytest.approx(float(slow.detach()), abs=1e-6)
    for a, b in zip(gradients(fast), gradients(slow), strict=True):
        assert float((a - b).abs().max()) < 1e-6


def test_a_learned_relation_reads_the_fields_it_names():
    domains = {"row": torch.randn(3, 2), "other": torch.randn(2, 1)}
    net = learned_predicates(THEORY)["linked"]
    table = truths_of(THEORY, "linked", net, domains)
    one = net(torch.cat([domains["row"][2], domains["other"][1]])[None])[0, 0]
    assert tuple(table.shape) == (3, 2)
    assert float(table[2, 1].detach()) == pytest.approx(float(one.detach()), abs=1e-6)


def test_rules_alone_teach_a_predicate():
    """A predicate that must hold for positive numbers and fail for negative ones is learned from the rules."""
    theory = parse("""
    sort row(x)
    predicate positive(m in row) = above(m.x, 0, 20)
    predicate P(m in row) = learned(m.x)
    rule up: forall m in row: positive(m) -> P(m)
    rule down: forall m in row: not positive(m) -> not P(m)
    """)
    rows = torch.linspace(-2, 2, 64)[:, None]
    nets, loss = learned_predicates(theory, hidden=8), LogicalLoss(theory, Logic())
    optimiser = torch.optim.Adam(nets.parameters(), lr=0.05)
    for _ in range(150):
        optimiser.zero_grad()
        value = loss({"row": rows}, {"P": truths_of(theory, "P", nets["P"], {"row": rows})})
        value.backward()
        optimiser.step()
    learned = truths_of(theory, "P", nets["P"], {"row": rows}).detach()
    assert float(((learned > 0.5) == (rows[:, 0] > 0.0)).float().mean()) > 0.95
    assert loss.truths.shape == (2,)
    assert (loss.truths > 0.75).all()


def test_schedule_of_the_hybrid_loss():
    schedule = HybridSchedule()
    assert [schedule.weights(e)[0] for e in (0, 20, 21, 60, 61, 1000)] == [0.8, 0.8, 0.5, 0.5, 0.3, 0.3]
    task, logical = torch.tensor(2.0, requires_grad=True), torch.tensor(0.5, requires_grad=True)
    loss = HybridLoss(schedule)(task, logical, epoch=30)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(schedule.loss(2.0, 0.5, 30)) == pytest.approx(1.25)
    assert (float(task.grad), float(logical.grad)) == schedule.weights(30)


def test_the_additive_form():
    schedule = HybridSchedule(additive=True, logic_weight=3.0)
    assert schedule.loss(1.0, 0.5, 0) == schedule.loss(1.0, 0.5, 99) == 2.5


def test_bad_settings_are_refused():
    with pytest.raises(ConfigError):
        HybridSchedule(first_until=10, second_until=5)
    with pytest.raises(ConfigError):
        PredicateBank([], 3)
    with pytest.raises(ConfigError, match="missing"):
        LogicalLoss(THEORY)(domains={"row": torch.zeros(2, 2)})
    with pytest.raises(ConfigError, match="not a learned predicate"):
        truths_of(THEORY, "near", nn.Identity(), {})


def test_the_package_of_rules_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, janus_trader.learning.logic, janus_trader.brain.prefrontal; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
