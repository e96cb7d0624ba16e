"""The rule language as typed trees, and their text.

    document   = { sort | predicate | rule }
    sort       = "sort" NAME "(" NAME { "," NAME } ")"
    predicate  = "predicate" NAME "(" NAME "in" NAME { "," NAME "in" NAME } ")" [ "=" ( sum | "learned" "(" field { "," field } ")" ) ]
    rule       = "rule" NAME [ "weight" NUMBER ] ":" formula
    formula    = ( "forall" | "exists" ) NAME "in" NAME { "," NAME "in" NAME } ":" formula | equivalence
    equivalence = implication [ "<->" implication ]
    implication = disjunction [ "->" implication ]
    disjunction = conjunction { "or" conjunction }
    conjunction = unary { "and" unary }
    unary      = "not" unary | HEDGE unary | NAME "(" NAME { "," NAME } ")" | "(" formula ")"
    sum        = product { ( "+" | "-" ) product }
    product    = factor { "*" factor }
    factor     = NUMBER | field | "-" factor | FUNCTION "(" sum { "," sum } ")" | "(" sum ")"
    field      = NAME "." NAME
    HEDGE      = "very" | "extremely" | "somewhat" | "more_or_less" | "slightly"

A sort is a kind of thing and the numbers it has; a predicate takes things of declared sorts, and is grounded in
their numbers, learned, or open (its truths come from outside). A ``#`` starts a comment. Trees are equal when they
say the same, wherever it stood; `str` of a tree is its shortest text, and parsing that gives the tree back.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass, field

HEDGE_WORDS = ("very", "extremely", "somewhat", "more_or_less", "slightly")
KEYWORDS = frozenset(
    {"sort", "predicate", "rule", "weight", "in", "learned", "forall", "exists", "not", "and", "or"}
    | set(HEDGE_WORDS)
)


@dataclass(frozen=True, slots=True)
class Position:
    """Line and column, both from 1."""

    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


NOWHERE = Position()


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


# ---------------------------------------------------------------------------------------------- numbers


@dataclass(frozen=True, slots=True)
class Number:
    """A plain number, at least 0 (a negative one is `Negative`)."""

    value: float
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return _number(self.value)


@dataclass(frozen=True, slots=True)
class FieldOf:
    """A number of a thing: ``variable.field``."""

    variable: str
    name: str
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.variable}.{self.name}"


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus a number."""

    value: Expression
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"-{_wrapped(self.value, isinstance(self.value, Arithmetic))}"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left + right``, ``left - right`` or ``left * right``."""

    op: str
    left: Expression
    right: Expression
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        loose = ("+", "-") if self.op == "*" else ()
        left = _wrapped(self.left, isinstance(self.left, Arithmetic) and self.left.op in loose)
        tight = isinstance(self.right, Arithmetic) and (self.op == "*" or self.right.op != "*")
        return f"{left} {self.op} {_wrapped(self.right, tight)}"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of numbers: see `janus_trader.learning.logic.predicates.FUNCTIONS`."""

    function: str
    arguments: tuple[Expression, ...]
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


Expression = Number | FieldOf | Negative | Arithmetic | Call


# --------------------------------------------------------------------------------------------- formulas


@dataclass(frozen=True, slots=True)
class Atom:
    """A predicate of variables."""

    predicate: str
    variables: tuple[str, ...]
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.predicate}({', '.join(self.variables)})"


@dataclass(frozen=True, slots=True)
class Not:
    """¬x."""

    body: Formula
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"not {_operand(self.body, _UNARY)}"


@dataclass(frozen=True, slots=True)
class Hedged:
    """A linguistic hedge of x; hedges nest: ``very slightly noisy(m)``."""

    hedge: str
    body: Formula
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.hedge} {_operand(self.body, _UNARY)}"


@dataclass(frozen=True, slots=True)
class AndN:
    """Conjunction of two or more, folded from the left."""

    parts: tuple[Formula, ...]
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return " and ".join(_operand(part, _UNARY) for part in self.parts)


