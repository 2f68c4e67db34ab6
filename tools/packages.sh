#!/usr/bin/env bash
# Brings Debian packages: tools/packages.sh NAME…   Root installs what is missing; anyone else is told what to install.
set -euo pipefail

missing=()
for package in "$@"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "Missing Debian packages. As root: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Debian's PostgreSQL makes and starts a cluster of its own when it is installed; only its programs are wanted.
none=/etc/postgresql-common/createcluster.d/no-main-cluster-for-tests.conf
case " ${missing[*]} " in
  *" postgresql"*) mkdir -p "${none%/*}" && echo "create_main_cluster = false" >"$none" ;;
esac
install=(apt-get -qq -y -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 install --no-install-recommends)
log=$(mktemp)
trap 'rm -f "$log" "$none"' EXIT
# Lists may be missing or old; the second try has new ones.
"${install[@]}" "${missing[@]}" >"$log" 2>&1 && exit 0
apt-get -qq -o Acquire::Retries=3 update >>"$log" 2>&1 || true
"${install[@]}" "${missing[@]}" >>"$log" 2>&1 && exit 0
tail -n 30 "$log" >&2
echo "apt-get could not install: ${missing[*]}" >&2
exit 1
