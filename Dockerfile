# Two stages: the first has pip and builds, the second has only what runs.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements.txt requirements-dev.txt ./
RUN python -m venv /opt/watershed \
 && /opt/watershed/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
# The build backend, pinned with its hash like everything else, in an environment that is left behind.
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY policies policies
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && /opt/watershed/bin/pip install --no-cache-dir --no-deps --no-index /dist/*.whl

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home watershed \
 && install --directory --owner watershed /var/lib/watershed
COPY --from=build /opt/watershed /opt/watershed
COPY fixtures/*.toml /srv/fixtures/
ENV PATH=/opt/watershed/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    WATERSHED_HOST=0.0.0.0 \
    WATERSHED_PORT=8080 \
    WATERSHED_DATABASE=sqlite:////var/lib/watershed/facts.db \
    WATERSHED_WORLD=/srv/fixtures/brand-dealers.world.toml
USER watershed
VOLUME /var/lib/watershed
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-c", \
  "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"WATERSHED_PORT\"]}/health/ready', timeout=2)"]
CMD ["watershed", "serve"]
