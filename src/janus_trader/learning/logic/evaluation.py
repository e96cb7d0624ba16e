"""The meaning of a knowledge base, computed with numpy or torch as it stands: the reference of the compiled form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.learning.logic import syntax
from janus_trader.learning.logic.checking import constant
from janus_trader.learning.logic.namespace import namespace
from janus_trader.learning.logic.operators import Logic
from janus_trader.learning.logic.predicates import FUNCTIONS
from janus_trader.learning.logic.syntax import Expression, Formula, Theory


def interpret(
    f: Formula, logic: Logic, atom: Callable[[syntax.Atom], Any], quantified: Callable[[Any], Any]
) -> Any:
    """Truth of a formula out of those of its atoms and of the quantified formulas in it.

    The same walk gives numbers, tensors, or a trace to be compiled.
    """

    def walk(g: Formula) -> Any:
        return interpret(g, logic, atom, quantified)

    match f:
        case syntax.Atom():
            return atom(f)
        case syntax.Not():
            return logic.negation(walk(f.body))
        case syntax.Hedged():
            return logic.hedge(f.hedge, walk(f.body))
        case syntax.AndN():
            value = walk(f.parts[0])
            for part in f.parts[1:]:
                value = logic.conjunction(value, walk(part))
            return value
        case syntax.OrN():
            value = walk(f.parts[0])
            for part in f.parts[1:]:
                value = logic.disjunction(value, walk(part))
            return value
        case syntax.Implies():
            return logic.implication(walk(f.premise), walk(f.conclusion))
        case syntax.Iff():
            return logic.equivalence(walk(f.left), walk(f.right))
        case syntax.ForAll() | syntax.Exists():
            return quantified(f)


def ground(e: Expression, leaf: Callable[[syntax.FieldOf], Any]) -> Any:
    """Value of an expression out of those of its fields."""
    value = constant(e)
    if value is not None:
        return value
    match e:
        case syntax.FieldOf():
            return leaf(e)
        case syntax.Negative():
            return -ground(e.value, leaf)
        case syntax.Arithmetic():
            a, b = ground(e.left, leaf), ground(e.right, leaf)
            return a + b if e.op == "+" else a - b if e.op == "-" else a * b
        case syntax.Call():
            return FUNCTIONS[e.function].apply(*[ground(a, leaf) for a in e.arguments])
        case _:
            raise AssertionError(e)


@dataclass(frozen=True)
class Evaluation:
    """``truths`` (R,) of the rules and the satisfaction of the whole, as numpy numbers or torch tensors."""

    truths: Any
    satisfaction: Any


@dataclass
class _Eager:
    """Evaluates under a scope: every value has one axis for each variable in sight (of size 1 where it is constant)."""

    theory: Theory
    logic: Logic
    domains: Mapping[str, Any]
    tables: Mapping[str, Any]
    weights: Mapping[str, Any]

    def truth(self, f: Formula, scope: tuple[syntax.Binding, ...]) -> Any:
        return interpret(f, self.logic, lambda a: self.atom(a, scope), lambda q: self.quantifier(q, scope))

    def _shape(self, scope: tuple[syntax.Binding, ...], axis: int, n: int) -> tuple[int, ...]:
        return tuple(n if i == axis else 1 for i in range(len(scope)))

    def atom(self, a: syntax.Atom, scope: tuple[syntax.Binding, ...]) -> Any:
        predicate = self.theory.predicate(a.predicate)
        names = [b.variable for b in scope]
        axes = [names.index(v) for v in a.variables]
        if predicate.traced:
            where = {p.variable: (p.sort, axis) for p, axis in zip(predicate.parameters, axes, strict=True)}

            def leaf(f: syntax.FieldOf) -> Any:
                sort, axis = where[f.variable]
                column = self.domain(sort)[:, self.theory.sort(sort).fields.index(f.name)]
                return column.reshape(self._shape(scope, axis, column.shape[0]))

            return ground(predicate.grounding, leaf)  # type: ignore[arg-type]
        table = self.table(predicate)
        if len(axes) == 1:
            return table.reshape(self._shape(scope, axes[0], table.shape[0]))
        xp = namespace(table)
        index = tuple(
            xp.arange(table.shape[i]).reshape(self._shape(scope, axis, table.shape[i]))
            for i, axis in enumerate(axes)
        )
        return table[index]

    def domain(self, sort: str) -> Any:
        if sort not in self.domains:
            raise DataError(f"no rows for the sort '{sort}'", got=list(self.domains), expected="one per sort")
        return self.domains[sort]

    def table(self, predicate: syntax.Predicate) -> Any:
        if predicate.name not in self.tables:
            raise DataError(
                f"no truths for the predicate '{predicate.name}'",
                got=list(self.tables),
                expected="a table for every open and learned predicate",
            )
        return self.tables[predicate.name]

    def quantifier(self, q: syntax.ForAll | syntax.Exists, scope: tuple[syntax.Binding, ...]) -> Any:
        inner = (*scope, *q.bindings)
        body = self.truth(q.body, inner)
        weights = None
        for axis, b in enumerate(q.bindings, start=len(scope)):
            if b.sort in self.weights:
                own = self.weights[b.sort]
                own = own.reshape(self._shape(inner, axis, own.shape[0]))
                weights = own if weights is None else weights * own
        axes = tuple(range(len(scope), len(inner)))
        combine = self.logic.for_all if isinstance(q, syntax.ForAll) else self.logic.exists
        return combine(body, axis=axes, weights=weights)


def evaluate(
    theory: Theory,
    domains: Mapping[str, Any],
    tables: Mapping[str, Any] | None = None,
    logic: Logic | None = None,
    weights: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Truth of every rule and satisfaction of a knowledge base.

    Parameters
    ----------
    theory : Theory
        A checked knowledge base.
    domains : mapping
        Sort → rows (n, fields), for the sorts whose numbers are read.
    tables : mapping, optional
        Predicate → truths, one axis an argument, for open and learned predicates.
    logic : Logic, optional
    weights : mapping, optional
        Sort → (n,) how much each row counts; 0 leaves it out, whatever it holds.

    Returns
    -------
    Evaluation
        numpy where all is numpy, torch (differentiable) where the inputs are tensors.

    Raises
    ------
    DataError
        A domain or a table is missing.

    Notes
    -----
    NaN in a row that counts makes the truths that read it NaN. O(formulas x product of the sizes in sight).

    Examples
    --------
    >>> from janus_trader.learning.logic.parser import parse
    >>> theory = parse("sort bar(x) predicate big(m in bar) = truth(m.x) rule all: forall m in bar: big(m)")
    >>> round(float(evaluate(theory, {"bar": np.array([[1.0], [0.0]])}, logic=Logic(stable=False)).satisfaction), 4)
    0.2929
    """
    logic = logic or Logic()
    eager = _Eager(theory, logic, domains, tables or {}, weights or {})
    truths = [eager.truth(rule.formula, ()) for rule in theory.rules]
    if not truths:
        return Evaluation(np.empty(0), 1.0)
    xp = namespace(*truths)
    stacked = xp.stack(truths) if xp is not np else np.stack([np.asarray(t) for t in truths])
    if xp is np:
        importance = np.array([rule.weight for rule in theory.rules])
    else:
        importance = xp.tensor([rule.weight for rule in theory.rules], dtype=stacked.dtype)
    return Evaluation(stacked, logic.satisfaction(stacked, importance))
