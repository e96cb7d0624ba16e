"""A matrix from request to table: signs, guards, the record, resume, and serial equal to parallel."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from janus_trader.brain.integration.brain import REGIONS
from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.foundation.config import build, parse_setting
from janus_trader.research.ablation import (
    AblationRequest,
    MatrixStore,
    Stopped,
    matrix,
    page,
    plan_matrix,
    resumed_plan,
    run_matrix,
    store,
)
from janus_trader.research.ablation.mechanisms import (
    MECHANISMS,
    learner_names,
    mechanism_variants,
    region_variants,
    variant_config,
)
from janus_trader.runs.history import SELECTION_END, HistoryRequest, iso
from janus_trader.runs.settings import LifeConfig
from janus_trader.runs.trials import read_trials, trial_count
from unit.research.ablation.planted import planted_life

SPAN = HistoryRequest(start="2006-01-02", end="2007-12-31", symbols=("AAPL", "KO"), warmup_bars=0)
REGIONS_ASKED = ("amygdala", "visual_cortex", "cortex", "thalamus", "cerebellum")


@pytest.fixture(autouse=True)
def _steady(monkeypatch, tmp_path):
    """No record but the test's own, and a source that nobody edits meanwhile."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(store, "source_fingerprint", lambda: "0" * 64)
    monkeypatch.setattr(matrix, "source_fingerprint", lambda: "0" * 64)
    Path("TRIALS.jsonl").write_text("")


def run(path, request=None, *, jobs=1, life=planted_life, **options):
    plan = plan_matrix(request or AblationRequest(regions=REGIONS_ASKED, seeds=2, history=SPAN), LifeConfig())
    return run_matrix(
        plan, MatrixStore(path), date="2026-01-01", jobs=jobs, life=life, samples=400, **options
    )


def by_name(summary, part="selection"):
    return {v["name"]: v for v in summary["parts"][part]["variants"]}


def test_planted_regions_help_hurt_and_make_no_difference(tmp_path):
    found = by_name(run(tmp_path / "m"))
    assert found["amygdala"]["verdict"] == "helps"
    assert found["amygdala"]["figures"]["sharpe"]["low"] > 0.0
    assert found["cortex"]["verdict"] == "hurts"
    same = found["visual_cortex"]["figures"]
    assert {(c["gained"], c["low"], c["high"], c["p_holm"]) for c in same.values()} == {(0.0, 0.0, 0.0, 1.0)}
    chance = found["thalamus"]
    assert chance["verdict"] == "no difference"
    assert chance["figures"]["sharpe"]["low"] < 0.0 < chance["figures"]["sharpe"]["high"]
    saved = found["cerebellum"]["figures"]["costs_bps"]
    assert saved["gained"] == pytest.approx(1e4 * 252 * 1e-5)


def test_words_and_pages_say_what_the_table_says(tmp_path):
    summary = run(tmp_path / "m")
    words = " ".join(page.in_words(summary))
    assert "amygdala helps: net Sharpe" in words
    assert "cortex hurts" in words
    assert "thalamus makes no difference that chance could not explain" in words
    table = page.markdown(summary)
    assert table.count("\n| ") >= len(REGIONS_ASKED)
    assert all(len(row) == len(page.COLUMNS) for row in page.rows(summary["parts"]["selection"], "region"))
    html = page.page(summary)
    assert html.startswith("<!doctype html>")
    assert "plotly" in html


