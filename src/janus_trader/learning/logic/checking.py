"""Whether a knowledge base fits its own declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from janus_trader.learning.logic import syntax
from janus_trader.learning.logic.parser import RuleError
from janus_trader.learning.logic.predicates import FUNCTIONS
from janus_trader.learning.logic.syntax import Binding, Expression, Formula, Position, Theory

#: How many variables may be in sight at one place (the compiled kernel has so many axes).
MAX_VARIABLES = 4


class _Checker:
    def __init__(self, theory: Theory, source: str) -> None:
        self.source = source
        self.sorts = self._named(theory.sorts, "sort")
        self.predicates = self._named(theory.predicates, "predicate")
        self._named(theory.rules, "rule")

    def fail(self, what: str, at: Position) -> RuleError:
        return RuleError(what, at, self.source)

    def _named(self, items: Iterable, what: str) -> dict:  # type: ignore[type-arg]
        found: dict = {}  # type: ignore[type-arg]
        for item in items:
            if item.name in found:
                raise self.fail(f"{what} '{item.name}' is declared twice", item.at)
            found[item.name] = item
        return found

    def sort(self, item: syntax.Sort) -> None:
        if len(set(item.fields)) < len(item.fields):
            raise self.fail(f"sort '{item.name}' has a field twice", item.at)

    def scope(self, bindings: tuple[Binding, ...], outer: Mapping[str, str]) -> dict[str, str]:
        scope = dict(outer)
        for b in bindings:
            if b.sort not in self.sorts:
                raise self.fail(f"unknown sort '{b.sort}'", b.at)
            if b.variable in scope:
                raise self.fail(f"variable '{b.variable}' is bound already", b.at)
            scope[b.variable] = b.sort
        if len(scope) > MAX_VARIABLES:
            raise self.fail(f"more than {MAX_VARIABLES} variables in sight", bindings[-1].at)
        return scope

    # -------------------------------------------------------------------------------------- groundings

    def predicate(self, item: syntax.Predicate) -> None:
        scope = self.scope(item.parameters, {})
        if isinstance(item.grounding, syntax.Learned):
            for f in item.grounding.fields:
                self.field(f, scope)
        elif item.grounding is not None and not self.is_truth(item.grounding, scope):
            raise self.fail(
                f"the grounding of '{item.name}' is a number, not a truth: "
                "use truth(x), above(x, threshold, sharpness), ...",
                item.grounding.at,
            )

    def field(self, f: syntax.FieldOf, scope: Mapping[str, str]) -> None:
        if f.variable not in scope:
            raise self.fail(f"unknown variable '{f.variable}'", f.at)
        fields = self.sorts[scope[f.variable]].fields
        if f.name not in fields:
            raise self.fail(f"sort '{scope[f.variable]}' has no field '{f.name}'", f.at)

    def is_truth(self, e: Expression, scope: Mapping[str, str]) -> bool:
        """Check an expression and say whether its value is a truth."""
        match e:
            case syntax.Number():
                return False
            case syntax.FieldOf():
                self.field(e, scope)
                return False
            case syntax.Negative():
                self.a_number(e.value, scope)
                return False
            case syntax.Arithmetic():
                self.a_number(e.left, scope)
                self.a_number(e.right, scope)
                return False
            case syntax.Call():
                return self.call(e, scope)

    def a_number(self, e: Expression, scope: Mapping[str, str]) -> None:
        if self.is_truth(e, scope):
            raise self.fail("a truth stands where a number is needed", e.at)

    def call(self, e: syntax.Call, scope: Mapping[str, str]) -> bool:
        function = FUNCTIONS.get(e.function)
        if function is None:
            raise self.fail(f"unknown function '{e.function}': there are {', '.join(FUNCTIONS)}", e.at)
        n = len(e.arguments)
        if not function.arity(n):
            raise self.fail(f"{n} arguments do not fit {function.usage}", e.at)
        constants = function.constants(n)
        for i, argument in enumerate(e.arguments):
            if i in constants:
                if constant(argument) is None:
                    raise self.fail(
                        f"argument {i + 1} of {function.usage} must be a plain number", argument.at
                    )
            else:
                self.a_number(argument, scope)
                if constant(argument) is not None and i == 0:
                    raise self.fail(f"argument 1 of {function.usage} must depend on a field", argument.at)
        if e.function in ("near",) and not constant(e.arguments[-1]):
            raise self.fail("the width must not be 0", e.arguments[-1].at)
        if e.function == "alike" and not any(constant(c) for c in e.arguments[1::2]):
            raise self.fail("the centre must not be 0", e.at)
        return function.truth

    # ---------------------------------------------------------------------------------------- formulas

    def formula(self, f: Formula, scope: Mapping[str, str]) -> None:
        match f:
            case syntax.Atom():
                self.atom(f, scope)
            case syntax.Not() | syntax.Hedged():
                self.formula(f.body, scope)
            case syntax.AndN() | syntax.OrN():
                for part in f.parts:
                    self.formula(part, scope)
            case syntax.Implies():
                self.formula(f.premise, scope)
                self.formula(f.conclusion, scope)
            case syntax.Iff():
                self.formula(f.left, scope)
                self.formula(f.right, scope)
            case syntax.ForAll() | syntax.Exists():
                self.formula(f.body, self.scope(f.bindings, scope))

    def atom(self, a: syntax.Atom, scope: Mapping[str, str]) -> None:
        predicate = self.predicates.get(a.predicate)
        if predicate is None:
            raise self.fail(f"unknown predicate '{a.predicate}'", a.at)
        if len(a.variables) != len(predicate.parameters):
            raise self.fail(
                f"'{a.predicate}' takes {len(predicate.parameters)} arguments, not {len(a.variables)}", a.at
            )
        for variable, parameter in zip(a.variables, predicate.parameters, strict=True):
            if variable not in scope:
                raise self.fail(f"unknown variable '{variable}'", a.at)
            if scope[variable] != parameter.sort:
                raise self.fail(
                    f"'{a.predicate}' is about a '{parameter.sort}', '{variable}' is a '{scope[variable]}'",
                    a.at,
                )


def constant(e: Expression) -> float | None:
    """The value of an expression without fields and functions, None for another."""
    match e:
        case syntax.Number():
            return e.value
        case syntax.Negative():
            value = constant(e.value)
            return None if value is None else -value
        case syntax.Arithmetic():
            a, b = constant(e.left), constant(e.right)
            if a is None or b is None:
                return None
            return a + b if e.op == "+" else a - b if e.op == "-" else a * b
        case _:
            return None


def check(theory: Theory, source: str = "") -> None:
    """Raise RuleError at the first thing that does not fit its declarations. O(size of the theory)."""
    checker = _Checker(theory, source)
    for sort in theory.sorts:
        checker.sort(sort)
    for predicate in theory.predicates:
        checker.predicate(predicate)
    for rule in theory.rules:
        checker.formula(rule.formula, {})
