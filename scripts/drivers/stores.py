"""Elasticsearch and OpenSearch as the lab acts on them: servers, and the documents in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from lab.services.stores import STORES
from lab.topology import Host
from scripts.clients.http import HttpError
from scripts.drivers.driver import Driver, Report, Site
from scripts.errors import LabError

GONE = 404
PAGE = 10_000  # documents that one search tells at most, by default


class Store(Driver):
    """Like any service; verification also asks how the store itself says that it is."""

    def verify(self, site: Site, report: Report) -> bool:
        def health() -> str:
            found = [(host, documents(site, host, self.name).health())
                     for host in site.carriers(self.name)]
            for host, state in found:
                if state == "red":
                    raise LabError("the store says that indices are not whole (red)",
                                   where=host.name, hint=f"see `fab logs {host.name} {self.name}`")
            return ", ".join(state for _, state in found)

        return super().verify(site, report) and report.check(self.name, "health", health)


class Documents:
    """What is in one store, by HTTP. Raises HttpError."""

    def __init__(self, ask: Any) -> None:
        self._ask = ask

    def health(self) -> str:
        return str(self._ask("GET", "/_cluster/health")["status"])

    def count(self, index: str) -> int:
        """The documents of an index, also those that came a moment ago; none where it is not."""
        path = f"/{quote(index, safe='')}"
        try:
            self._ask("POST", f"{path}/_refresh")
            return int(self._ask("GET", f"{path}/_count")["count"])
        except HttpError as error:
            if error.status == GONE:
                return 0
            raise

    def search(self, indices: Iterable[str], query: str, most: int) -> dict[str, Any]:
        """The answer to a query in Lucene's syntax; indices that are not there have nothing."""
        names = ",".join(quote(one, safe="") for one in indices)
        words = urlencode({"q": query, "size": most, "ignore_unavailable": "true"})
        found: dict[str, Any] = self._ask("GET", f"/{names}/_search?{words}")
        return found

    def totals(self, indices: Iterable[str]) -> dict[str, tuple[int, int]]:
        """By index, of those that are there: the documents, also those that came a moment ago, and
        how many were ever written, each time that one was written again counted.

        In an index in which nobody has searched for 30 s the store makes nothing ready by itself
        (its `index.search.idle.after`), so what it counts stands still.
        """
        names = ",".join(quote(one, safe="") for one in indices)
        self._ask("POST", f"/{names}/_refresh?ignore_unavailable=true")
        return {name: (one["docs"]["count"], one["indexing"]["index_total"])
                for name, one in self._statistics(names).items()}

    def written(self, indices: Iterable[str]) -> dict[str, int]:
        """The last of these alone, which costs the store next to nothing."""
        names = ",".join(quote(one, safe="") for one in indices)
        return {name: one["indexing"]["index_total"]
                for name, one in self._statistics(names).items()}

    def _statistics(self, names: str) -> dict[str, Any]:
        found = self._ask("GET", f"/{names}/_stats/docs,indexing?ignore_unavailable=true")
        return {name: one["primaries"] for name, one in found["indices"].items()}

    def after(self, index: str, number: int, most: int = PAGE) -> list[dict[str, Any]]:
        """The documents that a search finds and whose last operation was a later one than `number`
        (its `_seq_no`), in that order: of each its `_id`, `_version`, `_source`, and that number in
        `sort`. -1 is before all. Of an index of one shard."""
        shown = ",".join(f"hits.hits.{one}" for one in ("_id", "_version", "_source", "sort"))
        words = urlencode({"ignore_unavailable": "true", "filter_path": shown})
        found = self._ask("POST", f"/{quote(index, safe='')}/_search?{words}", {
            "size": most, "version": True, "track_total_hits": False,
            "query": {"range": {"_seq_no": {"gt": number}}}, "sort": [{"_seq_no": "asc"}],
        })
        hits: list[dict[str, Any]] = (found or {}).get("hits", {}).get("hits", [])
        return hits

    def every(self, index: str) -> Iterator[dict[str, Any]]:
        """All of them, also those that came a moment ago; as `after` has them."""
        self.count(index)
        number, page = -1, True
        while page:
            found = self.after(index, number)
            yield from found
            number, page = (found[-1]["sort"][0] if found else number), len(found) == PAGE

    def drop(self, index: str) -> None:
        """Take a whole index away; nothing where there is none."""
        self._ask("DELETE", f"/{quote(index, safe='')}?ignore_unavailable=true")

    def find(self, index: str, run: str) -> str | None:
        """The name of the document that a run of `fab verify` wrote, if it can be found yet."""
        hits = self.search([index], f"proof:{run}", 1)["hits"]["hits"]
        return str(hits[0]["_id"]) if hits else None

    def remove(self, index: str, name: str) -> None:
        """Take one document away."""
        self._ask("DELETE", f"/{quote(index, safe='')}/_doc/{quote(name, safe='')}")


def documents(site: Site, host: Host, kind: str) -> Documents:
    """The store of a kind on a host, through SSH."""
    return Documents(site.http(host, STORES[kind].port, kind))
