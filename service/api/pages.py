"""Pages of a listing, and the tokens that lead from one to the next, sealed against forgery.

A token holds for one query, one revision of the facts, one law and one instant, so that all pages
together are the whole list as it was when the first was asked for: in order, nothing twice, nothing
left out, whatever changes in between. A revision is kept for as long as its tokens may be used,
which costs little: two revisions share all that did not change between them.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from service.domain.directory import Directory
from service.domain.identifiers import Key
from service.domain.moment import Moment
from service.errors import InvalidPageToken, PageTokenExpired
from service.policy.pdp import PolicyDecisionPoint

KEPT_REVISIONS = 8
KEPT_SECONDS = 60.0
"""How long after a page was given out the next one may be asked for, if the facts have changed."""


class Page(NamedTuple):
    """Which part of a listing is asked for: at most `limit` entries, from behind `after`."""

    limit: int
    moment: Moment
    """The facts and the instant of the first page."""
    after: Key | None = None


class Revisions:
    """The facts of the last few revisions of which pages were given out. Threads may share it."""

    def __init__(
        self,
        most: int = KEPT_REVISIONS,
        seconds: float = KEPT_SECONDS,
        clock: Callable[[], float] = monotonic,
    ):
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[int, tuple[Directory, float]] = OrderedDict()
        self._lock = Lock()

    def keep(self, directory: Directory) -> None:
        """Remember these facts from now on, in place of the oldest if there are too many."""
        with self._lock:
            self._kept[directory.revision] = directory, self._clock() + self._seconds
            self._kept.move_to_end(directory.revision)
            self._let_go()

    def find(self, revision: int) -> Directory | None:
        """The facts of a revision, if they are still remembered."""
        with self._lock:
            self._let_go()
            directory, _ = self._kept.get(revision, (None, 0.0))
            return directory

    def _let_go(self) -> None:
        now = self._clock()
        while self._kept:
            _, until = next(iter(self._kept.values()))
            if len(self._kept) <= self._most and now < until:
                break
            self._kept.popitem(last=False)


class Pages:
    """Gives out page tokens and takes them back. Who shares the secret shares the tokens."""

    def __init__(
        self,
        pdp: PolicyDecisionPoint,
        secret: str,
        most_items: int,
        revisions: Revisions | None = None,
    ):
        options = {"key_derivation": "hmac", "digest_method": sha256}
        self._seal = URLSafeSerializer(secret, salt="page", signer_kwargs=options)
        self._pdp = pdp
        self._most_items = most_items
        self._revisions = revisions or Revisions()

    def page(self, query: Mapping[str, Any], limit: int | None, token: str | None) -> Page:
        """The page of the query that is asked for: the first one without a token.

        A `limit` over the configured one is lowered to it; with a token it may be left out, and
        must not differ.

        Raises:
            InvalidPageToken: forged, damaged, or given out for another query or limit.
            PageTokenExpired: its facts are no longer remembered, or another law is in force.
        """
        wanted = None if limit is None else min(limit, self._most_items)
        current = self._pdp.moment()
        if not token:
            return Page(self._most_items if wanted is None else wanted, current)
        try:
            digest, token_limit, revision, policy, now, after = self._seal.loads(token)
        except (BadData, UnicodeError):
            raise InvalidPageToken("the page token is not one of this service") from None
        if digest != _digest(query) or wanted not in (None, token_limit):
            raise InvalidPageToken("the page token was given out for another query")
        directory = current.directory
        if revision != directory.revision:
            directory = self._revisions.find(revision)
        after = None if after is None else tuple(after)
        # What has no type is an action, and stands in the law.
        anywhere = after is None or after[0] == ""
        known = directory is not None and (anywhere or after in directory.records)
        if not known or policy != self._pdp.engine.policies.revision:
            raise PageTokenExpired(revision)
        moment = Moment(directory, datetime.fromisoformat(now), self._pdp.engine.vocabulary)
        return Page(token_limit, moment, after)

    def token(self, query: Mapping[str, Any], page: Page, last: Key | None) -> str:
        """The token of the page behind `last`; None is before the first entry."""
        moment = page.moment
        self._revisions.keep(moment.directory)
        policy = self._pdp.engine.policies.revision
        made_of = [moment.directory.revision, policy, moment.now.isoformat()]
        return self._seal.dumps([_digest(query), page.limit, *made_of, last])


def _digest(query: Mapping[str, Any]) -> str:
    return sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()[:32]
