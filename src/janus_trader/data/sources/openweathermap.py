"""OpenWeatherMap: the weather at some places, as one reading.

Written to the documented schema of ``/data/2.5/weather`` (openweathermap.org/current); tested against a local
server with synthetic answers, not run against the service itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from janus_trader.contracts.errors import ConfigError, DataError
from janus_trader.contracts.senses import Reading
from janus_trader.data.sources.remote import (
    Fetched,
    Outcome,
    Remote,
    Request,
    environment_key,
    known_at,
    number,
)

BASE_URL = "https://api.openweathermap.org"
KEY = "OPENWEATHERMAP_KEY"


class Place(NamedTuple):
    """Latitude and longitude in degrees, and how much the place counts."""

    latitude: float
    longitude: float
    weight: float = 1.0


class _Main(msgspec.Struct):
    temp: float
    pressure: float | None = None
    humidity: float | None = None


class _Wind(msgspec.Struct):
    speed: float | None = None


class _Clouds(msgspec.Struct):
    all: float | None = None


class _Rain(msgspec.Struct):
    hour: float | None = msgspec.field(name="1h", default=None)


class _Current(msgspec.Struct):
    main: _Main
    dt: int
    wind: _Wind = msgspec.field(default_factory=_Wind)
    clouds: _Clouds = msgspec.field(default_factory=_Clouds)
    rain: _Rain = msgspec.field(default_factory=_Rain)


class OpenWeatherMap:
    """Client of OpenWeatherMap.

    Parameters
    ----------
    remote : Remote
        Built on `BASE_URL`.

    Notes
    -----
    The key is read from the environment variable ``OPENWEATHERMAP_KEY`` at each call.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def reading(self, places: Sequence[Place]) -> Fetched[Reading]:
        """Weighted means over the places that answered; ``quality`` is the weight that did.

        Values: ``temperature_c``, and where given ``pressure_hpa``, ``humidity_pct``, ``wind_m_s``,
        ``clouds_pct``, ``rain_mm_1h`` (0 where it does not rain). Where no place answers, the last refusal.

        Raises
        ------
        ConfigError
            No place, or one that is not on the globe or has no positive weight.
        """
        _check(places)
        key = environment_key(KEY)
        if key is None:
            return self._remote.without_key(KEY)
        found: list[tuple[float, int, dict[str, float]]] = []
        last: Fetched[tuple[int, dict[str, float]]] | None = None
        for place in places:
            parameters = {"lat": f"{place.latitude:.4f}", "lon": f"{place.longitude:.4f}", "units": "metric"}
            request = Request("/data/2.5/weather", parameters, secrets={"appid": key})
            last = self._remote.fetch(request, _Current).then(_measured)
            if last.value is not None:
                found.append((place.weight, *last.value))
            if last.outcome in (Outcome.UNAUTHORISED, Outcome.BREAKER_OPEN):
                break  # the other places would be answered alike
        assert last is not None
        if not found:
            return Fetched(last.outcome, None, last.detail, last.attempts, last.ts_init)
        quality = sum(w for w, _, _ in found) / sum(p.weight for p in places)
        ts_event = max(at for _, at, _ in found)
        ts_init = known_at(ts_event, last.ts_init)
        reading = Reading(
            source="openweathermap", ts_event=ts_event, ts_init=ts_init, values=_means(found), quality=quality
        )
        return Fetched(Outcome.OK, reading, "", last.attempts, ts_init)


def _check(places: Sequence[Place]) -> None:
    good = all(
        abs(p.latitude) <= 90.0 and abs(p.longitude) <= 180.0 and 0.0 < p.weight < 1e12 for p in places
    )
    if not places or not good:
        raise ConfigError(
            "weather needs places",
            got=list(places),
            expected="latitude, longitude and a positive weight each",
        )


def _measured(answer: _Current, ts_init: int) -> tuple[int, dict[str, float]]:
    if answer.dt <= 0:
        raise DataError("openweathermap dt is no time", got=answer.dt, expected="seconds since 1970")
    checked = {
        "temperature_c": number(answer.main.temp, -100.0, 70.0, "openweathermap temp"),
        "pressure_hpa": number(answer.main.pressure, 300.0, 1200.0, "openweathermap pressure"),
        "humidity_pct": number(answer.main.humidity, 0.0, 100.0, "openweathermap humidity"),
        "wind_m_s": number(answer.wind.speed, 0.0, 150.0, "openweathermap wind"),
        "clouds_pct": number(answer.clouds.all, 0.0, 100.0, "openweathermap clouds"),
        "rain_mm_1h": number(answer.rain.hour or 0.0, 0.0, 500.0, "openweathermap rain"),
    }
    return answer.dt * 1_000_000_000, {name: x for name, x in checked.items() if x is not None}


def _means(found: list[tuple[float, int, dict[str, float]]]) -> dict[str, float]:
    """Weighted mean of each value over the places that have it."""
    means = {}
    for name in sorted({name for _, _, values in found for name in values}):
        having = [(w, values[name]) for w, _, values in found if name in values]
        means[name] = sum(w * x for w, x in having) / sum(w for w, _ in having)
    return means
