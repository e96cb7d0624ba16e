"""Suspicious constructs of a strategy file, found by reading it (`ast`), each with its line."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from janus_trader.research.strategy_check.report import Kind

#: How the reason of a finding about a clock ends.
READS_A_CLOCK = "reads a clock"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class Finding:
    """A construct that can be what a probe has seen: its kind, its line and what is suspicious."""

    kind: Kind
    line: int
    why: str


#: Functions and methods that use the whole of what they are given, and why that is suspicious.
_WHOLE = _words(
    "mean std var max min median quantile sum rank percentile average nanmean nanstd nanmax nanmin "
    "nanmedian amax amin ptp argmax argmin idxmax idxmin skew kurt prod cut qcut"
)
_SMOOTH = _words(
    "filtfilt savgol_filter gradient polyfit detrend fft rfft convolve interpolate interp hilbert fit "
    "fit_transform fit_predict argrelextrema find_peaks lstsq"
)
_BACKWARD_FILL = frozenset({"bfill", "backfill"})
#: Calls after which a reduction sees only the past.
_CAUSAL = frozenset({"rolling", "expanding", "ewm", "head"})
_READS = _words(
    "read_csv read_parquet read_table read_json read_pickle read_feather read_hdf read_sql read_excel "
    "loadtxt genfromtxt fromfile memmap urlopen scan_parquet scan_csv read_text read_bytes"
)
_READ_ROOTS = frozenset({"requests", "urllib", "yfinance", "yf", "sqlite3", "socket", "httpx"})
_CHANCE = _words("urandom uuid1 uuid4 token_bytes token_hex randbits")
_CLOCKS = _words("time time_ns perf_counter perf_counter_ns monotonic monotonic_ns process_time")
_DATES = _words("now utcnow today")
_DATE_TYPES = frozenset({"datetime64", "Timestamp", "to_datetime"})
_ENVIRONMENT = frozenset({"environ", "environb", "getenv", "getenvb"})
_MUTATORS = _words("append extend insert update add pop setdefault clear remove appendleft popleft")


def findings(source: str) -> tuple[Finding, ...]:
    """Every suspicious construct of a file, by line. O(length of the file).

    >>> [(f.kind.value, f.line) for f in findings("def signals(bars):\\n    return bars.close.shift(-1)\\n")]
    [('look-ahead', 2)]
    """
    reader = _Reader(ast.parse(source))
    return tuple(sorted(set(reader.found), key=lambda f: (f.line, f.kind, f.why)))


def statement_lines(source: str) -> dict[int, tuple[int, int]]:
    """For every line, the first and last line of the innermost simple statement it belongs to."""
    spans: dict[int, tuple[int, int]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                spans[line] = (node.lineno, node.end_lineno or node.lineno)
    return spans


def first_set(source: str) -> int | None:
    """The first line that makes a set, whose order is another one in another process; None where none does.

    >>> first_set("x = 1\\ny = {'a', 'b'}\\n")
    2
    """
    lines = [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Set, ast.SetComp))
        or (isinstance(node, ast.Call) and _name(node.func) in {"set", "frozenset"})
    ]
    return min(lines, default=None)


def names_read(source: str, first: int, last: int) -> frozenset[str]:
    """Names that the code between two lines reads."""
    return frozenset(
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and first <= node.lineno <= last
    )


def text_of(path: str | Path, line: int | None) -> str:
    """One line of a file, without its indentation; "" where there is none."""
    if line is None or not path:
        return ""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


class _Reader(ast.NodeVisitor):
    """Walks the tree once and collects findings."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[Finding] = []
        self._globals = {
            target.id
            for node in tree.body
            if isinstance(node, (ast.Assign, ast.AnnAssign))
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        self._functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        self._locals: list[set[str]] = []
        self.visit(tree)

    def _add(self, kind: Kind, node: ast.AST, why: str) -> None:
        self.found.append(Finding(kind, node.lineno, why))  # type: ignore[attr-defined]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Mutable defaults, and which names are its own."""
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if isinstance(default, (ast.List, ast.Dict, ast.Set)) or (
                isinstance(default, ast.Call) and _name(default.func) in {"list", "dict", "set", "deque"}
            ):
                self._add(Kind.STATE, default, "a default value that is kept between calls")
        own = {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
        shared = {n for child in ast.walk(node) if isinstance(child, ast.Global) for n in child.names}
        own |= {
            n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        } - shared
        self._locals.append(own)
        self.generic_visit(node)
        self._locals.pop()

    def visit_Global(self, node: ast.Global) -> None:
        """A function that assigns names of the module."""
        self._add(Kind.STATE, node, f"global {', '.join(node.names)}: remembered outside the state")

    def visit_Call(self, node: ast.Call) -> None:
        """Functions that look ahead, keep, read, or answer differently each time."""
        name = _name(node.func)
        root = _root(node.func)
        self._look_ahead(node, name)
        if name in _READS or (name in {"open", "load"} and root in {"open", "np", "numpy", "io"}):
            self._add(Kind.OWN_DATA, node, f"{name} reads data of its own")
        elif root in _READ_ROOTS:
            self._add(Kind.OWN_DATA, node, f"{root} fetches data of its own")
        if self._locals and isinstance(node.func, ast.Attribute) and name in _MUTATORS:
            self._shared(node.func.value, f"{name} changes something that is not in the state")
        dotted = _dotted(node.func)
        if "random" in dotted or "default_rng" in dotted or name in _CHANCE:
            self._add(Kind.RANDOM, node, f"{'.'.join(dotted)} answers differently each time")
        elif _clock(node, name, root):
            self._add(Kind.RANDOM, node, f"{'.'.join(dotted)} {READS_A_CLOCK}")
        self.generic_visit(node)

    def _look_ahead(self, node: ast.Call, name: str) -> None:
        options = {k.arg: k.value for k in node.keywords}
        causal = bool(_CAUSAL & set(_chain(node.func)))
        if name in {"shift", "diff", "pct_change", "roll"}:
            position = 1 if name == "roll" else 0
            step = options.get("periods", options.get("shift"))
            step = step or (node.args[position] if len(node.args) > position else None)
            if _negative(step):
                self._add(Kind.LOOK_AHEAD, node, f"{name} by a negative number of bars reads later bars")
            elif name == "roll":
                self._add(Kind.LOOK_AHEAD, node, "roll brings the end of the table to its beginning")
        centre = options.get("center")
        if centre is not None and _is(centre, True):
            self._add(Kind.LOOK_AHEAD, centre, "center=True puts later bars into the window")
        if name in _BACKWARD_FILL or any(_is(options.get("method"), m) for m in _BACKWARD_FILL):
            self._add(Kind.LOOK_AHEAD, node, "filled backwards, with values of later bars")
        if any(_is(options.get("direction"), d) for d in ("forward", "nearest")):
            self._add(Kind.LOOK_AHEAD, node, "joined with the next row, which is later")
        if name in {"transform", "agg"} and "groupby" in _chain(node.func):
            self._add(Kind.LOOK_AHEAD, node, "a group's statistic includes its later bars")
        elif name in _WHOLE and not causal:
            self._add(Kind.LOOK_AHEAD, node, f"{name} over the whole table includes later bars")
        if name in _SMOOTH:
            self._add(Kind.LOOK_AHEAD, node, f"{name} uses bars on both sides")
        if name in {"flip", "flipud", "reversed"}:
            self._add(Kind.LOOK_AHEAD, node, f"{name} runs from the last bar backwards")

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Indices beyond the present, reversed slices, the last row."""
        index = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        if isinstance(index, ast.Slice):
            if _negative(index.step):
                self._add(Kind.LOOK_AHEAD, node, "a reversed slice runs from the last bar backwards")
            if _ahead(index.lower, 1) or _ahead(index.upper, 2):
                self._add(Kind.LOOK_AHEAD, node, "a slice that reaches beyond the present bar")
        elif _ahead(index, 1):
            self._add(Kind.LOOK_AHEAD, node, "an index beyond the present bar")
        elif _negative(index) and isinstance(node.ctx, ast.Load):
            self._add(Kind.LOOK_AHEAD, node, "the last row of the table, whatever the present bar")
        if isinstance(node.ctx, ast.Store) and self._locals:
            self._shared(node.value, "changes something that is not in the state")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        """What runs only when the file is started by itself is no part of the strategy."""
        test = node.test
        if isinstance(test, ast.Compare) and _name(test.left) == "__name__":
            for child in node.orelse:
                self.visit(child)
            return
        self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """The environment under a name of the file's own."""
        if node.module == "os" and any(alias.name in _ENVIRONMENT for alias in node.names):
            self._add(Kind.OWN_DATA, node, "the environment is data of its own")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """The environment; values kept as attributes of a function."""
        if node.attr in _ENVIRONMENT and _root(node) == "os":
            self._add(Kind.OWN_DATA, node, "the environment is data of its own")
        stored = isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name)
        if stored and _name(node.value) in self._functions:
            self._add(Kind.STATE, node, "an attribute of a function is kept between calls")
        self.generic_visit(node)

    def _shared(self, node: ast.expr, why: str) -> None:
        if isinstance(node, ast.Name) and node.id in self._globals and node.id not in self._locals[-1]:
            self._add(Kind.STATE, node, f"{node.id}: {why}")


def _name(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _clock(node: ast.Call, name: str, root: str) -> bool:
    """``time.time()``, ``anything.now()``, ``datetime64("now")`` and their like."""
    if name in _DATES and isinstance(node.func, ast.Attribute):
        return True
    if name in _CLOCKS and root == "time" and isinstance(node.func, ast.Attribute):
        return True
    return name in _DATE_TYPES and bool(node.args) and any(_is(node.args[0], w) for w in ("now", "today"))


def _chain(node: ast.expr) -> list[str]:
    """Names along ``a.b(...).c``, last first."""
    names = []
    current: ast.expr | None = node
    while current is not None:
        if isinstance(current, ast.Attribute):
            names.append(current.attr)
            current = current.value
        elif isinstance(current, ast.Call):
            current = current.func
        elif isinstance(current, ast.Subscript):
            current = current.value
        else:
            names += [current.id] if isinstance(current, ast.Name) else []
            current = None
    return names


def _dotted(node: ast.expr) -> list[str]:
    return list(reversed(_chain(node)))


def _root(node: ast.expr) -> str:
    return (_dotted(node) or [""])[0]


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def _negative(node: ast.expr | None) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def _ahead(node: ast.expr | None, least: int) -> bool:
    """``i + k`` with k at least ``least``, or with a k that is a name."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return False
    if not any(isinstance(side, ast.Name) for side in (node.left, node.right)):
        return False
    constants = [s.value for s in (node.left, node.right) if isinstance(s, ast.Constant)]
    return all(isinstance(c, int) and c >= least for c in constants)
