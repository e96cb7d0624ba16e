import json
from pathlib import Path

import numpy as np
import pytest

from janus_trader.contracts.errors import ConfigError
from janus_trader.data.sources.cryptopanic import KEY as CRYPTOPANIC_KEY
from janus_trader.data.sources.cryptopanic import CryptoPanic
from janus_trader.data.sources.newsapi import KEY as NEWSAPI_KEY
from janus_trader.data.sources.newsapi import NewsApi
from janus_trader.data.sources.openweathermap import KEY as OPENWEATHERMAP_KEY
from janus_trader.data.sources.openweathermap import OpenWeatherMap, Place
from janus_trader.data.sources.remote import Outcome, Remote, RemoteConfig, Request, known_at, time_ns
from janus_trader.data.sources.swpc import SpaceWeather, storm_level
from janus_trader.foundation.clock import ManualClock
from janus_trader.foundation.resilience import BreakerConfig, BreakerState, RateLimitConfig, RetryConfig
from support.web_service import web_service

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "synthetic_senses"
NOON = time_ns("2024-03-01T12:00:00Z", "test")
SECRET = "s3cret-key"
HOUR = 3600 * 10**9


@pytest.fixture
def service():
    with web_service() as found:
        yield found


@pytest.fixture
def keys(monkeypatch):
    for name in (NEWSAPI_KEY, CRYPTOPANIC_KEY, OPENWEATHERMAP_KEY):
        monkeypatch.setenv(name, SECRET)


class Slept(list):
    """A sleep that only notes how long and moves the clock."""

    def __init__(self, clock):
        self.clock = clock

    def __call__(self, seconds):
        self.append(seconds)
        self.clock.advance_to(self.clock.now_ns() + round(seconds * 1e9))


def remote(url, timeout_s=2.0, attempts=3, failures=5, now=NOON + HOUR, **changes):
    clock = ManualClock(now)
    config = RemoteConfig(
        timeout_s=timeout_s,
        retry=RetryConfig(attempts=attempts, first_delay_s=1.0, longest_delay_s=8.0),
        breaker=BreakerConfig(failures=failures, open_s=60.0),
        rate=RateLimitConfig(**changes) if changes else RateLimitConfig(per_minute=6000.0, burst=100),
    )
    return Remote("service", url, config, clock, sleep=Slept(clock))


def fixture(name):
    return (FIXTURES / name).read_bytes()


def test_newsapi_articles_become_headlines(service, keys):
    service.answer(fixture("newsapi_everything.json"))
    got = NewsApi(remote(service.url)).headlines("acme", since_ns=NOON - HOUR)
    assert got.ok
    assert [h.title.split(":")[1].split()[0] for h in got.value] == [
        "Acme",
        "Bolt",
    ]  # taken-down and untitled left out
    first, second = got.value
    assert (first.source, first.ts_event, first.ts_init) == ("newsapi:Synthetic Wire", NOON, NOON + HOUR)
    assert (first.body, second.source, second.body) == (
        "Synthetic: record profit.",
        "newsapi:synthetic-times",
        "",
    )
    path, parameters, headers = service.requests[0]
    assert path == "/v2/everything"
    assert parameters == {
        "q": "acme",
        "language": "en",
        "sortBy": "publishedAt",
        "pageSize": "100",
        "from": "2024-03-01T11:00:00",
    }
    assert headers["X-Api-Key"] == SECRET


def test_newsapi_error_in_a_good_answer_is_a_refusal(service, keys):
    service.answer(fixture("newsapi_error.json"))
    got = NewsApi(remote(service.url)).headlines("acme")
    assert (got.outcome, got.value) == (Outcome.REFUSED, None)
    assert "apiKeyInvalid" in got.detail


def test_cryptopanic_posts_become_headlines(service, keys):
    service.answer(fixture("cryptopanic_posts.json"))
    got = CryptoPanic(remote(service.url)).headlines(["BTC", "ETH"])
    assert [h.symbols for h in got.value] == [("BTC",), ("ETH", "BTC")]
    assert got.value[0].source == "cryptopanic:news.example"
    assert got.value[1].ts_event == NOON - HOUR + 500_000_000
    assert service.requests[0][:2] == (
        "/posts/",
        {"public": "true", "currencies": "BTC,ETH", "auth_token": SECRET},
    )


