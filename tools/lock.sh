#!/usr/bin/env bash
# `make lock`: pins every package with its hashes, for Linux and Python 3.11 or newer, one version for all of them.
# The files name packages and hashes alone, never where they come from: each machine has its own index.
# With UPGRADE=1 what is pinned already may move; else only what pyproject.toml asks for does.
set -euo pipefail
cd "$(dirname "$0")/.."

pin() { # OUTPUT ARGUMENTS…
  local output=$1
  shift
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
    ${UPGRADE:+--upgrade} --output-file "locks/$output.txt" "$@"
  echo "locks/$output.txt: $(grep -c '==' "locks/$output.txt") packages"
}

pin dev pyproject.toml --group build --group dev
pin runtime pyproject.toml --group build --constraint locks/dev.txt
for group in uv node ffmpeg go nats audit; do
  pin "$group" --group "$group" --constraint locks/dev.txt
done
