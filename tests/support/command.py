"""The ``janus`` command inside this process: same entry point, without starting Python again."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


class _Terminal(io.TextIOWrapper):
    """Text with a byte buffer beneath, as a real stream has."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode()  # type: ignore[attr-defined]


def janus(*arguments: object, cwd: Path, code: int | None = None) -> Done:
    """Run the command line in ``cwd``; with ``code`` the exit status must be that."""
    from janus_trader.cli.main import main

    out, err = _Terminal(), _Terminal()
    before, argv = os.getcwd(), sys.argv
    status = 0
    os.chdir(cwd)
    sys.argv = ["janus", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        status = int(stop.code or 0) if not isinstance(stop.code, str) else 1
    finally:
        os.chdir(before)
        sys.argv = argv
    done = Done(status, out.text(), err.text())
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    if code is not None:
        assert done.returncode == code, done.stderr + done.stdout
    return done
