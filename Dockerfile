# One image for every process of ours: ingest, query, the projector and the one-shot steps. Kafka and PostgreSQL are not in it.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/contact-events
COPY requirements/server.txt /app/requirements/server.txt
# Wheels alone: what is installed is what was locked, and no compiler is needed.
RUN /opt/contact-events/bin/pip install --require-hashes --only-binary=:all: -r /app/requirements/server.txt
COPY . /app
# Editable, as in development: files beside the code (SQL, templates, schemas) are found in the same places.
RUN /opt/contact-events/bin/pip install --no-deps --no-build-isolation --editable /app \
    && /opt/contact-events/bin/python -m compileall -q /app

FROM ${PYTHON_IMAGE}
RUN groupadd --system --gid 10001 contact-events \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin contact-events
COPY --from=build /opt/contact-events /opt/contact-events
COPY --from=build /app /app
ENV PATH=/opt/contact-events/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
ENTRYPOINT ["contact-events"]
CMD ["--help"]
