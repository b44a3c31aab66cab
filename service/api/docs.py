"""The OpenAPI document and a page to read it, served from what is installed: it works offline."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Response
from flask_smorest import Blueprint
from werkzeug.exceptions import NotFound

from service.api.documentation import documented
from service.api.messages import JSON

# Swagger UI sets styles by script, which needs no exception; its icons are images of data.
_CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FROM_THE_BUNDLE = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Watershed API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="api">
<noscript>The document itself: <a href="/openapi.json">/openapi.json</a></noscript>
</main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# No validator: it would send the document to a third party.
_START = """\
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
});
"""
_OWN = {"start.js": ("text/javascript; charset=utf-8", _START.encode())}


def docs(document: Callable[[], dict[str, Any]]) -> Blueprint:
    """The routes that document all others; `document` is asked once, when all are registered."""
    blueprint = Blueprint("docs", __name__, description="The description of this API.")

    @cache
    def spelled() -> bytes:
        return json.dumps(document(), indent=1).encode()

    @cache
    def asset(name: str) -> tuple[str, bytes] | None:
        if name in _FROM_THE_BUNDLE:
            return _FROM_THE_BUNDLE[name], _bundle(name)
        return _OWN.get(name)

    @blueprint.route("/openapi.json")
    @documented(blueprint, {"type": "object"})
    def get_openapi() -> Response:
        """This document

        OpenAPI 3.0.3: every route, what it takes, how it answers and how it refuses.
        """
        return Response(spelled(), content_type=JSON)

    @blueprint.route("/docs")
    @documented(blueprint, {"type": "string"}, content_type="text/html")
    def get_docs() -> Response:
        """This document, to read and to try

        A page for browsers, which loads nothing from elsewhere.
        """
        headers = {"Content-Security-Policy": _CONTENT_SECURITY}
        return Response(_PAGE, headers=headers, content_type="text/html; charset=utf-8")

    @blueprint.route("/docs/<asset_name>")
    @documented(blueprint, {"type": "string"}, refusals=(404,), content_type="*/*")
    def get_docs_asset(asset_name: str) -> Response:
        """What the page is made of

        Scripts and styles, which browsers may keep for an hour.
        """
        found = asset(asset_name) if asset_name in (*_FROM_THE_BUNDLE, *_OWN) else None
        if found is None:
            raise NotFound
        content_type, content = found
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(content, headers=headers, content_type=content_type)

    return blueprint


def _bundle(name: str) -> bytes:
    import swagger_ui_bundle

    return (swagger_ui_bundle.swagger_ui_path / name).read_bytes()
