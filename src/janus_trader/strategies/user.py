"""Strategies of the user's own: one Python file, read, checked and rehearsed before any run.

The simplest file has one function::

    def step(state, bar):
        previous, state["previous"] = state.get("previous"), bar.close
        if previous is None:
            return 0.0
        return 1.0 if bar.close > previous else -1.0

``state`` is a dict of plain values, one per instrument; ``bar`` has ``open``, ``high``, ``low``, ``close``,
``volume`` (NaN where not known), ``session`` and ``bar_of_session``. Optional names: ``NAME``, ``FIELDS``
(of "close", "open", "high_low", "volume", "intraday"), ``FAMILY``, ``HORIZON``, ``REGIMES``.

The table form is ``signals(bars)``: a `pandas.DataFrame` of bars in, one exposure a row out. It is asked at
every bar for the bars seen so far, at most the last ``HISTORY`` (default 500), and only its answer for the
last row counts, so that it cannot look ahead in a run; ``janus check-strategy`` tells whether it tries to.

The compiled form adds ``STATE`` (a dtype, or a list of fields) and, if wanted, ``PARAMS`` (a dict of
numbers), and its ``step(params, state, bar)`` is decorated with ``numba.njit``; it passes the same
rehearsal. A file with both functions is taken by its ``step``. This module is the one place of the
package that reads a file.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit
from numba.core.dispatcher import Dispatcher

from janus_trader.contracts.errors import StrategyError
from janus_trader.contracts.market import BAR_DTYPE, Field
from janus_trader.contracts.regime import N_REGIMES
from janus_trader.strategies.definition import (
    CompiledLane,
    CompiledStrategy,
    Family,
    StrategyDefinition,
)
from janus_trader.strategies.python_strategy import PythonStrategy, checked_output, line_of
from janus_trader.strategies.signals_strategy import DEFAULT_HISTORY, SignalsStrategy

ANY_HORIZON = (0.0, math.inf)
REHEARSAL_BARS = 160
REHEARSAL_SESSION = 16
REHEARSAL_CUT = 37


@dataclass(frozen=True)
class UserCompiledStrategy(CompiledStrategy):
    """A compiled strategy from a user's file; its outputs are checked at every bar."""

    path: str = ""
    line: int = 0

    def bind(self, n: int) -> CheckedLane:
        """Fresh states for ``n`` instruments."""
        return CheckedLane(self, n)


class CheckedLane(CompiledLane):
    """Compiled states whose outputs must be finite and in [-1, 1]."""

    def __init__(self, strategy: UserCompiledStrategy, n: int) -> None:
        super().__init__(strategy, n)
        self._path, self._line = strategy.path, strategy.line

    def advance(self, bars: np.ndarray, present: np.ndarray, last: np.ndarray, out: np.ndarray) -> None:
        """Run the compiled loop and check what comes back."""
        try:
            super().advance(bars, present, last, out)
        except Exception as error:
            got, line = _told(error, self._path, self._line)
            raise StrategyError(
                f"{self._path}:{line}: step cannot be compiled or raised",
                got=got,
                expected="step(params, state, bar) in the subset of Python that numba compiles",
                remedy="bar has open, high, low, close, volume, session and bar_of_session; state and params "
                "have what STATE and PARAMS declare",
            ) from error
        bad = ~(np.abs(out) <= 1.0)
        if bad.any():
            checked_output(float(out[bad][0]), f"{self._path}:{self._line}")


