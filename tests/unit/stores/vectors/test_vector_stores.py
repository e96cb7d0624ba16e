"""One set of laws over every vector store."""

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError, Unreachable
from janus_trader.contracts.protocols import Stateful
from janus_trader.foundation.config import build
from janus_trader.stores.vectors import ExactVectorStore, QdrantVectorStore, VectorsConfig, open_store
from support.qdrant_server import FakeQdrant

SIZE = 6


class Exact:
    def __init__(self, path):
        self.path = path / "vectors.bin"

    def open(self):
        return ExactVectorStore(SIZE, self.path)

    def close(self, store):
        pass

    def end(self):
        pass


class Embedded(Exact):
    def __init__(self, path):
        self.path = path / "qdrant"

    def open(self):
        return QdrantVectorStore(SIZE, "schemas", path=self.path)

    def close(self, store):
        store.close()


class Server(Embedded):
    def __init__(self, path):
        self.server = FakeQdrant()

    def open(self):
        return QdrantVectorStore(SIZE, "schemas", url=self.server.url)

    def end(self):
        self.server.close()


@pytest.fixture(params=[Exact, Embedded, Server])
def kind(request, tmp_path):
    kind = request.param(tmp_path)
    yield kind
    kind.end()


@pytest.fixture
def store(kind):
    store = kind.open()
    yield store
    kind.close(store)


@pytest.fixture
def filled(store):
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((24, SIZE))
    payloads = [
        {"night": int(i % 3), "regime": "BULL" if i % 2 else "BEAR", "reward": i / 10} for i in range(24)
    ]
    store.upsert(range(100, 124), vectors, payloads)
    return store, vectors, payloads


def alike(a, b):
    """The same keys and payloads; cosines to single precision, which Qdrant keeps."""
    same = [row[::2] for row in a] == [row[::2] for row in b]
    return same and np.allclose([row[1] for row in a], [row[1] for row in b], atol=1e-6)


def brute_force(vectors, query, k, keep):
    cosine = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    order = [i for i in np.argsort(-cosine, kind="stable") if keep(i)]
    return [100 + i for i in order[:k]], cosine[order[:k]]


def test_search_is_that_of_brute_force(filled):
    store, vectors, payloads = filled
    for seed in range(5):
        query = np.random.default_rng(seed).standard_normal(SIZE)
        keys, cosines = brute_force(vectors, query, 7, lambda i: True)
        found = store.search(query, 7)
        assert [key for key, _, _ in found] == keys
        assert np.allclose([s for _, s, _ in found], cosines, atol=1e-6)
        assert all(payload == payloads[key - 100] for key, _, payload in found)


def test_filters_keep_only_what_matches(filled):
    store, vectors, _ = filled
    query = np.ones(SIZE)
    keys, _ = brute_force(vectors, query, 24, lambda i: i % 3 == 2 and i % 2)
    found = store.search(query, 24, {"night": 2, "regime": "BULL"})
    assert [key for key, _, _ in found] == keys
    assert store.search(query, 5, {"night": 9}) == []
    assert store.search(query, 5, {"absent": 1}) == []


def test_keys_are_all_or_those_a_filter_keeps(filled, monkeypatch):
    monkeypatch.setattr("janus_trader.stores.vectors.qdrant._BATCH", 5)  # several pages
    store, _, _ = filled
    assert store.keys() == list(range(100, 124))
    assert store.keys({"night": 2, "regime": "BULL"}) == [105, 111, 117, 123]
    assert store.keys({"night": 9}) == []
    store.delete(range(100, 120))
    assert store.keys() == [120, 121, 122, 123]


def test_many_vectors_go_in_several_requests(store, monkeypatch):
    monkeypatch.setattr("janus_trader.stores.vectors.qdrant._BATCH", 7)
    store.upsert(range(20), np.random.default_rng(0).standard_normal((20, SIZE)), [{}] * 20)
    assert len(store) == 20


