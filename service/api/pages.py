"""Page tokens: where the next page of a listing begins, sealed against forgery.

A token holds for one query, and says behind which entry to go on. It is not bound to a revision: an
entry that stays in the list comes exactly once, whatever else changes between two pages, and every
page says of which revision it is. A token bound to a revision would make a long list impossible to
read to its end while the facts change, or while two workers are a moment apart.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from service.domain.identifiers import Key
from service.errors import InvalidPageToken


class Page(NamedTuple):
    """Which part of a listing is asked for: at most `limit` entries, from behind `after`."""

    limit: int
    after: Key | None = None


class Pages:
    """Gives out page tokens and takes them back. Who shares the secret shares the tokens."""

    def __init__(self, secret: str, most_items: int):
        options = {"key_derivation": "hmac", "digest_method": sha256}
        self._seal = URLSafeSerializer(secret, salt="page", signer_kwargs=options)
        self._most_items = most_items

    def page(self, query: Mapping[str, Any], limit: int | None, token: str | None) -> Page:
        """The page of the query that is asked for: the first one without a token.

        A `limit` over the configured one is lowered to it; with a token it may be left out, and
        must not differ.

        Raises:
            InvalidPageToken: forged, damaged, or given out for another query or limit.
        """
        wanted = None if limit is None else min(limit, self._most_items)
        if not token:
            return Page(self._most_items if wanted is None else wanted)
        try:
            query_digest, token_limit, kind, name = self._seal.loads(token)
        except (BadData, UnicodeError):
            raise InvalidPageToken("the page token is not one of this service") from None
        if query_digest != _digest(query) or wanted not in (None, token_limit):
            raise InvalidPageToken("the page token was given out for another query")
        return Page(token_limit, (kind, name))

    def token(self, query: Mapping[str, Any], limit: int, last: Key) -> str:
        """The token of the page behind `last`."""
        return self._seal.dumps([_digest(query), limit, *last])


def _digest(query: Mapping[str, Any]) -> str:
    return sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()[:32]