def load_strategy(path: str | Path, *, rehearse: bool = True) -> StrategyDefinition:
    """Read, check and rehearse a strategy file.

    The rehearsal takes the step twice through a short made-up history, once with its state saved and
    restored on the way; both must give the same outputs. The file's code runs in this process.

    Parameters
    ----------
    path : str or Path
        A ``.py`` file; see the module's description for the three forms.
    rehearse : bool
        False leaves out the rehearsal, for those who make their own (`janus check-strategy`).

    Returns
    -------
    StrategyDefinition
        Ready for a `StrategyPanel`.

    Raises
    ------
    StrategyError
        The file is missing, is not Python, has no ``step``, or the step raises, is not deterministic,
        keeps a state that cannot be saved, or returns something other than a number in [-1, 1]. The
        message names file and line.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "always_long.py"
    >>> _ = file.write_text("def step(state, bar):\\n    return 1.0\\n")
    >>> load_strategy(file).name
    'always_long'
    """
    path = Path(path)
    module = _execute(path)
    step, line = _find_step(module, path)
    common = _declarations(module, path)
    strategy: StrategyDefinition
    if step is getattr(module, "signals", None):
        strategy = SignalsStrategy(
            **common, signals=step, history=_history(module, path), path=str(path), line=line
        )
    elif isinstance(step, Dispatcher):
        strategy = UserCompiledStrategy(
            **common,
            params=_params(module, path),
            state_dtype=_state_dtype(module, path),
            step=step,
            run=_loop_over(step),
            path=str(path),
            line=line,
        )
    else:
        strategy = PythonStrategy(**common, step=step, path=str(path), line=line)
    if rehearse:
        _rehearse(strategy, f"{path}:{line}")
    return strategy


def _told(error: BaseException, path: str, line: int) -> tuple[str, int]:
    """What a user can act on of a compiler's message, and the line it blames."""
    text = str(error)
    blamed = re.findall(rf'File "[^"]*{re.escape(Path(path).name)}", line (\d+)', text)
    lines = [part.strip() for part in text.splitlines() if part.strip()]
    useful = [part for part in lines if not part.startswith("Failed in nopython")]
    summary = f"{type(error).__name__}: {' '.join(useful[:2])}"[:300]
    return summary, int(blamed[-1]) if blamed else line


