"""The layer contract holds, and importing the package costs little."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_layer_contract():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_package_and_asking_for_help_load_nothing_heavy():
    code = (
        "import sys, janus_trader.cli.main;"
        "names = 'numba pandas scipy nautilus_trader plotly torch skfolio arch'.split();"
        "heavy = [name for name in names if name in sys.modules];"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
