# Two commands matter: `make serve` and `make test`. Both make what they need, in .venv.

PYTHON := $(shell for python in python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	&& { echo $$python; break; }; done)
WORLD ?= fixtures/brand-dealers.world.toml
PORT ?= 8080

.PHONY: serve test lint lock clean

serve: .venv/ready
	.venv/bin/watershed serve --world $(WORLD) --port $(PORT)

test: .venv/ready lint
	.venv/bin/watershed policies check
	.venv/bin/watershed test fixtures/*.cases.toml
	.venv/bin/python -m pytest -n 2 --dist loadfile

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

# The environment: everything pinned with its hash, then this package, in place.
.venv/ready: requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed (oso has no wheel for others)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch .venv/ready

# After a change of the dependencies in pyproject.toml.
lock: .venv/ready
	.venv/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links -o requirements.txt pyproject.toml
	.venv/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --extra dev \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links -o requirements-dev.txt pyproject.toml

clean:
	rm -rf .venv