def _execute(path: Path) -> ModuleType:
    """Run the file as a module of its own."""
    try:
        source = path.read_bytes()
        code = compile(source, str(path), "exec")
    except OSError as error:
        raise StrategyError(
            f"{path}: cannot read the strategy file",
            got=error.strerror or type(error).__name__,
            expected="a .py file",
            remedy="check the path after --strategy",
        ) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise StrategyError(
            f"{path}:{line}: not valid Python",
            got=getattr(error, "msg", None) or str(error),
            expected="a Python 3.11 source file",
            remedy=f"mend line {line}",
        ) from error
    module = ModuleType(f"janus_user_strategy_{hashlib.sha256(source).hexdigest()[:12]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        line = line_of(error, str(path), 1)
        raise StrategyError(
            f"{path}:{line}: the strategy file raised while it was loaded",
            got=f"{type(error).__name__}: {error}",
            expected="definitions only",
            remedy=f"mend line {line}",
        ) from error
    return module


def _find_step(module: ModuleType, path: Path) -> tuple[Callable[..., Any], int]:
    """The file's step and its line; its number of arguments must suit its form."""
    step = getattr(module, "step", None)
    name = "step"
    plain: tuple[str, ...] = ("state", "bar")
    if step is None and callable(getattr(module, "signals", None)):
        step, name, plain = module.signals, "signals", ("bars",)
    if not callable(step):
        raise StrategyError(
            f"{path}:1: the strategy file has no step",
            got="no function named step or signals" if step is None else f"step = {step!r}",
            expected="def step(state, bar) returning a float in [-1, 1], or def signals(bars)",
            remedy="define it at the top level of the file",
        )
    if name == "signals" and isinstance(step, Dispatcher):
        raise StrategyError(
            f"{path}:{step.py_func.__code__.co_firstlineno}: signals cannot be compiled",
            got="signals decorated with numba.njit",
            expected="a plain function of a DataFrame",
            remedy="take the decorator off; a compiled strategy is step(params, state, bar)",
        )
    function = step.py_func if isinstance(step, Dispatcher) else step
    line = getattr(getattr(function, "__code__", None), "co_firstlineno", 1)
    wanted = ("params", *plain) if isinstance(step, Dispatcher) else plain
    try:
        inspect.signature(function).bind(*wanted)
    except (TypeError, ValueError) as error:
        if getattr(getattr(function, "__code__", None), "co_argcount", 0) == 5:
            raise StrategyError(
                f"{path}:{line}: a step that writes orders cannot be read from a file",
                got="step(params, state, bar, account, orders)",
                expected=f"{name}({', '.join(wanted)})",
                remedy="back-test it from Python, as OrderStrategy",
            ) from error
        raise StrategyError(
            f"{path}:{line}: {name} takes the wrong arguments",
            got=f"{error}",
            expected=f"{name}({', '.join(wanted)})",
            remedy=f"change the definition of {name}",
        ) from error
    return step, line


def _declarations(module: ModuleType, path: Path) -> dict[str, Any]:
    """The optional names of the file, checked."""
    name = getattr(module, "NAME", path.stem)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_\-]{0,63}", name):
        raise _bad(path, "NAME", name, "a name of letters, digits, _ and -", "rename the file or set NAME")
    declared = getattr(module, "FIELDS", ())
    known = ", ".join(f.value for f in Field)
    try:
        fields = frozenset(Field(f) for f in ([declared] if isinstance(declared, str) else declared))
    except (TypeError, ValueError) as error:
        raise _bad(path, "FIELDS", declared, f"some of {known}", "use these names") from error
    try:
        family = Family(getattr(module, "FAMILY", Family.USER))
    except ValueError as error:
        names = "trend, reversion or user"
        raise _bad(path, "FAMILY", module.FAMILY, names, "use one of these names") from error
    horizon = getattr(module, "HORIZON", ANY_HORIZON)
    regimes = getattr(module, "REGIMES", (1.0,) * N_REGIMES)
    if not _numbers(horizon, 2) or horizon[0] > horizon[1]:
        raise _bad(path, "HORIZON", horizon, "(shortest, longest) bar in seconds", "use two numbers")
    if not _numbers(regimes, N_REGIMES) or not all(0.0 <= w <= 1.0 for w in regimes):
        raise _bad(path, "REGIMES", regimes, f"{N_REGIMES} numbers in [0, 1]", "one for each regime")
    return {
        "name": name,
        "family": family,
        "fields": fields | {Field.CLOSE},
        "horizon": (float(horizon[0]), float(horizon[1])),
        "regime_weights": tuple(float(w) for w in regimes),
    }


def _history(module: ModuleType, path: Path) -> int:
    """How many of the last bars ``signals`` gets."""
    history = getattr(module, "HISTORY", DEFAULT_HISTORY)
    if not isinstance(history, int) or isinstance(history, bool) or not 1 <= history <= 100_000:
        raise _bad(path, "HISTORY", history, "an integer from 1 to 100000", "the longest window it uses")
    return history


def _numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, (tuple, list))
        and len(value) == count
        and all(isinstance(x, (int, float)) and not math.isnan(x) for x in value)
    )


def _bad(path: Path, what: str, got: Any, expected: str, remedy: str) -> StrategyError:
    return StrategyError(f"{path}: {what} is not usable", got=repr(got), expected=expected, remedy=remedy)


def _state_dtype(module: ModuleType, path: Path) -> np.dtype:
    """Dtype of the compiled form's state."""
    declared = getattr(module, "STATE", None)
    try:
        dtype = declared if isinstance(declared, np.dtype) else np.dtype(declared, align=True)
    except (TypeError, ValueError) as error:
        raise _bad(path, "STATE", declared, 'a list such as [("n", "i8")]', "name the fields") from error
    if declared is None or dtype.fields is None or dtype.hasobject:
        raise _bad(path, "STATE", declared, 'a list such as [("n", "i8")]', "a compiled step needs STATE")
    return dtype


