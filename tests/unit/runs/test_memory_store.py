import numpy as np
import pytest

from janus_trader.contracts.errors import IntegrityError, Unreachable
from janus_trader.foundation.config import build
from janus_trader.runs.memory_store import MemoryStore, kept_memory, own_memory
from janus_trader.runs.settings import LifeConfig
from janus_trader.stores.run_directory import RunDirectory
from janus_trader.stores.vectors import ExactVectorStore

SEARCHED = {"brain": {"hippocampus": {"search": "store"}}}


class Failing(ExactVectorStore):
    """A store that can be switched off."""

    off, calls = False, 0

    def _call(self):
        self.calls += 1
        if self.off:
            raise Unreachable("the store is switched off")

    def upsert(self, *arguments):
        self._call()
        super().upsert(*arguments)

    def search(self, *arguments):
        self._call()
        return super().search(*arguments)


def remember(memory, *keys):
    memory.upsert(keys, np.eye(8)[[key % 8 for key in keys]], [{"ts_event": key} for key in keys])


def found(memory):
    return sorted(key for key, _, _ in memory.search(np.ones(8), 8))


def test_vectors_carry_the_name_of_the_run():
    store = ExactVectorStore(8)
    memory = MemoryStore(store, "one")
    remember(memory, 1, 2)
    memory.delete([1, 5])
    assert len(memory) == len(store) == 1
    assert memory.keys({"run": "one"}) == [2]
    assert store.search(np.ones(8), 1)[0][2] == {"ts_event": 2, "run": "one"}


def test_what_the_run_left_goes_and_what_others_left_is_refused():
    store = ExactVectorStore(8)
    remember(MemoryStore(store, "one"), 1)
    first = MemoryStore(store, "one")
    remember(first, 1, 2)
    first.close()
    assert store.keys() == [1, 2]
    with pytest.raises(IntegrityError, match="2 other vectors"):
        MemoryStore(store, "two")
    assert store.keys() == [1, 2]  # nothing was changed
    assert len(MemoryStore(store, "one")) == 0


def test_a_store_that_is_away_is_silent_asked_ever_less_often_and_told_when_it_is_back():
    store, said = Failing(8), []
    memory = MemoryStore(store, "one")
    memory.tell = said.append
    remember(memory, 1, 2)
    assert found(memory) == [1, 2]
    store.off, store.calls = True, 0
    remember(memory, 3)
    memory.delete([1])
    assert [found(memory) for _ in range(200)] == [[]] * 200
    assert memory.silent == 200
    assert store.calls == 9  # 1, 2, 4, ... and then always 64 pass in between
    store.off = False
    while not (again := found(memory)):
        pass
    assert again == [2, 3]
    assert len(said) == 2
    assert "switched off" in said[0]
    assert "again" in said[1]


def test_a_store_that_comes_back_without_its_memories_is_not_believed():
    store, said = Failing(8), []
    memory = MemoryStore(store, "one")
    memory.tell = said.append
    remember(memory, 1, 2)
    assert found(memory) == [1, 2]
    store.off = True
    assert found(memory) == []
    store.off = False
    ExactVectorStore.delete(store, [1])
    assert [found(memory) for _ in range(20)] == [[]] * 20
    assert len(said) == 1


def test_a_store_that_cannot_be_told_at_the_end_is_let_go():
    store = Failing(8)
    memory = MemoryStore(store, "one")
    remember(memory, 1)
    store.off = True
    memory.close()
    assert len(store) == 0


def test_a_disk_that_is_full_is_silence_not_a_crash(tmp_path, monkeypatch):
    memory = MemoryStore(ExactVectorStore(8, tmp_path / "memory.vec"), "one")
    remember(memory, 1)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("janus_trader.stores.vectors.exact.write_atomic", full)
    assert (found(memory), memory.silent) == ([], 1)


def test_only_a_brain_that_searches_a_store_has_one(tmp_path):
    directory = RunDirectory(tmp_path)
    with kept_memory(LifeConfig(), directory, "one") as memory:
        assert memory is None
    assert own_memory(LifeConfig()) is None
    config = build(LifeConfig, [SEARCHED, {"vectors": {"path": "memory.vec"}}])
    own = own_memory(config)
    remember_codes(own)
    assert not (tmp_path / "memory.vec").exists()  # of the run alone
    with kept_memory(config, directory, "one") as memory:
        remember_codes(memory)
    assert ExactVectorStore(128, tmp_path / "memory.vec").keys({"run": "one"}) == [4]


def remember_codes(memory):
    memory.upsert([4], np.ones((1, 128)), [{}])
    assert len(memory.search(np.ones(128), 3)) == 1
