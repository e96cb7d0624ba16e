"""CryptoPanic: posts about cryptocurrencies, as headlines.

Written to the schema of ``/posts/`` in both forms in use (``currencies`` of version 1, ``instruments`` of the
developer version 2); tested against a local server with synthetic answers, not run against the service itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from janus_trader.contracts.senses import Headline
from janus_trader.data.sources.remote import Fetched, Remote, Request, environment_key, known_at, time_ns

BASE_URL = "https://cryptopanic.com/api/developer/v2"
KEY = "CRYPTOPANIC_KEY"


class _Coin(msgspec.Struct):
    code: str


class _Source(msgspec.Struct):
    domain: str | None = None
    title: str | None = None


class _Post(msgspec.Struct):
    title: str
    published_at: str
    url: str | None = None
    description: str | None = None
    source: _Source | None = None
    currencies: list[_Coin] | None = None
    instruments: list[_Coin] | None = None


class _Posts(msgspec.Struct):
    results: list[_Post]


class CryptoPanic:
    """Client of CryptoPanic.

    Parameters
    ----------
    remote : Remote
        Built on `BASE_URL` (or on that of version 1).

    Notes
    -----
    The key is read from the environment variable ``CRYPTOPANIC_KEY`` at each call. The coins a post names become
    the headline's symbols.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def headlines(self, currencies: Sequence[str] = ()) -> Fetched[tuple[Headline, ...]]:
        """The newest posts, about these coins where any are named; () where there are none."""
        key = environment_key(KEY)
        if key is None:
            return self._remote.without_key(KEY)
        parameters = {"public": "true"}
        if currencies:
            parameters["currencies"] = ",".join(currencies)
        got = self._remote.fetch(Request("/posts/", parameters, secrets={"auth_token": key}), _Posts)
        return got.then(_headlines)


def _headlines(answer: _Posts, ts_init: int) -> tuple[Headline, ...]:
    found = []
    for post in answer.results:
        if not post.title:
            continue
        ts_event = time_ns(post.published_at, "cryptopanic published_at")
        coins = post.currencies or post.instruments or []
        domain = post.source.domain if post.source is not None else None
        found.append(
            Headline(
                source=f"cryptopanic:{domain or 'unknown'}",
                ts_event=ts_event,
                ts_init=known_at(ts_event, ts_init),
                title=post.title,
                body=post.description or "",
                symbols=tuple(coin.code for coin in coins),
                url=post.url or "",
            )
        )
    return tuple(found)
