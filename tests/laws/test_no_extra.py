"""The default run needs nothing of the extra `ml`; what does says so."""

import subprocess
import sys

EXTRA = ("torch", "onnx", "onnxruntime", "onnxscript", "safetensors", "umap", "qdrant_client", "ltn")

WITHOUT = f"""
import sys
for name in {EXTRA!r}:
    sys.modules[name] = None
sys.argv = ["janus", *sys.argv[1:]]
from janus_trader.cli.main import main
main()
"""


def janus(*arguments, cwd):
    command = [sys.executable, "-c", WITHOUT, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def test_the_default_brain_lives_without_the_extra(tmp_path):
    span = ("--from", "2016-09-01", "--to", "2016-12-30", "--symbols", "KO,XOM")
    done = janus("run", *span, "--out", "life", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "life" / "report.html").is_file()


def test_what_needs_the_extra_says_which(tmp_path):
    done = janus("study", "forecast", "--symbols", "KO", cwd=tmp_path)
    assert done.returncode == 2
    assert "janus-trader[ml]" in done.stderr
    vision = ("--set", 'brain.visual_cortex.model="diffgaf_lstm"')
    done = janus("run", "--quick", *vision, "--out", "life", cwd=tmp_path)
    assert done.returncode == 2
    assert "ml" in done.stderr
    assert "Traceback" not in done.stderr