def test_serial_and_parallel_are_the_same_to_the_byte(tmp_path):
    run(tmp_path / "one")
    run(tmp_path / "two", jobs=2)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert len(files) == 2 + 2 * (1 + len(REGIONS_ASKED))
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_a_killed_matrix_goes_on_to_the_same_table(tmp_path):
    """Killed with -9 by the system, mid-life: nothing lived is lived again, workers end by themselves."""
    code = (
        "from janus_trader.research.ablation import *\n"
        "from janus_trader.research.ablation import matrix, store\n"
        "from janus_trader.runs.history import HistoryRequest\n"
        "from janus_trader.runs.settings import LifeConfig\n"
        "from unit.research.ablation.planted import slow_life\n"
        "import sys\n"
        "if __name__ == '__main__':\n"
        "    store.source_fingerprint = matrix.source_fingerprint = lambda: '0' * 64\n"
        f"    history = HistoryRequest(start={SPAN.start!r}, end={SPAN.end!r}, symbols=('AAPL', 'KO'), warmup_bars=0)\n"
        f"    request = AblationRequest(regions={REGIONS_ASKED!r}, seeds=2, history=history)\n"
        "    if sys.argv[1] == 'begin':\n"
        "        plan = plan_matrix(request, LifeConfig())\n"
        "    else:\n"
        "        plan = resumed_plan(MatrixStore('killed'))\n"
        "    run_matrix(plan, MatrixStore('killed'), date='2026-01-01', jobs=2, life=slow_life, samples=400,\n"
        "               resume=sys.argv[1] != 'begin')\n"
    )
    (tmp_path / "go.py").write_text(code)
    tests = str(Path(__file__).resolve().parents[3])
    log = tmp_path / "lived.log"
    env = {**os.environ, "PYTHONPATH": tests, "PLANTED_LOG": str(log), "PLANTED_S": "0.4"}
    command = [sys.executable, "go.py"]
    process = subprocess.Popen([*command, "begin"], cwd=tmp_path, env=env)
    deadline = time.monotonic() + 120.0
    while len(list((tmp_path / "killed").glob("lives/*.bin"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "killed" / "lives").glob("*.bin")}
    assert 3 <= len(kept) < 12
    time.sleep(1.5)  # orphans see within a second that nobody asks any more
    begun = len(log.read_text().splitlines())
    subprocess.run([*command, "resume"], cwd=tmp_path, env={**env, "PLANTED_S": "0"}, check=True, timeout=120)
    lived = log.read_text().splitlines()[begun:]
    assert len([name for name in lived if not name.startswith("warm-up")]) == 12 - len(kept)
    now = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "killed" / "lives").glob("*.bin")}
    assert len(now) == 12
    assert all(now[name] == stamp for name, stamp in kept.items())
    resumed = json.loads((tmp_path / "killed" / "summary.json").read_bytes())
    assert json.dumps(resumed["parts"]) == json.dumps(run(tmp_path / "straight")["parts"])


def test_a_stopped_matrix_keeps_its_lives_and_is_one_trial(tmp_path):
    lived = []

    def counted(task, tell):
        lived.append(task.name)
        return planted_life(task, tell)

    request = AblationRequest(regions=("amygdala",), seeds=2, history=SPAN, record=True)
    with pytest.raises(Stopped):
        run(tmp_path / "m", request, life=counted, stop=lambda: len(lived) >= 2)
    again = resumed_plan(MatrixStore(tmp_path / "m"))
    summary = run_matrix(
        again, MatrixStore(tmp_path / "m"), date="x", jobs=1, life=counted, samples=400, resume=True
    )
    assert len(lived) == 5  # the second was stopped in its middle
    assert summary["parts"] == run(tmp_path / "straight", request)["parts"]
    assert [t["kind"] for t in read_trials(Path("TRIALS.jsonl"))] == ["ablation", "ablation"]


def test_lives_of_other_source_are_lived_again(tmp_path, monkeypatch):
    run(tmp_path / "m")
    monkeypatch.setattr(store, "source_fingerprint", lambda: "1" * 64)
    lived = []

    def counted(task, tell):
        lived.append(task.name)
        return planted_life(task, tell)

    plan = resumed_plan(MatrixStore(tmp_path / "m"))
    run_matrix(plan, MatrixStore(tmp_path / "m"), date="x", jobs=1, life=counted, samples=400, resume=True)
    assert len(lived) == plan.lives


