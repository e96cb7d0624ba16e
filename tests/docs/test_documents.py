"""Every code block of the documents runs; every figure of the README comes from the file it names."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
import types
import warnings
from pathlib import Path
from unittest import mock

import pytest

from support.command import janus

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(path):
    return [(kind, info.strip(), body) for kind, info, body in BLOCK.findall(path.read_text())]


def runnable(path):
    return [b for b in blocks(path) if b[0] in {"python", "sh"} and "show" not in b[1]]


def run_python(body, label, scope):
    """A block as a program of its own, in this process: starting Python and its libraries again is most of the time."""
    program = types.ModuleType(re.sub(r"\W", "_", label))
    scope.setitem(sys.modules, program.__name__, program)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.simplefilter("ignore", ResourceWarning)  # as Python itself does
        exec(compile(body, label, "exec", dont_inherit=True), vars(program))


def plain_commands(body):
    """Arguments of every line of a block that is nothing but ``janus`` commands; None if it needs a shell."""
    lines = body.replace("\\\n", " ").strip().splitlines()
    if not all(re.fullmatch(r"janus [^|&;<>$`*#(){}]*", line) for line in lines):
        return None
    return [shlex.split(line)[1:] for line in lines]


@contextlib.contextmanager
def a_place_of_its_own(folder):
    """Work in ``folder``, import from it, and leave directory, path, environment and modules as they were."""
    with mock.patch.dict(os.environ), pytest.MonkeyPatch.context() as scope:
        scope.chdir(folder)
        scope.syspath_prepend(folder)
        known = set(sys.modules)
        try:
            yield scope
        finally:
            for name in set(sys.modules) - known:
                if Path(getattr(sys.modules[name], "__file__", None) or ROOT).is_relative_to(folder):
                    del sys.modules[name]


@pytest.mark.parametrize(
    "path", [p for p in DOCUMENTS if runnable(p)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_code_blocks_run_in_order(path, tmp_path):
    """``python file=NAME`` is written to NAME, ``python`` and ``sh`` run; ``show`` blocks are quotations."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for number, (kind, info, body) in enumerate(runnable(path)):
        if info.startswith("file="):
            (tmp_path / info.removeprefix("file=")).write_text(body)
        elif kind == "python":
            with a_place_of_its_own(tmp_path) as scope:
                run_python(body, f"{path.stem} {number}", scope)
        elif (commands := plain_commands(body)) is not None:
            for arguments in commands:
                janus(*arguments, cwd=tmp_path, code=0)
        else:
            done = subprocess.run(
                ["bash", "-euc", body],
                cwd=tmp_path,
                env=env,
                capture_output=True,
                text=True,
                timeout=900,
                check=False,
            )
            assert done.returncode == 0, f"{body}\n{done.stdout}{done.stderr}"


def quotations(path):
    return [
        (info, body) for kind, info, body in blocks(path) if kind == "python" and info.startswith("show=")
    ]


@pytest.mark.parametrize(
    "path", [p for p in DOCUMENTS if quotations(p)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_quoted_source_is_the_source(path):
    for info, body in quotations(path):
        source = (ROOT / info.removeprefix("show=")).read_text()
        wanted = [line.split("#")[0].strip() for line in body.splitlines() if line.strip()]
        found = [line.split("#")[0].strip() for line in source.splitlines()]
        missing = [line for line in wanted if line not in {"", "..."} and line not in found]
        assert not missing, missing


def test_links_between_documents_lead_somewhere():
    broken = []
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)\)", path.read_text()):
            if "://" not in target and not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)} -> {target}")
    assert not broken