def test_length_of_a_vector_does_not_matter(store):
    store.upsert([1], 1e3 * np.eye(SIZE)[:1], [{}])
    assert store.search(1e-6 * np.eye(SIZE)[0], 1)[0][1] == pytest.approx(1.0, abs=1e-6)


def test_upsert_replaces_and_is_idempotent(filled):
    store, vectors, payloads = filled
    before = store.search(np.ones(SIZE), 24)
    store.upsert(range(100, 124), vectors, payloads)
    assert len(store) == 24
    assert alike(store.search(np.ones(SIZE), 24), before)
    store.upsert([100], np.ones((1, SIZE)), [{"new": True}])
    assert len(store) == 24
    key, cosine, payload = store.search(np.ones(SIZE), 1)[0]
    assert (key, payload) == (100, {"new": True})
    assert cosine == pytest.approx(1.0, abs=1e-6)


def test_deleted_vectors_are_not_found_again(filled):
    store, vectors, _ = filled
    store.delete([103, 123, 100, 77777])
    assert len(store) == 21
    keys, _ = brute_force(vectors, np.ones(SIZE), 24, lambda i: i not in (3, 23, 0))
    assert [key for key, _, _ in store.search(np.ones(SIZE), 24)] == keys
    store.delete([])
    store.upsert([103], vectors[3:4], [{}])
    assert len(store) == 22


def test_contents_survive_reopening(kind):
    store = kind.open()
    store.upsert([5, 2], np.eye(SIZE)[:2], [{"a": 1}, {"b": "x"}])
    store.delete([5])
    kind.close(store)
    again = kind.open()
    assert len(again) == 1
    assert again.search(np.eye(SIZE)[1], 3)[0][::2] == (2, {"b": "x"})
    kind.close(again)


def test_of_equal_cosines_the_smaller_key_comes_first(store):
    store.upsert([9, 3, 6], np.ones((3, SIZE)), [{}, {}, {}])
    assert [key for key, _, _ in store.search(np.ones(SIZE), 3)] == [3, 6, 9]


def test_an_empty_store_finds_nothing(store):
    assert len(store) == 0
    assert store.search(np.ones(SIZE), 3) == []
    store.upsert([], np.empty((0, SIZE)), [])
    assert len(store) == 0


@pytest.mark.parametrize(
    "batch",
    [
        ([1], np.zeros((1, SIZE)), [{}]),
        ([1], np.full((1, SIZE), np.nan), [{}]),
        ([1], np.ones((1, SIZE + 1)), [{}]),
        ([1, 1], np.ones((2, SIZE)), [{}, {}]),
        ([-1], np.ones((1, SIZE)), [{}]),
        ([1], np.ones((1, SIZE)), []),
    ],
)
def test_unusable_vectors_are_refused_and_change_nothing(filled, batch):
    store, _, _ = filled
    before = store.search(np.ones(SIZE), 24)
    with pytest.raises(DataError):
        store.upsert(*batch)
    assert alike(store.search(np.ones(SIZE), 24), before)


@pytest.mark.parametrize(
    ("query", "k", "filters"),
    [
        (np.zeros(SIZE), 1, None),
        (np.ones(2), 1, None),
        (np.ones(SIZE), 0, None),
        (np.ones(SIZE), 1, {"reward": 0.5}),
    ],
)
def test_unusable_queries_are_refused(store, query, k, filters):
    with pytest.raises(DataError):
        store.search(query, k, filters)


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "vectors.bin"
    store = ExactVectorStore(SIZE, path)
    store.upsert([1], np.ones((1, SIZE)), [{}])
    raw = path.read_bytes()
    for bad in (raw[:-1], raw[:20] + b"x" + raw[21:], b"", raw[:-3] + b"abc"):
        path.write_bytes(bad)
        with pytest.raises(IntegrityError, match="damaged"):
            ExactVectorStore(SIZE, path)
    path.write_bytes(raw)
    with pytest.raises(IntegrityError, match="another size"):
        ExactVectorStore(SIZE + 1, path)


