"""The rule language: what is printed is what was parsed, and errors say where."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.logic import RuleError, parse, parse_formula
from janus_trader.learning.logic import syntax as s

names = st.sampled_from(["a", "b", "Calm", "x_1"])
atoms = st.builds(s.Atom, names, st.lists(names, min_size=1, max_size=2).map(tuple))
bindings = st.lists(st.builds(s.Binding, names, names), min_size=1, max_size=2).map(tuple)


def extend(inner):
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(s.Not, inner),
        st.builds(s.Hedged, st.sampled_from(s.HEDGE_WORDS), inner),
        st.builds(s.AndN, several),
        st.builds(s.OrN, several),
        st.builds(s.Implies, inner, inner),
        st.builds(s.Iff, inner, inner),
        st.builds(s.ForAll, bindings, inner),
        st.builds(s.Exists, bindings, inner),
    )


formulas = st.recursive(atoms, extend, max_leaves=12)


@settings(max_examples=400, deadline=None)
@given(formulas)
def test_a_printed_formula_parses_to_itself(f):
    assert parse_formula(str(f)) == f


def _without(text: str, opening: int) -> str:
    depth = 0
    for i in range(opening, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return text[:opening] + " " + text[opening + 1 : i] + " " + text[i + 1 :]
    raise AssertionError(text)


def _parsed(text: str):
    """The formula of a text, or None where it is none."""
    try:
        return parse_formula(text)
    except RuleError:
        return None


@settings(max_examples=200, deadline=None)
@given(formulas)
def test_no_printed_parentheses_can_be_left_out(f):
    text = str(f)
    for i, character in enumerate(text):
        groups = character == "(" and (i == 0 or not (text[i - 1].isalnum() or text[i - 1] == "_"))
        if groups:
            assert _parsed(_without(text, i)) != f


numbers = st.one_of(
    st.builds(s.Number, st.floats(0, 1e6, allow_nan=False)), st.builds(s.FieldOf, names, names)
)
expressions = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.builds(s.Negative, inner),
        st.builds(s.Arithmetic, st.sampled_from("+-*"), inner, inner),
        st.builds(
            s.Call,
            st.sampled_from(["abs", "min", "above"]),
            st.lists(inner, min_size=1, max_size=3).map(tuple),
        ),
    ),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(expressions)
def test_a_printed_expression_parses_to_itself(e):
    from janus_trader.learning.logic.parser import _Reader

    reader = _Reader(str(e))
    assert reader.sum() == e
    reader.finish()


THEORY = """
# facts
sort bar(hurst, slope, long)
sort news(score)
predicate trending(m in bar) = above(m.hurst, 0.7, 10)
predicate mixed(m in bar, n in news) = near(m.slope - 2 * n.score, -0.5, abs(n.score), 1, 0.5)
predicate crowded(m in bar) = learned(m.hurst, m.slope)
predicate open(m in bar)
rule one weight 2.5: forall m in bar: very slightly trending(m) and not crowded(m) -> open(m)
rule two: forall m in bar: exists n in news: mixed(m, n) or open(m)
rule three: (forall m in bar: trending(m)) <-> (exists m in bar: open(m))
"""


def test_a_printed_theory_parses_to_itself():
    theory = parse(THEORY)
    assert parse(str(theory)) == theory
    assert [r.weight for r in theory.rules] == [2.5, 1.0, 1.0]
    assert theory.rules[0].formula.body.premise.parts[0] == s.Hedged(
        "very", s.Hedged("slightly", s.Atom("trending", ("m",)))
    )


def test_precedence():
    f = parse_formula("not a(x) and b(x) or c(x) -> d(x) -> e(x)")
    assert isinstance(f, s.Implies)
    assert isinstance(f.conclusion, s.Implies)
    assert isinstance(f.premise, s.OrN)
    assert f.premise.parts[0] == s.AndN((s.Not(s.Atom("a", ("x",))), s.Atom("b", ("x",))))


HEAD = "sort bar(x)\npredicate p(m in bar) = truth(m.x)\n"


@pytest.mark.parametrize(
    ("text", "words", "line", "column"),
    [
        ("rule r: forall m in bar: p(m", "expected ')'", 1, 29),
        ("rule r: forall m in bar: p(m) and", "expected a formula, found the end", 1, 34),
        ("rule r:\n  forall m in bar: p(m) § p(m)", "no word begins with '§'", 2, 25),
        ("rule r: forall m in bar: p(m) <-> p(m) <-> p(m)", "does not associate", 1, 40),
        ("rule r: forall m in bar: p(m) -> forall n in bar: p(n)", "needs parentheses", 1, 34),
        ("rule not: forall m in bar: p(m)", "is a word of the language", 1, 6),
        ("rule r weight x: forall m in bar: p(m)", "expected a number", 1, 15),
        ("nonsense", "expected 'sort', 'predicate' or 'rule'", 1, 1),
        ("rule r: forall m in bar: q(m)", "unknown predicate 'q'", 1, 26),
        ("rule r: forall m in bar: p(m, m)", "takes 1 arguments, not 2", 1, 26),
        ("rule r: forall m in bar: p(k)", "unknown variable 'k'", 1, 26),
        ("rule r: forall m in cat: p(m)", "unknown sort 'cat'", 1, 16),
        ("rule r: forall m in bar, m in bar: p(m)", "is bound already", 1, 26),
        ("sort cat(y)\nrule r: forall c in cat: p(c)", "is about a 'bar', 'c' is a 'cat'", 2, 26),
        ("predicate q(m in bar) = truth(m.z)", "has no field 'z'", 1, 31),
        ("predicate q(m in bar) = truth(k.x)", "unknown variable 'k'", 1, 31),
        ("predicate q(m in bar) = m.x", "is a number, not a truth", 1, 25),
        ("predicate q(m in bar) = abs(truth(m.x))", "a truth stands where a number is needed", 1, 29),
        ("predicate q(m in bar) = above(m.x, m.x, 1)", "must be a plain number", 1, 36),
        ("predicate q(m in bar) = above(m.x, 1)", "2 arguments do not fit above(", 1, 25),
        ("predicate q(m in bar) = over(m.x)", "unknown function 'over'", 1, 25),
        ("predicate q(m in bar) = near(m.x, 1, 0)", "width must not be 0", 1, 38),
        ("predicate p(m in bar)", "predicate 'p' is declared twice", 1, 1),
        ("sort cat(y, y)", "has a field twice", 1, 1),
        (
            "rule r: forall a in bar, b in bar, c in bar, d in bar, e in bar: p(a)",
            "more than 4 variables",
            1,
            56,
        ),
    ],
)
def test_an_error_says_what_and_where(text, words, line, column):
    with pytest.raises(RuleError) as caught:
        parse(HEAD + text)
    error = caught.value
    assert words in str(error)
    assert (error.at.line, error.at.column) == (line + 2, column)
    shown = str(error).split("\n")
    assert shown[1] == "    " + (HEAD + text).split("\n")[line + 1]
    assert shown[2] == " " * (column + 3) + "^"
    assert isinstance(error, ConfigError)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab(): .,->=andorst1\n§", max_size=60))
def test_any_text_is_parsed_or_refused_with_a_place(text):
    place = None
    try:
        parse(text)
    except RuleError as error:
        place = error.at
    lines = text.split("\n")
    assert place is None or 1 <= place.column <= len(lines[place.line - 1]) + 1


def test_nesting_without_end_is_refused():
    with pytest.raises(RuleError, match="nested more than"):
        parse_formula("(" * 5000 + "a(x)" + ")" * 5000)
    with pytest.raises(RuleError, match="nested more than"):
        parse_formula("not " * 5000 + "a(x)")


def test_an_empty_text_is_an_empty_theory():
    assert parse("# nothing\n").rules == ()
