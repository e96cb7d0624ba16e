"""Memories searched in a vector store lead to the decisions that the search in memory leads to."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from janus_trader.contracts.errors import IntegrityError, Unreachable
from janus_trader.runs.driver import Interrupted
from janus_trader.runs.history import HistoryRequest
from janus_trader.runs.launch import RunRequest, recompute, resume, start
from janus_trader.runs.records import read_records
from janus_trader.stores.run_directory import RunDirectory
from janus_trader.stores.vectors import open_store
from support.command import janus
from support.lives import configure, history, live
from support.qdrant_server import FakeQdrant

JANUS = str(Path(sys.executable).with_name("janus"))
SYMBOLS = ("BAC", "KO", "XOM")
SPAN = {"start": "2012-01-01", "end": "2012-05-31", "symbols": SYMBOLS}
REQUEST = RunRequest(history=HistoryRequest(**SPAN, warmup_bars=0))
#: Small enough that days are forgotten.
SMALL = ("brain.hippocampus.capacity=48", "brain.hippocampus.recollection.floor=0.1")
SEARCHED = (*SMALL, 'brain.hippocampus.search="store"')


@pytest.fixture(scope="module")
def built_in(tmp_path_factory):
    path = tmp_path_factory.mktemp("built_in") / "run"
    records = live(path, history(**SPAN), *SMALL)
    assert sum(len(r.decision.recollection.steps) > 0 for r in records) > 60
    return (path / "journal.bin").read_bytes()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("janus_trader.stores.vectors.qdrant._PAUSE_S", 0.0)
    server = FakeQdrant()
    yield server
    server.close()


@pytest.fixture(params=["memory", "file", "qdrant", "folder", "server"])
def place(request):
    if request.param == "server":
        url = request.getfixturevalue("server").url
        return (*SEARCHED, 'vectors.kind="qdrant"', f'vectors.url="{url}"')
    return {
        "memory": SEARCHED,
        "file": (*SEARCHED, 'vectors.path="memory.vec"'),
        "qdrant": (*SEARCHED, 'vectors.kind="qdrant"'),
        "folder": (*SEARCHED, 'vectors.kind="qdrant"', 'vectors.path="qdrant"'),
    }[request.param]


def after(count, then=None):
    """A ``stop`` that is true after so many bars, or calls ``then`` once there."""
    bars = iter(range(10**9))

    def stop():
        there = next(bars) == count
        if there and then is not None:
            then()
        return there and then is None

    return stop


def test_an_interrupted_run_ends_in_the_decisions_of_the_built_in_search(built_in, place, tmp_path):
    config, directory = configure(*place), RunDirectory(tmp_path / "run")
    with pytest.raises(Interrupted):
        start(REQUEST, config, directory, created_ns=1, stop=after(70))
    summary = resume(directory)
    assert directory.journal.read_bytes() == built_in
    assert not any("vector store" in note for note in summary["notes"])
    if config.vectors.path or config.vectors.url:
        store = open_store(config.vectors, 128, directory.path)
        steps = [record.step for record in read_records(directory.journal)]
        assert store.keys({"run": "run 1"}) == store.keys() == steps[-50:-2]  # the last two are not over
        store.close()
        assert recompute(directory).identical  # in a store of its own


def test_the_memory_of_another_run_is_refused_and_stays(server, tmp_path):
    config = configure(*SEARCHED, 'vectors.kind="qdrant"', f'vectors.url="{server.url}"')
    short = RunRequest(history=HistoryRequest(**{**SPAN, "end": "2012-02-15"}, warmup_bars=0))
    with pytest.raises(Interrupted):
        start(short, config, RunDirectory(tmp_path / "one"), created_ns=1, stop=after(20))
    points = dict(server.collections["memory"]["points"])
    assert points
    two = RunDirectory(tmp_path / "two")
    with pytest.raises(IntegrityError, match="something else than the memory of this run"):
        start(short, config, two, created_ns=2)
    assert not two.manifest.exists()
    server.collections["memory"]["points"][10**9] = {**points[0], "id": 10**9, "payload": {}}
    with pytest.raises(IntegrityError, match="1 other vectors"):
        resume(RunDirectory(tmp_path / "one"))
    del server.collections["memory"]["points"][10**9]
    assert server.collections["memory"]["points"] == points
    assert resume(RunDirectory(tmp_path / "one"))["bars"] > 20


def test_a_server_that_is_away_for_a_while_costs_recollections_not_the_run(built_in, server, tmp_path):
    config = configure(*SEARCHED, 'vectors.kind="qdrant"', f'vectors.url="{server.url}"')
    directory = RunDirectory(tmp_path / "run")

    def away():
        server.failures = 9  # three questions, each asked three times

    summary = start(REQUEST, config, directory, created_ns=1, stop=after(60, away))
    notes = [note for note in summary["notes"] if "vector store" in note]
    said = [json.loads(line) for line in directory.log.read_text().splitlines() if '"memory"' in line]
    records = list(read_records(directory.journal))
    quiet = [r.step for r in records[3:] if not len(r.decision.recollection.steps)]
    # asked at 61, 63 and 66; the pauses between and after are 1, 2 and 4 bars
    assert set(range(61, 71)) <= set(quiet)
    assert notes == ["The vector store did not answer 10 times; nothing was recollected then (run.log)."]
    assert [(line["step"], "again" in line["note"]) for line in said] == [(61, False), (71, True)]
    assert "does not answer" in said[0]["note"]
    assert len(records[71].decision.recollection.steps) > 0  # with the days that passed meanwhile
    assert len(server.collections["memory"]["points"]) == 48


def test_a_run_does_not_begin_or_go_on_without_its_store(tmp_path, monkeypatch):
    monkeypatch.setattr("janus_trader.stores.vectors.qdrant._PAUSE_S", 0.0)
    config = configure(*SEARCHED, 'vectors.kind="qdrant"', 'vectors.url="http://127.0.0.1:9"')
    directory = RunDirectory(tmp_path / "run")
    with pytest.raises(Unreachable, match="does not answer"):
        start(REQUEST, config, directory, created_ns=1)
    assert not directory.manifest.exists()


def test_a_killed_run_resumes_to_the_decisions_of_the_built_in_search(tmp_path):
    span = ["--from", "2011-01-01", "--to", "2011-06-30", "--symbols", ",".join(SYMBOLS), "--json"]
    whole = json.loads(janus("run", *span, "--out", "whole", cwd=tmp_path, code=0).stdout)
    settings = ("search=store", "kind=qdrant", "path=qdrant")
    names = ("brain.hippocampus.", "vectors.", "vectors.")
    asked = [x for name, text in zip(names, settings, strict=True) for x in ("--set", name + text)]
    process = subprocess.Popen(
        [JANUS, "run", *span, "--out", "part", *asked], cwd=tmp_path, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "part" / "checkpoint-0.bin").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    process.kill()
    process.wait()
    assert not (tmp_path / "part" / "summary.json").exists()
    part = json.loads(janus("run", "--resume", "part", "--json", cwd=tmp_path, code=0).stdout)
    assert part["decision_chain"] == whole["decision_chain"]
