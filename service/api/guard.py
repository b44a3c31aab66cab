"""Who may speak to the service at all: whoever holds one of its keys, once there are any."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from hmac import compare_digest

from service.errors import NotAuthenticated


def build_guard(api_keys: Sequence[str]) -> Callable[[str], None]:
    """A check of the header Authorization that lets a request pass, or raises NotAuthenticated.

    Whatever there is needs a key, routes that do not exist included: a stranger does not learn
    which do. Only `operations.OPEN_ENDPOINTS` are never checked.
    """
    # Digests are of one length, so that comparing them tells nothing of a key, its length included.
    digests = [_digest(key.encode("utf-8")) for key in api_keys]

    def check(authorization: str) -> None:
        if not digests:
            return
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise NotAuthenticated("send a key as `Authorization: Bearer KEY`")
        given = _digest(key.strip().encode("latin-1"))  # as servers spell the bytes of a header
        # Every key is compared, whichever fits.
        if not sum([compare_digest(given, known) for known in digests]):
            raise NotAuthenticated("the key is not one of those configured")

    return check


def caller_of(authorization: str) -> str:
    """Who writes, for the change log: `api`, and which key, without telling the key."""
    key = authorization.partition(" ")[2].strip()
    return f"api {_digest(key.encode('latin-1')).hex()[:12]}" if key else "api"


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()
