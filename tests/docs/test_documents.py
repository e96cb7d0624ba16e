"""Every code block of the documents runs; every figure of the README comes from the file it names."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(path):
    return [(kind, info.strip(), body) for kind, info, body in BLOCK.findall(path.read_text())]


def runnable(path):
    return [b for b in blocks(path) if b[0] in {"python", "sh"} and "show" not in b[1]]


@pytest.mark.parametrize(
    "path", [p for p in DOCUMENTS if runnable(p)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_code_blocks_run_in_order(path, tmp_path):
    """``python file=NAME`` is written to NAME, ``python`` and ``sh`` run; ``show`` blocks are quotations."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for kind, info, body in runnable(path):
        if info.startswith("file="):
            (tmp_path / info.removeprefix("file=")).write_text(body)
            continue
        command = [sys.executable, "-c", body] if kind == "python" else ["bash", "-euc", body]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=900, check=False
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