def test_snapshot_does_not_depend_on_history(tmp_path):
    one, two = ExactVectorStore(2), ExactVectorStore(2)
    one.upsert([1, 2], np.eye(2), [{}, {}])
    two.upsert([3, 2], np.eye(2)[::-1].copy(), [{}, {}])
    two.delete([3])
    two.upsert([1], np.eye(2)[:1], [{}])
    two.upsert([2], np.eye(2)[1:], [{}])
    assert one.snapshot() == two.snapshot()
    assert isinstance(one, Stateful)
    one.reset()
    assert len(one) == 0
    one.restore(two.snapshot())
    assert one.search(np.array([0.0, 1.0]), 1)[0][0] == 2


def test_a_collection_of_another_kind_is_refused(tmp_path):
    QdrantVectorStore(3, "c", path=tmp_path).close()
    with pytest.raises(IntegrityError, match="another kind"):
        QdrantVectorStore(4, "c", path=tmp_path)
    with pytest.raises(ConfigError):
        QdrantVectorStore(4, "c", path=tmp_path, url="http://localhost:1")


def test_a_server_is_asked_again_and_told_the_key(monkeypatch):
    monkeypatch.setattr("janus_trader.stores.vectors.qdrant._PAUSE_S", 0.0)
    monkeypatch.setenv("JANUS_QDRANT_API_KEY", "secret")
    server = FakeQdrant(failures=2)
    try:
        with pytest.warns(UserWarning, match="insecure"):
            store = QdrantVectorStore(SIZE, "c", url=server.url)
        assert len(store) == 0
        assert {key for _, _, key in server.requests} == {"secret"}
        assert [path for _, path, _ in server.requests[:3]] == ["/collections/c/exists"] * 3
        server.failures = 9
        with pytest.raises(DataError, match="does not answer"):
            len(store)
        store.close()
    finally:
        server.close()


def test_a_missing_server_is_a_clear_error(monkeypatch):
    monkeypatch.setattr("janus_trader.stores.vectors.qdrant._PAUSE_S", 0.0)
    with pytest.raises(DataError, match="does not answer"):
        QdrantVectorStore(SIZE, "c", url="http://127.0.0.1:9", timeout_s=1)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # the client leaves its lock open
def test_a_folder_in_use_is_a_clear_error(tmp_path):
    store = QdrantVectorStore(SIZE, "c", path=tmp_path)
    with pytest.raises(Unreachable, match="cannot be opened"):
        QdrantVectorStore(SIZE, "c", path=tmp_path)
    store.close()


def test_names_that_are_no_integers_are_not_ours():
    store = QdrantVectorStore(2, "c")
    point = store._models.PointStruct(
        id="550e8400-e29b-41d4-a716-446655440000", vector=[1.0, 0.0], payload={}
    )
    store._client.upsert("c", points=[point])
    assert (len(store), store.keys(), store.search(np.ones(2), 3)) == (1, [], [])
    store.close()


def test_a_section_names_its_store(tmp_path):
    exact = open_store(build(VectorsConfig, [{"path": "memory.vec"}]), 3, tmp_path)
    assert exact.path == tmp_path / "memory.vec"
    assert open_store(VectorsConfig(path="memory.vec").in_process(), 3, tmp_path).path is None
    local = open_store(VectorsConfig(kind="qdrant", path="q", collection="days"), 3, tmp_path)
    assert (local.collection, (tmp_path / "q").is_dir()) == ("days", True)
    local.close()


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"url": "http://localhost:6333"}, "kind = qdrant"),
        ({"kind": "qdrant", "url": "http://localhost:6333", "path": "q"}, "without a path"),
        ({"kind": "qdrant", "url": "http://me:secret@localhost:6333"}, "JANUS_QDRANT_API_KEY"),
        ({"kind": "faiss"}, "kind"),
    ],
)
def test_a_section_that_cannot_be_meant_is_refused(section, expected):
    with pytest.raises(ConfigError, match=expected):
        build(VectorsConfig, [section])


def test_a_url_that_is_none_is_a_clear_error():
    with pytest.raises(ConfigError, match="http://host:port"):
        QdrantVectorStore(2, "c", url="ftp://host:1")
