"""A compiled function is compiled again when anything it can see has changed, and only then."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from janus_trader.numerics import kernel_cache

NUMERICS = kernel_cache.PACKAGE / "numerics"


def _modules_with_cached_functions():
    return [p for p in sorted(kernel_cache.PACKAGE.rglob("*.py")) if b"cache=True" in p.read_bytes()]


@pytest.mark.parametrize("path", _modules_with_cached_functions(), ids=lambda p: p.stem)
def test_every_module_with_cached_functions_sees_this_package_before_it_compiles(path):
    packages = [
        folder / "__init__.py" for folder in path.parents if folder.is_relative_to(kernel_cache.PACKAGE)
    ]
    imported = {f for file in (path, *packages) if file.exists() for f in kernel_cache.imported_files(file)}
    assert NUMERICS in packages[0].parents or any(NUMERICS in f.parents for f in {path, *imported})


def test_the_closure_follows_imports_of_imports():
    files = kernel_cache.closure(kernel_cache.PACKAGE / "strategies" / "ema_flip.py")
    assert NUMERICS / "ema.py" in files  # imported by name
    assert NUMERICS / "streaming.py" in files  # imported by ema
    assert NUMERICS / "hmm.py" not in files


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from janus_trader.numerics.outer import twice
print(twice(10.0), twice.stats.cache_hits[next(iter(twice.stats.cache_hits))] if twice.stats.cache_hits else 0)
"""


def _run(tree, cache):
    env = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tree)], capture_output=True, text=True, env=env, check=True
    )
    return done.stdout.split()


def test_a_change_of_a_callee_in_another_file_is_seen(tmp_path):
    package = tmp_path / "tree" / "janus_trader" / "numerics"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    for name in ("__init__.py", "kernel_cache.py", "symbol_names.py"):
        (package / name).write_text((NUMERICS / name).read_text())
    (package / "inner.py").write_text(
        "from numba import njit\n\n@njit(cache=True)\ndef inner(x):\n    return x + 1.0\n"
    )
    (package / "outer.py").write_text(
        "from numba import njit\nfrom janus_trader.numerics.inner import inner\n\n"
        "@njit(cache=True)\ndef twice(x):\n    return 2.0 * inner(x)\n"
    )
    tree, cache = tmp_path / "tree", tmp_path / "cache"
    assert _run(tree, cache) == ["22.0", "0"]
    assert _run(tree, cache) == ["22.0", "1"]  # from the cache
    (package / "inner.py").write_text((package / "inner.py").read_text().replace("1.0", "5.0"))
    assert _run(tree, cache) == ["30.0", "0"]  # compiled again
    (package / "inner.py").write_text((package / "inner.py").read_text().replace("5.0", "1.0"))
    assert _run(tree, cache) == ["22.0", "1"]  # the first state is still kept
