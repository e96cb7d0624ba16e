"""Bad input: one clear message, an exit code that is not 0, no traceback, nothing damaged."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.command import janus

JANUS = str(Path(sys.executable).with_name("janus"))
DAYS = [f"2020-01-{d:02d}" for d in range(1, 31)]


def write(path, header, rows):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def prices(path, change=None):
    rows = [f"{day},{100 + i},{101 + i},{99 + i},{100.5 + i},1000" for i, day in enumerate(DAYS)]
    if change is not None:
        rows = change(rows)
    return write(path, "date,open,high,low,close,volume", rows)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--data", "absent.csv"], "absent.csv"),
        (["run", "--quick", "--set", "brain.cortx.x=1"], "did you mean cortex"),
        (["run", "--quick", "--set", "sleep.holdback_sessions=1"], "sleep.holdback_sessions"),
        (["run", "--quick", "--set", "nonsense"], "key=value"),
        (["run", "--quick", "--symbols", "NOPE"], "NOPE"),
        (["run", "--quick", "--world", "flat"], "real, shuffled, leaked"),
        (["run", "--quick", "--benchmark", "nothing"], "nothing"),
        (["run", "--from", "yesterday"], "YYYY-MM-DD"),
        (["run", "--from", "2010-01-01", "--to", "2009-01-01"], "after the end"),
        (["run", "--from", "2031-01-01"], "2022-12-28"),
        (["run", "--resume", "nowhere"], "manifest.json"),
        (["run", "--config", "absent.toml"], "absent.toml"),
        (["run", "--quick", "--capital", "-5"], "account.capital"),
        (["run", "--quick", "--strategy", "absent.py"], "absent.py"),
        (["explain", "nowhere", "3"], "nowhere"),
        (["replay", "nowhere"], "nowhere"),
        (["compare", "nowhere", "elsewhere"], "nowhere"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments, words, tmp_path):
    done = janus(*arguments, cwd=tmp_path)
    assert done.returncode != 0
    assert words in done.stderr.replace("\n", " ")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("empty", lambda rows: [], "row"),
        ("text", lambda rows: [r.replace(r.split(",")[4], "n/a") for r in rows], ""),
    ],
)
def test_files_without_usable_rows_are_refused(name, change, words, tmp_path):
    path = prices(tmp_path / f"{name}.csv", change)
    done = janus("run", "--data", path, cwd=tmp_path)
    assert done.returncode != 0
    assert done.stderr.startswith("janus: ")
    assert words in done.stderr


def test_unknown_columns_are_named(tmp_path):
    path = write(tmp_path / "x.csv", "when,what", ["2020-01-01,a", "2020-01-02,b"])
    done = janus("run", "--data", path, cwd=tmp_path)
    assert done.returncode != 0
    assert "what" in done.stderr


def test_bad_rows_are_set_aside_counted_and_the_rest_runs(tmp_path):
    def spoil(rows):
        rows[5] = rows[5].replace(rows[5].split(",")[4], "nan")
        rows[9] = "2020-01-10,-5,101,99,-5,1000"
        rows.insert(12, rows[11])
        rows[20], rows[21] = rows[21], rows[20]
        return rows

    path = prices(tmp_path / "spoiled.csv", spoil)
    done = janus("run", "--data", path, "--json", cwd=tmp_path, code=0)
    summary = json.loads(done.stdout)
    assert sum(summary["quarantined"].values()) >= 3, summary["quarantined"]
    checked = janus("data", "check", path, cwd=tmp_path)
    assert checked.returncode == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def step(state, bar):\n    return 1 / 0\n", "line 2"),
        ("def step(state, bar):\n    return 'buy'\n", "buy"),
        ("def step(state, bar:\n", "line 1"),
        ("x = 1\n", "step"),
        ("def step(state, bar):\n    return 7.0\n", "7.0"),
    ],
)
def test_a_strategy_that_fails_is_named_with_its_line(text, words, tmp_path):
    (tmp_path / "mine.py").write_text(text)
    done = janus("run", "--from", "2016-01-01", "--to", "2016-03-01", "--strategy", "mine.py", cwd=tmp_path)
    assert done.returncode != 0
    assert "mine.py" in done.stderr
    assert words in done.stderr


#: A run lives 252 bars before the first of these: long enough to be caught in.
SPAN = ["--from", "2011-01-03", "--to", "2011-03-31", "--symbols", "AAPL,KO,XOM,GE"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = tmp_path_factory.mktemp("whole")
    return json.loads(janus("run", *SPAN, "--out", "whole", "--json", cwd=place, code=0).stdout)


def run_until_a_night_is_safe(place):
    """A run in a process of its own that has lived through its first night, and is still alive."""
    command = [JANUS, "run", *SPAN, "--out", "part", "--json"]
    process = subprocess.Popen(
        command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not (place / "part" / "checkpoint-0.bin").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    return process


def assert_it_goes_on_to_the_same_end(place, whole):
    assert not (place / "part" / "summary.json").exists()
    part = json.loads(janus("run", "--resume", "part", "--json", cwd=place, code=0).stdout)
    assert part["decision_chain"] == whole["decision_chain"]
    assert part["final_equity"] == whole["final_equity"]


def test_an_interrupted_run_resumes_to_the_same_chain(whole, tmp_path):
    process = run_until_a_night_is_safe(tmp_path)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert "Traceback" not in stderr
    assert process.returncode != 0, "the run ended before it could be interrupted"
    assert "--resume part" in stderr
    assert_it_goes_on_to_the_same_end(tmp_path, whole)


def test_a_killed_run_resumes_to_the_same_chain(whole, tmp_path):
    process = run_until_a_night_is_safe(tmp_path)
    process.kill()
    process.communicate()
    assert_it_goes_on_to_the_same_end(tmp_path, whole)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to stand for a full disk")
def test_a_full_disk_is_said_in_one_sentence(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "journal.bin").symlink_to("/dev/full")
    span = ["--from", "2016-01-01", "--to", "2016-06-01", "--symbols", "AAPL,KO"]
    done = janus("run", *span, "--out", "run", cwd=tmp_path)
    assert done.returncode == 3
    assert "No space left" in done.stderr
    assert not (tmp_path / "run" / "summary.json").exists()


def test_a_finished_run_is_not_written_over(tmp_path):
    span = ["--from", "2016-01-01", "--to", "2016-03-01", "--symbols", "AAPL,KO", "--out", "run"]
    janus("run", *span, cwd=tmp_path, code=0)
    before = (tmp_path / "run" / "journal.bin").read_bytes()
    done = janus("run", *span, cwd=tmp_path)
    assert done.returncode != 0
    assert "already holds a run" in done.stderr
    assert (tmp_path / "run" / "journal.bin").read_bytes() == before
    assert janus("run", "--resume", "run", cwd=tmp_path).returncode != 0