def test_weather_is_the_weighted_mean_of_the_places(service, keys):
    warm = json.loads(fixture("openweathermap_weather.json"))
    cold = {"main": {"temp": -2.5}, "dt": warm["dt"] - 600}
    service.answer(warm)
    service.answer(cold)
    got = OpenWeatherMap(remote(service.url)).reading([Place(50.0, 10.0), Place(60.0, 20.0, 3.0)])
    assert got.value.values == {
        "temperature_c": pytest.approx((7.5 - 3 * 2.5) / 4),
        "pressure_hpa": 1012.0,
        "humidity_pct": 81.0,
        "wind_m_s": 4.1,
        "clouds_pct": 90.0,
        "rain_mm_1h": pytest.approx(0.1),
    }
    assert (got.value.quality, got.value.ts_event, got.value.ts_init) == (1.0, NOON, NOON + HOUR)
    assert service.requests[1][1] == {"lat": "60.0000", "lon": "20.0000", "units": "metric", "appid": SECRET}


def test_a_place_without_weather_lowers_the_quality(service, keys):
    service.answer(fixture("openweathermap_weather.json"))
    service.answer({"cod": "404", "message": "synthetic"}, 404)
    got = OpenWeatherMap(remote(service.url)).reading([Place(50.0, 10.0, 3.0), Place(0.0, 0.0, 1.0)])
    assert got.value.quality == 0.75
    service.answers[:] = []
    service.answer({"cod": 401}, 401)
    refused = OpenWeatherMap(remote(service.url)).reading([Place(0.0, 0.0), Place(1.0, 1.0)])
    assert refused.outcome is Outcome.UNAUTHORISED
    assert len(service.requests) == 3  # the second place is not asked with a refused key


@pytest.mark.parametrize("name", ["swpc_k_index_rows.json", "swpc_k_index_objects.json"])
def test_both_forms_of_the_k_index(service, name):
    service.answer(fixture(name))
    got = SpaceWeather(remote(service.url)).reading()
    assert got.value.values == {"kp": 4.0, "kp_max_24h": 5.67, "g_scale": 0.0, "a_running": 27.0}
    assert (got.value.ts_event, got.value.ts_init) == (NOON, NOON + HOUR)


def test_storm_levels_are_the_published_scale():
    assert [storm_level(k) for k in (0.0, 4.99, 5.0, 6.33, 7.0, 8.0, 9.0)] == [0, 0, 1, 2, 3, 4, 5]


def test_without_a_key_nothing_is_asked(service, monkeypatch):
    for name in (NEWSAPI_KEY, CRYPTOPANIC_KEY, OPENWEATHERMAP_KEY):
        monkeypatch.delenv(name, raising=False)
    r = remote(service.url)
    answers = [
        NewsApi(r).headlines("x"),
        CryptoPanic(r).headlines(),
        OpenWeatherMap(r).reading([Place(0.0, 0.0)]),
    ]
    assert [a.outcome for a in answers] == [Outcome.NO_KEY] * 3
    assert all("environment variable" in a.detail for a in answers)
    assert service.requests == []


@pytest.mark.parametrize(
    ("status", "outcome", "asked"),
    [
        (401, Outcome.UNAUTHORISED, 1),
        (403, Outcome.UNAUTHORISED, 1),
        (400, Outcome.REFUSED, 1),
        (404, Outcome.REFUSED, 1),
        (301, Outcome.REFUSED, 1),
        (429, Outcome.RATE_LIMITED, 3),
        (500, Outcome.UNAVAILABLE, 3),
        (503, Outcome.UNAVAILABLE, 3),
    ],
)
def test_what_each_status_means(service, status, outcome, asked, keys):
    service.answer(b"no", status, {"Location": "http://127.0.0.1:1/elsewhere"})
    got = NewsApi(remote(service.url)).headlines("x")
    assert (got.outcome, got.attempts, len(service.requests)) == (outcome, asked, asked)
    assert got.value is None
    assert str(status) in got.detail
    assert SECRET not in repr(got)


def test_a_passing_failure_is_tried_again_and_retry_after_is_heeded(service):
    service.answer(b"", 503)
    service.answer(b"", 429, {"Retry-After": "5"})
    service.answer(fixture("swpc_k_index_rows.json"))
    r = remote(service.url)
    got = SpaceWeather(r).reading()
    assert (got.ok, got.attempts) == (True, 3)
    assert list(r._sleep) == [1.0, 5.0]
    assert got.ts_init == NOON + HOUR + 6 * 10**9  # when the answer came, not when it was first asked for
    service.answers[:] = []
    service.answer(b"", 429, {"Retry-After": "86400"})
    patient = remote(service.url)
    SpaceWeather(patient).reading()
    assert max(patient._sleep) <= 8.0  # nobody makes us wait a day


