"""NewsAPI: articles by search, as headlines.

Written to the documented schema of ``/v2/everything`` (newsapi.org/docs); tested against a local server with
synthetic answers, not run against the service itself.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from janus_trader.contracts.senses import Headline
from janus_trader.data.sources.remote import (
    Fetched,
    Outcome,
    Remote,
    Request,
    environment_key,
    known_at,
    time_ns,
)

BASE_URL = "https://newsapi.org"
KEY = "NEWSAPI_KEY"
_REMOVED = "[Removed]"  # what the service puts in place of an article that was taken down


class _Source(msgspec.Struct):
    id: str | None = None
    name: str | None = None


class _Article(msgspec.Struct):
    publishedAt: str
    source: _Source = msgspec.field(default_factory=_Source)
    title: str | None = None
    description: str | None = None
    url: str | None = None


class _Everything(msgspec.Struct):
    status: str
    totalResults: int = 0
    articles: list[_Article] = msgspec.field(default_factory=list)
    code: str = ""
    message: str = ""


class NewsApi:
    """Client of NewsAPI.

    Parameters
    ----------
    remote : Remote
        Built on `BASE_URL`.

    Notes
    -----
    The key is read from the environment variable ``NEWSAPI_KEY`` at each call and travels in a header. Articles
    without a title, or taken down, are left out; an answer with an unreadable time is malformed as a whole.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def headlines(
        self, query: str, since_ns: int | None = None, language: str = "en", page_size: int = 100
    ) -> Fetched[tuple[Headline, ...]]:
        """Articles that match ``query``, newest first as the service sorts them; () where there are none."""
        key = environment_key(KEY)
        if key is None:
            return self._remote.without_key(KEY)
        parameters = {
            "q": query,
            "language": language,
            "sortBy": "publishedAt",
            "pageSize": str(min(max(page_size, 1), 100)),
        }
        if since_ns is not None:
            since = datetime.fromtimestamp(since_ns // 1_000_000_000, UTC)
            parameters["from"] = since.strftime("%Y-%m-%dT%H:%M:%S")
        request = Request("/v2/everything", parameters, secret_headers={"X-Api-Key": key})
        got = self._remote.fetch(request, _Everything)
        if got.value is not None and got.value.status != "ok":
            detail = f"{self._remote.name}: status {got.value.status!r}, code {got.value.code!r}"
            return Fetched(Outcome.REFUSED, None, detail, got.attempts, got.ts_init)
        return got.then(_headlines)


def _headlines(answer: _Everything, ts_init: int) -> tuple[Headline, ...]:
    found = []
    for article in answer.articles:
        if not article.title or article.title == _REMOVED:
            continue
        ts_event = time_ns(article.publishedAt, "newsapi publishedAt")
        found.append(
            Headline(
                source=f"newsapi:{article.source.name or article.source.id or 'unknown'}",
                ts_event=ts_event,
                ts_init=known_at(ts_event, ts_init),
                title=article.title,
                body=article.description or "",
                url=article.url or "",
            )
        )
    return tuple(found)
