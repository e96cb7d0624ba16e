"""Fuzzy logic: one source for run time (numpy), training (torch) and the compiled kernel.

``operators`` and ``predicates`` hold every operator once, over an array library; `parse` reads the rule language of
``syntax``; `evaluate` gives a knowledge base its meaning in numpy or torch; `CompiledTheory` runs it in one kernel
with an analytic gradient; ``neural`` (torch, extra ``ml``) adds learned predicates and losses.
"""

from janus_trader.learning.logic.compiled import Column, CompiledTheory
from janus_trader.learning.logic.evaluation import Evaluation, evaluate
from janus_trader.learning.logic.operators import (
    HEDGES,
    Family,
    Implication,
    Logic,
    PSchedule,
    exists,
    for_all,
)
from janus_trader.learning.logic.parser import RuleError, parse, parse_formula
from janus_trader.learning.logic.syntax import Theory
from janus_trader.learning.logic.workspace import Workspace

__all__ = [
    "HEDGES",
    "Column",
    "CompiledTheory",
    "Evaluation",
    "Family",
    "Implication",
    "Logic",
    "PSchedule",
    "RuleError",
    "Theory",
    "Workspace",
    "evaluate",
    "exists",
    "for_all",
    "parse",
    "parse_formula",
]