@pytest.mark.parametrize("fault", ["drop", "partial", "slow", "drip"])
def test_broken_answers_are_unreachable_then_recover(service, fault):
    good = fixture("swpc_k_index_rows.json")
    service.answer(good, fault=fault)
    service.answer(good)
    got = SpaceWeather(remote(service.url, timeout_s=0.4)).reading()
    assert (got.ok, got.attempts) == (True, 2)
    service.answers[:] = []
    service.answer(good, fault=fault)
    gone = SpaceWeather(remote(service.url, timeout_s=0.3, attempts=2)).reading()
    assert (gone.outcome, gone.value, gone.attempts) == (Outcome.UNREACHABLE, None, 2)


def test_nobody_listening_is_unreachable():
    got = SpaceWeather(remote("http://127.0.0.1:9", timeout_s=0.5, attempts=2)).reading()
    assert got.outcome is Outcome.UNREACHABLE
    assert SpaceWeather(remote("http://", attempts=1)).reading().outcome is Outcome.UNREACHABLE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>garbage</html>",
        b"\xff\xfe\x00",
        b'{"status": "ok", "articles": 5}',
        b"null",
        b"[]",
        b'{"status": "ok", "articles": [{"title": "x"}]}',
        b'{"status": "ok", "articles": [{"title": "x", "publishedAt": "yesterday"}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_the_schema_is_malformed(service, keys, body):
    service.answer(body)
    got = NewsApi(remote(service.url)).headlines("x")
    assert (got.outcome, got.value, len(service.requests)) == (Outcome.MALFORMED, None, 1)


def test_no_articles_is_an_answer(service, keys):
    service.answer({"status": "ok", "totalResults": 0, "articles": []})
    assert NewsApi(remote(service.url)).headlines("x").value == ()
    service.answers[:] = []
    service.answer({"results": []})
    assert CryptoPanic(remote(service.url)).headlines().value == ()


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [["time_tag", "Kp", "a_running", "station_count"]],
        [["when", "what"], ["2024-03-01", "3"]],
        [["time_tag", "Kp"], ["2024-03-01 00:00:00", "12.0"]],
        [["time_tag", "Kp"], ["2024-03-01 00:00:00", "storm"]],
        [["time_tag", "Kp"], ["soon", "3.0"]],
        [{"Kp": 3.0}],
    ],
)
def test_impossible_k_indices_are_malformed(service, rows):
    service.answer(rows)
    assert SpaceWeather(remote(service.url)).reading().outcome is Outcome.MALFORMED


@pytest.mark.parametrize(
    "change", [{"main": {"temp": 900.0}}, {"dt": 0}, {"main": {"temp": 5.0, "humidity": -1}}]
)
def test_impossible_weather_is_malformed(service, keys, change):
    service.answer(json.loads(fixture("openweathermap_weather.json")) | change)
    assert OpenWeatherMap(remote(service.url)).reading([Place(0.0, 0.0)]).outcome is Outcome.MALFORMED


def test_the_breaker_stops_asking_and_tries_once_later(service):
    service.answer(b"", 500)
    r = remote(service.url, attempts=1, failures=2)
    client = SpaceWeather(r)
    for _ in range(2):
        client.reading()
    assert client.reading().outcome is Outcome.BREAKER_OPEN
    assert len(service.requests) == 2
    service.answers[:] = []
    service.answer(fixture("swpc_k_index_rows.json"))
    r.clock.advance_to(r.clock.now_ns() + 61 * 10**9)
    assert client.reading().ok
    assert r.breaker.state is BreakerState.CLOSED


def test_the_rate_limit_spaces_requests(service):
    service.answer(fixture("swpc_k_index_rows.json"))
    r = remote(service.url, per_minute=30.0, burst=2)
    for _ in range(4):
        SpaceWeather(r).reading()
    np.testing.assert_allclose(r._sleep, [2.0, 2.0])


def test_an_answer_without_end_is_cut_off(service, monkeypatch):
    monkeypatch.setattr("janus_trader.data.sources.remote.LARGEST_BODY", 1000)
    service.answer(b"[" + b"1," * 5000 + b"1]")
    got = remote(service.url, attempts=1).fetch(Request("/x"), list[int])
    assert got.outcome is Outcome.UNREACHABLE


def test_secrets_are_in_no_message(service):
    request = Request("/x", secrets={"key": SECRET}, secret_headers={"X": SECRET})
    assert SECRET not in repr(request)
    got = remote("http://127.0.0.1:9", attempts=1, timeout_s=0.2).fetch(request, dict)
    assert SECRET not in repr(got)


def test_what_happened_before_it_was_seen_keeps_its_order():
    assert known_at(NOON, NOON - HOUR) == NOON  # a receiver's clock that is behind
    with pytest.raises(ConfigError):
        OpenWeatherMap(remote("http://x")).reading([])
    with pytest.raises(ConfigError):
        OpenWeatherMap(remote("http://x")).reading([Place(95.0, 0.0)])
