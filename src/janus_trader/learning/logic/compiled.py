"""From a knowledge base to the arrays that the kernel runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from janus_trader.learning.logic import kernel, syntax
from janus_trader.learning.logic.evaluation import ground, interpret
from janus_trader.learning.logic.operators import Logic
from janus_trader.learning.logic.syntax import Binding, Formula, Theory
from janus_trader.learning.logic.tape import (
    ABS,
    AFFINE,
    CLIP,
    CONST,
    EXP,
    LE,
    LEAF,
    POW,
    SELECT,
    SQRT,
    TANH,
    Trace,
    Traced,
)
from janus_trader.learning.logic.workspace import Workspace

_UNARY = frozenset({AFFINE, POW, SQRT, TANH, EXP, ABS, CLIP})


@dataclass(frozen=True, slots=True)
class Column:
    """A table of inputs: a field of a sort, or the truths of a predicate without a formula; one axis a sort."""

    owner: str
    name: str
    sorts: tuple[str, ...]

    @property
    def is_field(self) -> bool:
        """Whether it is a number of a sort rather than the truths of a predicate."""
        return bool(self.owner)


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a quantified formula's truths lie: one value for every case of its free variables."""

    number: int
    free: tuple[str, ...]


@dataclass(slots=True)
class _Stage:
    """Quantified formulas over the same axes, whose programs are one."""

    free: tuple[str, ...]
    bound: tuple[str, ...]
    trace: Trace = field(default_factory=Trace)
    uses: dict[tuple[int, tuple[int, ...]], int] = field(default_factory=dict)
    outputs: list[tuple[int, int, int]] = field(default_factory=list)

    def use(self, table: int, axes: tuple[int, ...]) -> Traced:
        """Read a table along these axes of the stage."""
        return self.trace.leaf(self.uses.setdefault((table, axes), len(self.uses)))


def _free(f: Formula) -> set[str]:
    match f:
        case syntax.Atom():
            return set(f.variables)
        case syntax.Not() | syntax.Hedged():
            return _free(f.body)
        case syntax.AndN() | syntax.OrN():
            return set().union(*map(_free, f.parts))
        case syntax.Implies():
            return _free(f.premise) | _free(f.conclusion)
        case syntax.Iff():
            return _free(f.left) | _free(f.right)
        case _:
            return _free(f.body) - {b.variable for b in f.bindings}


def _inner(f: Formula) -> Iterator[Formula]:
    match f:
        case syntax.Atom():
            return
        case syntax.Not() | syntax.Hedged() | syntax.ForAll() | syntax.Exists():
            yield f.body
        case syntax.AndN() | syntax.OrN():
            yield from f.parts
        case syntax.Implies():
            yield from (f.premise, f.conclusion)
        case syntax.Iff():
            yield from (f.left, f.right)


def _level(f: Formula) -> int:
    deepest = max((_level(g) for g in _inner(f)), default=0)
    return deepest + 1 if isinstance(f, (syntax.ForAll, syntax.Exists)) else deepest


class _Compiler:
    """Walks the rules once and leaves stages, inner ones first."""

    def __init__(self, theory: Theory, logic: Logic) -> None:
        self.theory, self.logic = theory, logic
        self.columns: list[Column] = []
        self.slots: list[tuple[str, ...]] = []  # sorts of the free variables of each
        self.stages: dict[tuple[int, tuple[str, ...], tuple[str, ...]], _Stage] = {}
        self._numbers: dict[Any, int] = {}
        self.rule_slots: list[int] = []

    def column(self, owner: str, name: str, sorts: tuple[str, ...]) -> int:
        key = Column(owner, name, sorts)
        if key not in self.columns:
            self.columns.append(key)
        return self.columns.index(key)

    def rule(self, f: Formula) -> None:
        if isinstance(f, (syntax.ForAll, syntax.Exists)):
            self.rule_slots.append(self.quantifier(f, {}, own=True).number)
            return
        stage = self.stages.setdefault((1 << 20, (), ()), _Stage((), ()))
        value = interpret(f, self.logic, self._no_atom, lambda q: self._inner_value(q, stage, {}))
        self.slots.append(())
        stage.outputs.append((value.index, kernel.PLAIN, len(self.slots) - 1))
        self.rule_slots.append(len(self.slots) - 1)

    @staticmethod
    def _no_atom(a: syntax.Atom) -> Any:
        raise AssertionError(f"free variables in {a}")

    def quantifier(self, q: Any, sorts: Mapping[str, str], own: bool = False) -> _Slot:
        free = tuple(v for v in sorts if v in _free(q))
        scope = {v: sorts[v] for v in free} | {b.variable: b.sort for b in q.bindings}
        axes = {v: i for i, v in enumerate(scope)}
        key = (_level(q), tuple(sorts[v] for v in free), tuple(b.sort for b in q.bindings))
        stage = self.stages.setdefault(key, _Stage(key[1], key[2]))
        body = interpret(
            q.body,
            self.logic,
            lambda a: self.atom(a, stage, axes),
            lambda inner: self._inner_value(inner, stage, axes, scope),
        )
        kind = kernel.FORALL if isinstance(q, syntax.ForAll) else kernel.EXISTS
        known = self._numbers.get((id(stage), body.index, kind))
        if known is not None and not own:
            return _Slot(known, free)
        self.slots.append(key[1])
        number = len(self.slots) - 1
        stage.outputs.append((body.index, kind, number))
        if not own:
            self._numbers[id(stage), body.index, kind] = number
        return _Slot(number, free)

    def _inner_value(
        self, q: Any, stage: _Stage, axes: Mapping[str, int], sorts: Mapping[str, str] | None = None
    ) -> Traced:
        slot = self.quantifier(q, sorts or {})
        return stage.use(-1 - slot.number, tuple(axes[v] for v in slot.free))

    def atom(self, a: syntax.Atom, stage: _Stage, axes: Mapping[str, int]) -> Traced:
        predicate = self.theory.predicate(a.predicate)
        where: dict[str, tuple[Binding, int]] = {
            p.variable: (p, axes[v]) for p, v in zip(predicate.parameters, a.variables, strict=True)
        }
        if predicate.traced:

            def leaf(f: syntax.FieldOf) -> Traced:
                p, axis = where[f.variable]
                return stage.use(self.column(p.sort, f.name, (p.sort,)), (axis,))

            return stage.trace.lifted(ground(predicate.grounding, leaf))  # type: ignore[arg-type]
        table = self.column("", predicate.name, tuple(p.sort for p in predicate.parameters))
        return stage.use(table, tuple(axes[v] for v in a.variables))


