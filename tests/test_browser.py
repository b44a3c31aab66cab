"""The page of the API, as a browser makes it: with scripts, and under its security policy."""

import shutil
import subprocess

import pytest

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _BROWSERS)), None)
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync", "extensions")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs a browser: install Chromium (Debian: apt-get install chromium)"
)


def rendered(url, profile):
    """What stands on the page once its scripts have run, as HTML."""
    options = [f"--disable-{name}" for name in QUIET]
    options += [f"--user-data-dir={profile}", "--virtual-time-budget=15000", "--no-first-run"]
    command = [CHROMIUM, "--headless", "--no-sandbox", *options, "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_page_of_the_api_shows_every_route_it_describes(server, http, tmp_path):
    paths = http.get("/openapi.json").json()["paths"]

    page = rendered(f"{server.address}/docs", tmp_path).replace("\u200b", "").replace("<wbr>", "")

    assert [] == [path for path in paths if path not in page]
    assert "Decide one request" in page
