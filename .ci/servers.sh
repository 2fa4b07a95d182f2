#!/usr/bin/env bash
# Makes sure of the servers that integration tests and benchmarks talk to, from Debian's packages: PostgreSQL, Redis, HAProxy.
# Prints `NAME VERSION: PATH` for each. Where one cannot be had it says why and still ends with 0: what needs it says so itself.
set -euo pipefail

say() { printf 'servers.sh: %s\n' "$*" >&2; }

path_of_postgres() { find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1 | grep . || command -v postgres; }
path_of_redis() { command -v redis-server; }
path_of_haproxy() { PATH=$PATH:/usr/sbin command -v haproxy; }

packages() {
  path_of_postgres >/dev/null || echo postgresql
  path_of_redis >/dev/null || echo redis-server
  path_of_haproxy >/dev/null || echo haproxy
}

install_them() {
  local policy=/usr/sbin/policy-rc.d ours=
  [[ $EUID == 0 ]] || { say "not installed, and installing takes root: $*"; return; }
  command -v apt-get >/dev/null || { say "not installed, and there is no apt-get to install them: $*"; return; }
  say "installing Debian's $*"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 --no-install-recommends)
  # None of them may start by itself: their ports belong to whoever else is here.
  if [[ ! -e $policy ]]; then
    ours=$policy
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  {
    "${apt[@]}" update && "${apt[@]}" install "$@"
  } >&2 || say "apt-get could not install: $*"
  [[ -z $ours ]] || rm -f "$ours"
}

mapfile -t missing < <(packages)
((${#missing[@]} == 0)) || install_them "${missing[@]}"

# `PostgreSQL`, `Redis server` and `HAProxy` all say their version somewhere in what `--version` or `-v` prints.
version_of() { "$1" "$2" 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | sed -n 1p; }

report() {
  local path
  if path=$("path_of_$1"); then
    printf '%s %s: %s\n' "$1" "$(version_of "$path" "$2")" "$path"
  else
    say "no $1"
  fi
}

report postgres --version
report redis --version
report haproxy -v
