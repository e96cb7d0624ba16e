"""Text to trees, with every error at its place.

>>> print(parse_formula("forall m in bar: not a(m) and b(m)"))
forall m in bar: not a(m) and b(m)
>>> parse_formula("forall m in bar: a(m) and")
Traceback (most recent call last):
    ...
janus_trader.learning.logic.parser.RuleError: expected a formula, found the end at line 1, column 26
    forall m in bar: a(m) and
                             ^
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.logic import syntax
from janus_trader.learning.logic.syntax import Binding, Expression, Formula, Position

T = TypeVar("T")
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+|#[^\n]*)|(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<mark><->|->|[():,.=+*-])",
    re.ASCII,
)
#: How deep formulas and expressions may nest.
MAX_DEPTH = 100


class RuleError(ConfigError):
    """A text that is not of the rule language, or does not fit its declarations; says where.

    Attributes
    ----------
    at : Position
        Line and column of the first wrong character, from 1.
    """

    def __init__(self, what: str, at: Position, source: str = "") -> None:
        self.at = at
        lines = source.split("\n")
        shown = ""
        if 0 < at.line <= len(lines):
            line = lines[at.line - 1].replace("\t", " ")
            shown = f"\n    {line}\n    {' ' * (at.column - 1)}^"
        super().__init__(f"{what} at {at}{shown}")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the language: ``kind`` is name, number, mark or end."""

    kind: str
    text: str
    at: Position

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"'{self.text}'"


def tokens(text: str) -> Iterator[Token]:
    """The words of a text, then one of kind "end". Raises RuleError at a character that begins none. O(n)."""
    line, start, at = 1, 0, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        here = Position(line, at - start + 1)
        if found is None:
            raise RuleError(f"no word begins with {text[at]!r}", here, text)
        if found.lastgroup != "space":
            yield Token(str(found.lastgroup), found.group(), here)
        broken = found.group().count("\n")
        if broken:
            line, start = line + broken, at + found.group().rindex("\n") + 1
        at = found.end()
    yield Token("end", "", Position(line, at - start + 1))


