"""Inputs, results and scratch memory of a compiled knowledge base."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from janus_trader.contracts.errors import DataError
from janus_trader.learning.logic import kernel
from janus_trader.learning.logic.operators import EPSILON, Logic
from janus_trader.learning.logic.tape import LEAF

if TYPE_CHECKING:
    from janus_trader.learning.logic.compiled import CompiledTheory, _Stage


class Workspace:
    """Inputs, results and scratch of a `CompiledTheory` for given sizes; reused, so that a run allocates nothing."""

    def __init__(self, compiled: CompiledTheory, sizes: Mapping[str, int]) -> None:
        self.compiled, self.sizes = compiled, dict(sizes)
        for sort, n in self.sizes.items():
            if n < 1:
                raise DataError(f"no rows of the sort '{sort}'", got=n, expected="at least 1")
        shapes = [tuple(self.sizes[s] for s in c.sorts) for c in compiled.columns]
        places = self._places(shapes)
        self.values, self.grads = np.zeros(self._end), np.zeros(self._end)
        self.means = np.zeros(self._end)
        self.inputs = [self._view(self.values, p, s) for p, s in zip(places, shapes, strict=True)]
        self.gradients = [self._view(self.grads, p, s) for p, s in zip(places, shapes, strict=True)]
        self.truths = self.values[self._rules : self._rules + len(compiled.importance)]
        self._index = {c: i for i, c in enumerate(compiled.columns)}
        self._weigh()
        self._tables(places)
        nodes = max((len(s.trace.rows) for s in compiled._stages), default=1)
        outputs = max((len(s.outputs) for s in compiled._stages), default=1)
        self._work = np.zeros((4, max(nodes, outputs, 3), kernel.BLOCK))
        self._none = np.empty((0, 0))
        self._p = np.empty(3)
        self.forward_arguments = self._forward_arguments()

    def _forward_arguments(self) -> tuple[Any, ...]:
        """What `kernel.forward` needs but for the rows: for kernels that fill in and run in one call."""
        c, logic = self.compiled, self.compiled.logic
        powers = np.array([logic.p_forall, logic.p_exists, logic.p_sat])
        return (
            self._stages, self._outputs, self._code, c.k, self._leaf_table, self._offsets, self._rules,
            self.values, self.weights, c.importance, powers, EPSILON if logic.stable else 0.0, self.means,
            self._work,
        )  # fmt: skip

    @staticmethod
    def _view(buffer: np.ndarray, place: int, shape: tuple[int, ...]) -> np.ndarray:
        return buffer[place : place + prod(shape)].reshape(shape)

    def _places(self, shapes: list[tuple[int, ...]]) -> list[int]:
        """Input tables first, then slots; the rules' slots last, in the order of the rules."""
        c, places, end = self.compiled, [], 0
        for shape in shapes:
            places.append(end)
            end += prod(shape)
        self._slot_place = {}
        for number, sorts in enumerate(c._slots):
            if number not in c._rule_slots:
                self._slot_place[number] = end
                end += prod(self.sizes[s] for s in sorts)
        self._rules = end
        for r, number in enumerate(c._rule_slots):
            self._slot_place[number] = end + r
        self._end = end + len(c._rule_slots)
        return places

    def _weigh(self) -> None:
        starts, end = {}, 0
        for sort in self.compiled.weighted:
            starts[sort] = end
            end += self.sizes.get(sort, 0)
        self._weight_start = starts
        self.weights = np.ones(end)

    def _tables(self, places: list[int]) -> None:
        c = self.compiled
        stages: list[list[int]] = []
        outputs: list[tuple[int, int, int]] = []
        leaves, offsets, start = [], [], 0
        for stage in c._stages:
            sorts = (*stage.free, *stage.bound)
            dims = [1] * (kernel.MAX_AXES - len(sorts)) + [self.sizes[s] for s in sorts]
            shift = kernel.MAX_AXES - len(sorts)
            first = len(outputs)
            for node, kind, slot in stage.outputs:
                outputs.append((node, kind, self._slot_place[slot]))
            stop = start + len(stage.trace.rows)
            free, bound = (prod(self.sizes[s] for s in part) for part in (stage.free, stage.bound))
            stages.append([start, stop, first, len(outputs), free, bound, *dims, 0, 0, 0, 0])
            leaves.append(self._leaves(stage, dims, shift, places))
            weight = [-1] * kernel.MAX_AXES
            for i, sort in enumerate(stage.bound):
                weight[shift + len(stage.free) + i] = self._weight_start.get(sort, -1)
            offsets.append(weight)
            start = stop
        merged, base = [], 0
        code = c.code.copy()
        for stage_row, table in zip(stages, leaves, strict=True):
            own = slice(stage_row[0], stage_row[1])
            rows = code[own]
            rows[rows[:, 0] == LEAF, 1] += base
            merged += table
            base += len(table)
        self._code = code
        self._stages = np.array(stages, dtype=np.int64).reshape(-1, kernel.STAGE_COLUMNS)
        self._outputs = np.array(outputs, dtype=np.int64).reshape(-1, 3)
        self._leaf_table = np.array(merged, dtype=np.int64).reshape(-1, 2 + kernel.MAX_AXES)
        self._offsets = np.array(offsets, dtype=np.int64).reshape(-1, kernel.MAX_AXES)

    def _leaves(self, stage: _Stage, dims: list[int], shift: int, places: list[int]) -> list[list[int]]:
        """Where each use of a table starts, whether it lies in the order of the stage, and its strides."""
        found = []
        dense = [prod(dims[d + 1 :]) if dims[d] > 1 else 0 for d in range(kernel.MAX_AXES)]
        for (table, axes), _ in sorted(stage.uses.items(), key=lambda item: item[1]):
            sizes = (
                [self.sizes[s] for s in self.compiled.columns[table].sorts]
                if table >= 0
                else [dims[shift + axis] for axis in axes]
            )
            place = places[table] if table >= 0 else self._slot_place[-1 - table]
            strides = [0] * kernel.MAX_AXES
            for i, axis in enumerate(axes):
                if dims[shift + axis] > 1:
                    strides[shift + axis] += prod(sizes[i + 1 :])
            found.append([place, int(strides == dense), *strides])
        return found

    def fields(self, sort: str, rows: np.ndarray) -> None:
        """Fill in the numbers of a sort from rows (n, fields)."""
        names = self.compiled.theory.sort(sort).fields
        for column, view in zip(self.compiled.columns, self.inputs, strict=True):
            if column.owner == sort:
                view[:] = rows[:, names.index(column.name)]

    def table(self, predicate: str, truths: np.ndarray) -> None:
        """Fill in the truths of an open or learned predicate, one axis an argument."""
        for column, view in zip(self.compiled.columns, self.inputs, strict=True):
            if not column.is_field and column.name == predicate:
                view[...] = truths

    def weigh(self, sort: str, weights: np.ndarray) -> None:
        """How much each row of a weighted sort counts, at least 0."""
        start = self._weight_start[sort]
        self.weights[start : start + self.sizes[sort]] = weights

    def gradient_of(self, sort: str, name: str) -> np.ndarray:
        """Gradient of SAT by a field of a sort, or by a predicate's truths (``sort`` ""); after a run with one."""
        for column, view in zip(self.compiled.columns, self.gradients, strict=True):
            if (column.owner, column.name) == (sort, name):
                return view
        return np.zeros(self.sizes.get(sort, 0))

    def run(
        self,
        gradient: bool = False,
        logic: Logic | None = None,
        importance: np.ndarray | None = None,
        rows: np.ndarray | None = None,
    ) -> float:
        """SAT in [0, 1]; truths of the rules are in ``truths``, the gradient of SAT in ``gradients``.

        ``logic`` gives other powers than the compiled semantics, ``importance`` (R,) other weights of the rules;
        ``rows`` (R, n) is filled with the truth of every rule's body for every row where all rules
        quantify over one sort.
        """
        logic, c = logic or self.compiled.logic, self.compiled
        self._p[:] = logic.p_forall, logic.p_exists, logic.p_sat
        return float(
            kernel.run(
                self._stages, self._outputs, self._code, c.k, self._leaf_table, c.active, self._offsets,
                self._rules, self.values, self.weights, c.importance if importance is None else importance,
                self._p, EPSILON if c.logic.stable else 0.0, gradient, self.means, self.grads,
                self._none if rows is None else rows, self._work,
            )
        )  # fmt: skip
