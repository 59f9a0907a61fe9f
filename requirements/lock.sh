#!/bin/sh
# Writes requirements/{run,server,dev,tools}.txt anew from pyproject.toml: names, versions and hashes, no addresses.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/python -m pip install --quiet --require-hashes -r requirements/tools.txt
build=$(mktemp)
tools=$(mktemp)
trap 'rm -f "$build" "$tools"' EXIT
echo setuptools > "$build" # the editable install of the project itself needs it beside the rest
echo uv > "$tools"
lock() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links "$@"
}
lock pyproject.toml --extra embedded "$build" -o requirements/run.txt
lock pyproject.toml "$build" -c requirements/run.txt -o requirements/server.txt # without the embedded stack: for containers
lock pyproject.toml --extra embedded --group dev "$build" -c requirements/run.txt -o requirements/dev.txt
lock "$tools" -o requirements/tools.txt