def test_a_damaged_life_is_told(tmp_path):
    run(tmp_path / "m")
    victim = next((tmp_path / "m" / "lives").iterdir())
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    plan = resumed_plan(MatrixStore(tmp_path / "m"))
    with pytest.raises(IntegrityError, match="damaged"):
        run_matrix(plan, MatrixStore(tmp_path / "m"), date="x", jobs=1, life=planted_life, resume=True)


def test_a_directory_in_use_is_refused(tmp_path):
    run(tmp_path / "m")
    with pytest.raises(DataError, match="already holds a matrix"):
        run(tmp_path / "m")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("")
    with pytest.raises(DataError, match="something else"):
        run(tmp_path / "other")
    with pytest.raises(DataError, match="no matrix"):
        resumed_plan(MatrixStore(tmp_path / "nowhere"))


# ---------------------------------------------------------------------- the holdout and the record


@pytest.mark.parametrize("end", ["2018-01-02", "2022-12-28"])
@pytest.mark.parametrize("world", ["real", "shuffled", "bootstrap"])
def test_without_holdout_nothing_after_the_selection_period_is_asked_for(end, world):
    with pytest.raises(ConfigError, match="holdout"):
        plan_matrix(AblationRequest(history=HistoryRequest(end=end, world=world)), LifeConfig())


def test_without_holdout_no_life_sees_a_day_after_the_selection_period(tmp_path):
    seen = []

    def watched(task, tell):
        seen.append(iso(int(matrix.history_of(task.request).panel.ts[-1])))
        return planted_life(task, tell)

    history = HistoryRequest(start="2017-01-03", symbols=("AAPL", "KO"))
    run(tmp_path / "m", AblationRequest(regions=("amygdala",), seeds=1, history=history), life=watched)
    assert seen == ["2017-12-29", "2017-12-29"]
    assert read_trials(Path("TRIALS.jsonl")) == []


def test_the_holdout_is_on_the_record_before_it_is_opened_and_judged_apart(tmp_path):
    at_first_life = []

    def watched(task, tell):
        at_first_life.append(read_trials(Path("TRIALS.jsonl")))
        return planted_life(task, tell)

    history = HistoryRequest(start="2016-01-04", symbols=("AAPL", "KO"), warmup_bars=0)
    request = AblationRequest(regions=("amygdala",), seeds=1, history=history, holdout=True, record=False)
    summary = run(tmp_path / "m", request, life=watched)
    assert [t["kind"] for t in at_first_life[0]] == ["holdout"]
    assert at_first_life[0][0]["note"].startswith("ablation of amygdala")
    assert len(read_trials(Path("TRIALS.jsonl"))) == 1
    selection, held_out = summary["parts"]["selection"], summary["parts"]["held out"]
    assert selection["end"] <= SELECTION_END < held_out["start"]
    assert held_out["end"] > "2022-01-01"
    plan = resumed_plan(MatrixStore(tmp_path / "m"))
    run_matrix(plan, MatrixStore(tmp_path / "m"), date="x", jobs=1, life=planted_life, resume=True)
    assert len(read_trials(Path("TRIALS.jsonl"))) == 1


@pytest.mark.parametrize(
    "history",
    [
        HistoryRequest(world="shuffled"),
        HistoryRequest(world="simulated:calm"),
        HistoryRequest(end="2016-12-30"),
    ],
)
def test_a_holdout_that_is_none_is_refused(history):
    with pytest.raises(ConfigError, match=r"holdout"):
        plan_matrix(AblationRequest(history=history, holdout=True), LifeConfig())


def test_only_judgements_on_the_whole_selection_period_are_trials_unless_said_otherwise():
    def recorded(record=None, **history):
        request = AblationRequest(history=HistoryRequest(**history), record=record)
        return plan_matrix(request, LifeConfig()).recorded

    assert recorded()
    assert not recorded(record=False)
    assert not recorded(start="2016-01-04")
    assert not recorded(symbols=("AAPL",))
    assert not recorded(world="shuffled")
    assert recorded(record=True, start="2016-01-04")


