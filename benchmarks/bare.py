"""An application that reads a request and says one thing: what a server leaves over for others."""

_BODY = b'{"decision":true}'
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_BODY)).encode()),
]


async def app(scope, receive, send) -> None:
    """ASGI, and nothing but it."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