@dataclass(slots=True)
class _Reader:
    """Recursive descent, one method a line of the grammar in `syntax`."""

    source: str
    words: list[Token] = field(init=False)
    at: int = 0
    depth: int = 0

    def __post_init__(self) -> None:
        self.words = list(tokens(self.source))

    @property
    def next(self) -> Token:
        return self.words[self.at]

    def fail(self, what: str, at: Position | None = None) -> RuleError:
        return RuleError(what, self.next.at if at is None else at, self.source)

    def take(self, *texts: str) -> Token | None:
        """The next word if it is one of these."""
        word = self.next
        if word.text in texts and word.kind in ("mark", "name"):
            self.at += 1
            return word
        return None

    def demand(self, text: str) -> Token:
        word = self.take(text)
        if word is None:
            raise self.fail(f"expected '{text}', found {self.next}")
        return word

    def name(self, what: str) -> Token:
        word = self.next
        if word.kind != "name":
            raise self.fail(f"expected {what}, found {word}")
        if word.text in syntax.KEYWORDS:
            raise self.fail(f"expected {what}, but '{word.text}' is a word of the language")
        self.at += 1
        return word

    def listed(self, item: Callable[[], T]) -> tuple[T, ...]:
        found = [item()]
        while self.take(","):
            found.append(item())
        return tuple(found)

    def nested(self, read: Callable[[], T]) -> T:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"nested more than {MAX_DEPTH} deep")
        found = read()
        self.depth -= 1
        return found

    def finish(self) -> None:
        if self.next.kind != "end":
            raise self.fail(f"expected the end, found {self.next}")

    # ------------------------------------------------------------------------------------ declarations

    def theory(self) -> syntax.Theory:
        sorts: list[syntax.Sort] = []
        predicates: list[syntax.Predicate] = []
        rules: list[syntax.Statement] = []
        while self.next.kind != "end":
            if word := self.take("sort"):
                sorts.append(self.sort(word.at))
            elif word := self.take("predicate"):
                predicates.append(self.predicate(word.at))
            elif word := self.take("rule"):
                rules.append(self.rule(word.at))
            else:
                raise self.fail(f"expected 'sort', 'predicate' or 'rule', found {self.next}")
        return syntax.Theory(tuple(sorts), tuple(predicates), tuple(rules))

    def sort(self, at: Position) -> syntax.Sort:
        name = self.name("the name of a sort")
        self.demand("(")
        names = self.listed(lambda: self.name("the name of a field").text)
        self.demand(")")
        return syntax.Sort(name.text, names, at)

    def predicate(self, at: Position) -> syntax.Predicate:
        name = self.name("the name of a predicate")
        self.demand("(")
        parameters = self.listed(self.binding)
        self.demand(")")
        if not self.take("="):
            return syntax.Predicate(name.text, parameters, None, at)
        if word := self.take("learned"):
            self.demand("(")
            fields = self.listed(self.field)
            self.demand(")")
            return syntax.Predicate(name.text, parameters, syntax.Learned(fields, word.at), at)
        return syntax.Predicate(name.text, parameters, self.sum(), at)

    def rule(self, at: Position) -> syntax.Statement:
        name = self.name("the name of a rule")
        weight = self.number() if self.take("weight") else 1.0
        self.demand(":")
        return syntax.Statement(name.text, self.formula(), weight, at)

    def number(self) -> float:
        word = self.next
        if word.kind != "number":
            raise self.fail(f"expected a number, found {word}")
        self.at += 1
        value = float(word.text)
        if value == float("inf"):
            raise self.fail("this number is too large", word.at)
        return value

    def binding(self) -> Binding:
        variable = self.name("a variable")
        self.demand("in")
        return Binding(variable.text, self.name("a sort").text, variable.at)

    # ---------------------------------------------------------------------------------------- formulas

    def formula(self) -> Formula:
        return self.nested(self._formula)

    def _formula(self) -> Formula:
        word = self.take("forall", "exists")
        if word is None:
            return self.equivalence()
        bindings = self.listed(self.binding)
        self.demand(":")
        kind = syntax.ForAll if word.text == "forall" else syntax.Exists
        return kind(bindings, self.formula(), word.at)

    def equivalence(self) -> Formula:
        left = self.implication()
        word = self.take("<->")
        if word is None:
            return left
        right = self.implication()
        if self.next.text == "<->":
            raise self.fail("'<->' does not associate: use parentheses")
        return syntax.Iff(left, right, word.at)

    def implication(self) -> Formula:
        premise = self.disjunction()
        word = self.take("->")
        if word is None:
            return premise
        return syntax.Implies(premise, self.nested(self.implication), word.at)

    def disjunction(self) -> Formula:
        at, parts = self.next.at, [self.conjunction()]
        while self.take("or"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else syntax.OrN(tuple(parts), at)

    def conjunction(self) -> Formula:
        at, parts = self.next.at, [self.unary()]
        while self.take("and"):
            parts.append(self.unary())
        return parts[0] if len(parts) == 1 else syntax.AndN(tuple(parts), at)

    def unary(self) -> Formula:
        return self.nested(self._unary)

    def _unary(self) -> Formula:
        if word := self.take("not"):
            return syntax.Not(self.unary(), word.at)
        if word := self.take(*syntax.HEDGE_WORDS):
            return syntax.Hedged(word.text, self.unary(), word.at)
        if self.take("("):
            inner = self.formula()
            self.demand(")")
            return inner
        if self.next.text in ("forall", "exists"):
            raise self.fail(f"'{self.next.text}' inside a formula needs parentheses")
        if self.next.kind != "name" or self.next.text in syntax.KEYWORDS:
            raise self.fail(f"expected a formula, found {self.next}")
        name = self.name("a predicate")
        self.demand("(")
        variables = self.listed(lambda: self.name("a variable").text)
        self.demand(")")
        return syntax.Atom(name.text, variables, name.at)

    # ----------------------------------------------------------------------------------------- numbers

    def sum(self) -> Expression:
        return self.nested(self._sum)

    def _sum(self) -> Expression:
        left = self.product()
        while word := self.take("+", "-"):
            left = syntax.Arithmetic(word.text, left, self.product(), word.at)
        return left

    def product(self) -> Expression:
        left = self.factor()
        while word := self.take("*"):
            left = syntax.Arithmetic("*", left, self.factor(), word.at)
        return left

    def factor(self) -> Expression:
        return self.nested(self._factor)

    def _factor(self) -> Expression:
        word = self.next
        if word.kind == "number":
            return syntax.Number(self.number(), word.at)
        if self.take("-"):
            return syntax.Negative(self.factor(), word.at)
        if self.take("("):
            inner = self.sum()
            self.demand(")")
            return inner
        name = self.name("a number")
        if self.take("("):
            arguments = self.listed(self.sum)
            self.demand(")")
            return syntax.Call(name.text, arguments, name.at)
        self.demand(".")
        return syntax.FieldOf(name.text, self.name("a field").text, name.at)

    def field(self) -> syntax.FieldOf:
        name = self.name("a variable")
        self.demand(".")
        return syntax.FieldOf(name.text, self.name("a field").text, name.at)


def parse_formula(text: str) -> Formula:
    """The tree of one formula, not yet checked against declarations. Raises RuleError with its place. O(n)."""
    reader = _Reader(text)
    formula = reader.formula()
    reader.finish()
    return formula


def parse(text: str) -> syntax.Theory:
    """The knowledge base of a text, checked: every name declared once, of the right sorts and fields.

    Raises
    ------
    RuleError
        The text is not of the language, or a name, arity, sort, field or type does not fit; ``at`` and the
        message say where, with a caret under it.

    Notes
    -----
    O(n) in the length of the text.

    Examples
    --------
    >>> theory = parse('''
    ... sort bar(slope, long)
    ... predicate rising(m in bar) = above(m.slope, 0, 5)
    ... predicate bought(m in bar) = truth(m.long)
    ... rule follow weight 2: forall m in bar: very rising(m) -> bought(m)
    ... ''')
    >>> print(theory.rules[0])
    rule follow weight 2: forall m in bar: very rising(m) -> bought(m)
    >>> parse(str(theory)) == theory
    True
    """
    from janus_trader.learning.logic.checking import check

    theory = _Reader(text).theory()
    check(theory, text)
    return theory