def test_a_recorded_matrix_counts_its_configurations_once(tmp_path):
    request = AblationRequest(regions=("amygdala", "cortex"), seeds=1, history=SPAN, record=True)
    run(tmp_path / "m", request)
    trials = read_trials(Path("TRIALS.jsonl"))
    assert [t["kind"] for t in trials] == ["ablation"]
    assert trial_count(trials) == 3


# ---------------------------------------------------------------------- what can be taken away


def test_regions_default_to_all_ten():
    plan = plan_matrix(AblationRequest(), LifeConfig())
    assert [v.name for v in plan.variants] == list(REGIONS)
    assert plan.lives == 33
    assert plan.request.history.end == SELECTION_END


def test_every_mechanism_of_the_catalogue_is_a_configuration_of_the_product():
    config = LifeConfig()
    for variant in mechanism_variants(["all"], config):
        changed = variant_config(config, variant)
        assert changed.fingerprint != config.fingerprint, variant.name


def test_every_learner_of_the_brain_can_be_frozen():
    names = {v.name for v in mechanism_variants(["all"], LifeConfig())}
    assert names == {*MECHANISMS, *(f"freeze:{name}" for name in learner_names(LifeConfig()))}
    assert "freeze:opal" in names


@pytest.mark.parametrize(
    ("regions", "mechanisms", "near"),
    [(("amygdla",), (), "amygdala"), ((), ("lerning",), "learning"), ((), ("freeze:opl",), "freeze:opal")],
)
def test_unknown_names_are_refused_with_a_near_one(regions, mechanisms, near):
    with pytest.raises(ConfigError) as refused:
        plan_matrix(AblationRequest(regions=regions, mechanisms=mechanisms), LifeConfig())
    assert near in refused.value.remedy


def test_an_overlay_with_an_unknown_key_names_the_mechanism_and_the_key(monkeypatch):
    broken = variant_of("vision", "brain.visual_cortex.no_such_key=true")
    monkeypatch.setitem(MECHANISMS, "vision", broken)
    with pytest.raises(ConfigError, match="mechanism vision cannot be switched") as refused:
        plan_matrix(AblationRequest(regions=(), mechanisms=("vision",)), LifeConfig())
    assert "no_such_key" in str(refused.value)


def variant_of(name, *settings):
    from janus_trader.research.ablation.mechanisms import Variant

    return Variant(name, "mechanism", "", settings)


def test_lists_of_the_whole_are_added_to():
    config = build(LifeConfig, [parse_setting('brain.neutral=["thalamus"]')])
    changed = variant_config(config, region_variants(["cortex"])[0])
    assert changed.brain.neutral == ("thalamus", "cortex")


def test_an_added_mechanism_is_judged_with_against_without(tmp_path, monkeypatch):
    from janus_trader.research.ablation.mechanisms import Variant

    adds = Variant("extra", "mechanism", "", ('brain.neutral=["cortex"]',), adds=True)
    monkeypatch.setitem(MECHANISMS, "extra", adds)
    request = AblationRequest(regions=(), mechanisms=("extra",), seeds=1, history=SPAN)
    cell = by_name(run(tmp_path / "m", request))["extra"]
    assert cell["verdict"] == "helps"
    assert cell["figures"]["sharpe"]["without"] == pytest.approx(
        json.loads((tmp_path / "m" / "summary.json").read_bytes())["parts"]["selection"]["whole"]["sharpe"]
    )


def test_too_few_days_are_refused(tmp_path):
    history = msgspec.structs.replace(SPAN, end="2006-02-10")
    with pytest.raises(DataError, match="too little history"):
        run(tmp_path / "m", AblationRequest(regions=("amygdala",), seeds=1, history=history))
