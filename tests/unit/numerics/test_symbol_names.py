"""Compiled code of two state sizes, cached by two processes, must not be confused by a third."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import from_dtype
from numba.core.itanium_mangler import mangle_type

from janus_trader.numerics.symbol_names import use_stable_symbol_names


def record(size):
    return from_dtype(np.dtype([("values", "f8", (size,)), ("n", "i8")], align=True))


def names(sizes):
    use_stable_symbol_names()
    kinds = [record(size) for size in sizes]
    return [mangle_type(kind) for kind in kinds] + [mangle_type(kind.typeof("values")) for kind in kinds]


def python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_types_of_different_size_have_different_names():
    assert len(set(names((4, 9)))) == 4


def test_a_name_does_not_depend_on_what_the_process_did_before():
    mine = names((4, 9))
    here = os.path.dirname(__file__)
    code = f"import sys; sys.path.insert(0, {here!r}); from test_symbol_names import record, names; "
    assert python(code + "[record(i) for i in range(20, 40)]; print(*names((9, 4)))") == [
        mine[i] for i in (1, 0, 3, 2)
    ]


@pytest.mark.slow
def test_a_third_process_runs_the_right_code(tmp_path):
    code = (
        "import numpy as np; from janus_trader.numerics.bocpd import BOCPD; x = np.sin(np.arange(90.0));"
        "print(*[BOCPD(max_run=m).transform(x)[-1] for m in {}])"
    )
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}
    apart = python(code.format([20]), **cache) + python(code.format([40]), **cache)
    assert python(code.format([20, 40]), **cache) == apart
