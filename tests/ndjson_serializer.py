"""How schemathesis sends NDJSON: the example or the drawn string as it stands."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """What goes over the wire for a body of lines."""
    return str(value).encode("utf-8", "replace")