@dataclass(frozen=True, slots=True)
class OrN:
    """Disjunction of two or more, folded from the left."""

    parts: tuple[Formula, ...]
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return " or ".join(_operand(part, _AND) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Implies:
    """a → b; associates to the right."""

    premise: Formula
    conclusion: Formula
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{_operand(self.premise, _OR)} -> {_operand(self.conclusion, _IMPLIES)}"


@dataclass(frozen=True, slots=True)
class Iff:
    """a ↔ b; does not associate."""

    left: Formula
    right: Formula
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{_operand(self.left, _IMPLIES)} <-> {_operand(self.right, _IMPLIES)}"


@dataclass(frozen=True, slots=True)
class Binding:
    """A variable that runs over a sort."""

    variable: str
    sort: str
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.variable} in {self.sort}"


@dataclass(frozen=True, slots=True)
class ForAll:
    """∀ variables: body."""

    bindings: tuple[Binding, ...]
    body: Formula
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"forall {', '.join(map(str, self.bindings))}: {self.body}"


@dataclass(frozen=True, slots=True)
class Exists:
    """∃ variables: body."""

    bindings: tuple[Binding, ...]
    body: Formula
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"exists {', '.join(map(str, self.bindings))}: {self.body}"


Formula = Atom | Not | Hedged | AndN | OrN | Implies | Iff | ForAll | Exists

_QUANTIFIED, _IFF, _IMPLIES, _OR, _AND, _UNARY = range(6)
_LEVEL = {
    ForAll: _QUANTIFIED,
    Exists: _QUANTIFIED,
    Iff: _IFF,
    Implies: _IMPLIES,
    OrN: _OR,
    AndN: _AND,
}


def _wrapped(value: Expression, needed: bool) -> str:
    return f"({value})" if needed else str(value)


def _operand(formula: Formula, least: int) -> str:
    """Text of an operand, in parentheses where it binds less than its place demands."""
    return f"({formula})" if _LEVEL.get(type(formula), _UNARY) < least else str(formula)


# ------------------------------------------------------------------------------------------ declarations


@dataclass(frozen=True, slots=True)
class Sort:
    """A kind of thing and the names of its numbers."""

    name: str
    fields: tuple[str, ...]
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"sort {self.name}({', '.join(self.fields)})"


@dataclass(frozen=True, slots=True)
class Learned:
    """Grounding of a predicate that is learned from these numbers."""

    fields: tuple[FieldOf, ...]
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"learned({', '.join(map(str, self.fields))})"


@dataclass(frozen=True, slots=True)
class Predicate:
    """A predicate with the sorts of its arguments; without a grounding its truths come from outside."""

    name: str
    parameters: tuple[Binding, ...]
    grounding: Expression | Learned | None = None
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    @property
    def traced(self) -> bool:
        """Whether the grounding is an expression."""
        return self.grounding is not None and not isinstance(self.grounding, Learned)

    def __str__(self) -> str:
        head = f"predicate {self.name}({', '.join(map(str, self.parameters))})"
        return head if self.grounding is None else f"{head} = {self.grounding}"


@dataclass(frozen=True, slots=True)
class Statement:
    """A closed formula with a name and a weight: specification eq. 56, (P_k, w_k)."""

    name: str
    formula: Formula
    weight: float = 1.0
    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        weight = "" if self.weight == 1.0 else f" weight {_number(self.weight)}"
        return f"rule {self.name}{weight}: {self.formula}"


@dataclass(frozen=True, slots=True)
class Theory:
    """A knowledge base: sorts, predicates and rules, in the order in which they stand."""

    sorts: tuple[Sort, ...] = ()
    predicates: tuple[Predicate, ...] = ()
    rules: tuple[Statement, ...] = ()

    def sort(self, name: str) -> Sort:
        """The sort of a name. Raises KeyError."""
        return next(s for s in self.sorts if s.name == name)

    def predicate(self, name: str) -> Predicate:
        """The predicate of a name. Raises KeyError."""
        return next(p for p in self.predicates if p.name == name)

    def __str__(self) -> str:
        return "".join(f"{item}\n" for item in (*self.sorts, *self.predicates, *self.rules))