def _params(module: ModuleType, path: Path) -> np.ndarray:
    """The compiled form's parameters as a (1,) structured array."""
    values = getattr(module, "PARAMS", {"unused": 0.0})
    if not isinstance(values, dict) or not all(isinstance(v, (int, float)) for v in values.values()):
        raise _bad(path, "PARAMS", values, "a dict of name: number", "give numbers only")
    kinds = [(str(name), "f8" if isinstance(v, float) else "i8") for name, v in values.items()]
    record = np.zeros(1, np.dtype(kinds or [("unused", "f8")], align=True))
    for name, value in values.items():
        record[name] = value
    return record


def _loop_over(step: Dispatcher) -> Callable[..., Any]:
    """The compiled loop over a user's step; bars without prices repeat the last output.

    The step gets copies of the parameters and of each bar, so that it can spoil neither for others.
    """

    @njit(nogil=True)
    def run(params, states, bars, present, last, out) -> None:
        shown, own = np.zeros(1, BAR_DTYPE), params.copy()
        bar = shown[0]
        for t in range(bars.shape[0]):
            for i in range(bars.shape[1]):
                shown[0] = bars[t, i]
                priced = math.isfinite(bar.open) and math.isfinite(bar.high)
                priced = priced and math.isfinite(bar.low) and math.isfinite(bar.close)
                if present[t, i] and priced:
                    last[i] = step(own[0], states[i], bar)
                out[t, i] = last[i]

    return run


def rehearsal_bars(fields: frozenset[Field]) -> np.ndarray:
    """A short made-up history with what ``fields`` promise: waves, a trend, sessions of 16 bars.

    >>> bool(np.isnan(rehearsal_bars(frozenset({Field.CLOSE}))["volume"]).all())
    True
    """
    t = np.arange(REHEARSAL_BARS)
    close = 100.0 * np.exp(0.002 * t + 0.05 * np.sin(t / 5.0) + 0.01 * np.sin(1.7 * t))
    bars = np.zeros(REHEARSAL_BARS, BAR_DTYPE)
    bars["close"] = close
    bars["open"] = np.concatenate((close[:1], close[:-1])) if Field.OPEN in fields else close
    spread = 0.004 if Field.HIGH_LOW in fields else 0.0
    bars["high"] = np.maximum(bars["open"], close) * (1.0 + spread)
    bars["low"] = np.minimum(bars["open"], close) * (1.0 - spread)
    bars["volume"] = 1e4 * (2.0 + np.sin(1.3 * t)) if Field.VOLUME in fields else np.nan
    bars["session"] = t // REHEARSAL_SESSION
    bars["bar_of_session"] = t % REHEARSAL_SESSION
    return bars


def _rehearse(strategy: StrategyDefinition, where: str) -> None:
    """Two passes over the made-up history; in the second the state goes through bytes now and then."""
    bars = rehearsal_bars(strategy.fields)
    first = strategy.scan(bars)
    lane, last, second = strategy.bind(1), np.zeros(1), np.zeros((len(bars), 1))
    shown = np.ones((len(bars), 1), np.bool_)
    for start in range(0, len(bars), REHEARSAL_CUT):
        part = slice(start, start + REHEARSAL_CUT)
        lane.advance(bars[part].reshape(-1, 1), shown[part], last, second[part])
        saved = lane.state()
        lane = strategy.bind(1)
        lane.load(saved)
    if not np.array_equal(first, second[:, 0]):
        t = int(np.flatnonzero(first != second[:, 0])[0])
        raise StrategyError(
            f"{where}: step does not repeat itself",
            got=f"{first[t]:g}, then {second[t, 0]:g} for the same bars (bar {t})",
            expected="outputs that depend on state and bar alone, and a state that survives saving",
            remedy="keep everything in state: no globals, clocks, random numbers, tuples or sets",
        )
