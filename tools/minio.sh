#!/bin/sh
# Prints the path of a MinIO server for the tests: an installed one, else one built from its Go module and cached.
#
#   tools/minio.sh            build where it is missing, print the path
#   tools/minio.sh --check    print the path where there is one, else fail; builds nothing
#
# VMS_SERVERS names the cache (default: build/servers in the repository). Safe to run twice at once.
set -eu

version=v0.0.0-20260212201848-7aac2a2c5b7c
module=github.com/minio/minio
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=${VMS_SERVERS:-$root/build/servers}/minio-$version
built=$cache/minio

if installed=$(command -v minio 2>/dev/null) && "$installed" --version >/dev/null 2>&1; then
  echo "$installed"
  exit 0
fi
if [ -x "$built" ]; then
  echo "$built"
  exit 0
fi
if [ "${1:-}" = "--check" ]; then
  echo "There is no MinIO server: run tools/minio.sh" >&2
  exit 1
fi

go=$(command -v go 2>/dev/null || true)
if [ -z "$go" ] && [ -x /usr/local/go/bin/go ]; then
  go=/usr/local/go/bin/go
fi
if [ -z "$go" ]; then
  echo "MinIO is built from source and that needs Go 1.24 or newer, which is not here (that of Debian 12 is too old)." >&2
  echo "Install Go in /usr/local/go, or put a minio program on the PATH." >&2
  exit 1
fi

echo "building MinIO $version, once; this takes some minutes" >&2
work=$cache.$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
# GOFLAGS=-trimpath keeps paths of this machine out; a parallel build ends in the same rename.
GOBIN=$work GOFLAGS="-trimpath" CGO_ENABLED=0 "$go" install "$module@$version" >&2
mkdir -p "$cache"
mv -f "$work/minio" "$built"
"$built" --version >/dev/null
echo "$built"
