"""The same strategy in a process of its own, in which texts hash otherwise.

Run as a module it loads the file named on its command line, reads bars (``.npy``) from standard input and
writes the answers to standard output.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys

import numpy as np

from janus_trader.contracts.errors import StrategyError
from janus_trader.contracts.market import BAR_DTYPE

#: Seconds after which a process that does not answer is given up.
PATIENCE = 300.0


def answers_elsewhere(path: str, bars: np.ndarray, seed: int) -> np.ndarray:
    """Answers (T,) to the known bars (T,) from a new process with the hash seed ``seed``.

    Raises
    ------
    StrategyError
        It raised there, or did not answer.
    """
    sent = io.BytesIO()
    np.save(sent, bars)
    command = [sys.executable, "-P", "-m", "janus_trader.research.strategy_check.elsewhere", path]
    try:
        done = subprocess.run(
            command,
            input=sent.getvalue(),
            capture_output=True,
            timeout=PATIENCE,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StrategyError(f"{path}: no answer from a new process", got=f"{PATIENCE:.0f} s") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise StrategyError(f"{path}: raised in a new process", got=lines[-1][:200] if lines else "")
    return np.asarray(np.load(io.BytesIO(done.stdout)))


def main() -> None:
    """Answer once."""
    from janus_trader.research.strategy_check.subject import subject

    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the file prints must not get between the answers
    sent = np.load(io.BytesIO(sys.stdin.buffer.read()))
    bars = np.zeros(len(sent), BAR_DTYPE)  # a file of bars forgets their alignment, which compiled code needs
    bars[:] = sent
    answers = subject(sys.argv[1]).answers(bars)
    told = io.BytesIO()
    np.save(told, answers)
    with out:
        out.write(told.getvalue())


if __name__ == "__main__":
    main()