class CompiledTheory:
    """A knowledge base as one program for one kernel, with its analytic gradient.

    Predicates with a formula are part of the program; open and learned ones are read from tables of truths, each
    computed once. All quantified formulas over the same sorts run in one pass and share what they have in common.

    Parameters
    ----------
    theory : Theory
        A checked knowledge base (`parse`).
    logic : Logic
        The semantics; the powers can be given anew at each run.
    weighted : sequence of str
        Sorts whose rows have a weight.
    differentiated : callable, optional
        Which `columns` need a gradient; default: all.

    Attributes
    ----------
    columns : tuple of Column
        What must be filled in, in this order.

    Notes
    -----
    Compiling is a walk over the trees; nothing is compiled by numba for a new knowledge base.
    A run costs O(instructions x product of the sizes in sight). At equal operands min and max share the
    gradient, as torch does; the derivative of a root is bounded near 0.

    Examples
    --------
    >>> from janus_trader.learning.logic.parser import parse
    >>> theory = parse("sort bar(x) predicate big(m in bar) = truth(m.x) rule all: forall m in bar: big(m)")
    >>> work = CompiledTheory(theory, Logic(stable=False)).workspace({"bar": 2})
    >>> work.fields("bar", np.array([[1.0], [0.0]]))
    >>> round(work.run(gradient=True), 4), work.gradient_of("bar", "x").round(4).tolist()
    (0.2929, [0.0, 0.7071])
    """

    def __init__(
        self,
        theory: Theory,
        logic: Logic,
        weighted: Sequence[str] = (),
        differentiated: Callable[[Column], bool] = lambda column: True,
    ) -> None:
        self.theory, self.logic, self.weighted = theory, logic, tuple(weighted)
        compiler = _Compiler(theory, logic)
        for rule in theory.rules:
            compiler.rule(rule.formula)
        self.columns = tuple(compiler.columns)
        self.importance = np.array([rule.weight for rule in theory.rules], dtype=np.float64)
        self._slots, self._rule_slots = compiler.slots, compiler.rule_slots
        self._stages = [compiler.stages[key] for key in sorted(compiler.stages)]
        read = [s for c in self.columns for s in c.sorts]
        bound = [s for stage in self._stages for s in (*stage.free, *stage.bound)]
        self.sorts = tuple(dict.fromkeys((*read, *bound)))
        self._active = [differentiated(c) for c in self.columns]
        self._assemble()

    def _assemble(self) -> None:
        """Programs of all stages in a row, and which instructions a gradient passes through."""
        programs = [stage.trace.program() for stage in self._stages]
        empty = np.empty((0, 4), dtype=np.int64)
        self.code = np.concatenate([empty, *(p.code for p in programs)])
        self.k = np.concatenate([np.empty((0, 2)), *(p.k for p in programs)])
        active: list[bool] = []
        live = dict.fromkeys(range(len(self._slots)), False)
        for stage in self._stages:
            tables = {i: key[0] for key, i in stage.uses.items()}
            own: list[bool] = []
            for op, a, b, c, _, _ in stage.trace.rows:
                if op == LEAF:
                    table = tables[a]
                    own.append(self._active[table] if table >= 0 else live[-1 - table])
                elif op in (CONST, LE):
                    own.append(False)
                elif op == SELECT:
                    own.append(own[b] or own[c])
                elif op in _UNARY:
                    own.append(own[a])
                else:
                    own.append(own[a] or own[b])
            for node, _, slot in stage.outputs:
                live[slot] = live[slot] or own[node]
            active += own
        self.active = np.array(active, dtype=np.bool_)

    @property
    def instructions(self) -> int:
        """Length of the program."""
        return len(self.code)

    @property
    def by_row(self) -> bool:
        """Whether every rule quantifies over the same one sort, so that its body has a truth for every row."""
        return len(self._stages) == 1 and len(self._stages[0].bound) == 1

    def workspace(self, sizes: Mapping[str, int]) -> Workspace:
        """Room to run it over so many rows of each sort (1 where none is given, for sorts no predicate reads)."""
        return Workspace(self, {s: int(sizes.get(s, 1)) for s in self.sorts})
