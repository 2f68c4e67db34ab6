#!/usr/bin/env bash
# `make test`: brings the servers and the browser that the tests use, runs the checks, then all tests. Tests that need
# the machine for themselves (a browser, a timing) run alone after the others; no test may be skipped. Arguments go to
# pytest, in place of the whole suite. What failed in one step does not keep the next from running.
set -uo pipefail
cd "$(dirname "$0")/.."
# Hundreds of processes import the same modules: they compile them once, into build.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$PWD/build/pycache" VMS_NO_SKIP=1
started=$SECONDS
status=0
note() { printf '\n== %s (%d s)\n' "$1" "$((SECONDS - started))"; }

note "servers and browser"
bash tools/packages.sh chromium ffmpeg python3-gi gir1.2-gst-rtsp-server-1.0 \
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
  postgresql iproute2 docker-compose radosgw ceph-mon ceph-osd || exit 1
bash tools/s3_server.sh || exit 1

note "checks"
bash tools/check.sh || status=1
.venv/bin/python tools/audit.py || status=1

rm -rf build/results
mkdir -p build/results
run() { # NAME ARGUMENTS…   one pytest run; 5 (no such tests) is no failure of its own, the tally sees an empty suite
  local name=$1 code=0
  shift
  .venv/bin/python -m pytest -q -p no:cacheprovider --junitxml "build/results/$name.xml" "$@" </dev/null || code=$?
  [ "$code" = 0 ] || [ "$code" = 5 ] || status=1
}

note "tests side by side"
run parallel -n "${VMS_TEST_WORKERS:-2}" --dist loadgroup -m "not browser and not alone and not fault" "$@"
note "tests that need the machine for themselves"
run alone -m "(browser or alone) and not fault" "$@"

note "done"
.venv/bin/python tools/tally.py build/results/*.xml || status=1
exit "$status"
