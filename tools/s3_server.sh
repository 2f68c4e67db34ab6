#!/usr/bin/env bash
# Makes sure that tools/minio.sh has a MinIO for the tests: built already, or built now, with the machine's Go or, where
# that is missing or too old (Debian 12's is), with the one that the Python package index has, below build/.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/minio.sh --check >/dev/null 2>&1 && exit 0

go_is_new_enough() { # GO
  local minor
  minor=$("$1" version 2>/dev/null | sed -nE 's/.* go1\.([0-9]+).*/\1/p') && [ "${minor:-0}" -ge 24 ]
}

if ! go_is_new_enough "$(command -v go || echo /usr/local/go/bin/go)"; then
  if ! go_is_new_enough build/go/go/bin/go; then
    echo "bringing Go into build/go" >&2
    rm -rf build/go
    UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-180} .venv/bin/uv pip install --quiet --python .venv/bin/python \
      --target build/go --require-hashes -r locks/go.txt
  fi
  PATH="$PWD/build/go/go/bin:$PATH"
  export PATH
  unset GOROOT
fi
bash tools/minio.sh >/dev/null
