#!/usr/bin/env bash
# `make check`: every static check, and the fast tests of the web client. All run; the last line names what failed.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
failed=()

step() { # NAME COMMAND…
  local name=$1 output
  shift
  printf '  %-22s' "$name"
  if output=$("$@" 2>&1); then
    echo ok
  else
    printf 'failed\n%s\n' "$output"
    failed+=("$name")
  fi
}

step "ruff check" ruff check --no-cache .
step "ruff format" ruff format --check .
step "mypy" mypy
step "mypy tools" mypy tools
step "layers" lint-imports
step "svelte-check" python tools/ui.py check
step "vitest" python tools/ui.py test

if ((${#failed[@]})); then
  echo "make check: failed: ${failed[*]}" >&2
  exit 1
fi
