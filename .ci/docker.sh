#!/usr/bin/env bash
# Makes sure of a Docker engine, for the tests that need a Consul cluster.
#
#   .ci/docker.sh start [PID]    prints DOCKER_HOST: of the engine that runs here, or of one that this starts
#   .ci/docker.sh stop [PID]     ends the engine that `start` started, if no other process uses it; nothing of it is left
#
# PID is the process on whose behalf it is called: an engine is shared by all that live, and the last one to call `stop` ends it.
# What a killed run left behind, the next `start` takes over. An engine that was not started here is never touched.
set -euo pipefail

readonly state=${XDG_CACHE_HOME:-$HOME/.cache}/consul-dns-balancer/docker
readonly socket=$state/docker.sock
readonly users=$state/users

say() { printf 'docker.sh: %s\n' "$*" >&2; }

give_up() {
  say "$*"
  say 'where this script cannot work, start an engine otherwise, and set DOCKER_HOST if its socket is not /var/run/docker.sock.'
  exit 1
}

answers() {
  [[ -S $1 ]] && node -e '
    const request = require("node:http").get({ socketPath: process.argv[1], path: "/_ping", timeout: 2000 });
    request.on("response", ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1));
    request.on("timeout", () => process.exit(1)).on("error", () => process.exit(1));' "$1"
}

install_engine() {
  [[ $EUID == 0 ]] || give_up 'no engine runs, none is installed, and installing one takes root.'
  command -v apt-get >/dev/null || give_up 'no engine runs, none is installed, and there is no apt-get to install one.'
  say "installing Debian's docker.io"
  # No service may start by itself: this script does that, and ends it.
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 --no-install-recommends)
  "${apt[@]}" update >&2 || give_up 'apt-get update failed.'
  "${apt[@]}" install docker.io iptables apparmor >&2 || give_up 'apt-get could not install docker.io.'
  # From Debian 13 on a package of its own.
  command -v docker >/dev/null || "${apt[@]}" install docker-cli >&2 || give_up 'apt-get could not install docker-cli.'
}

# Of a process: tells it from a later one with the same id. Nothing where there is none.
birth() { sed -n 's/.*) //p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

engine_pid() { [[ -s $state/pid ]] && kill -0 "$(<"$state/pid")" 2>/dev/null && cat "$state/pid"; }

# What an engine changes outside its directories, as it was before.
remember_network() {
  [[ ! -e $state/forward ]] || return 0
  iptables -S FORWARD | sed -n 1p >"$state/forward"
  cat /proc/sys/net/ipv4/ip_forward >"$state/ip_forward"
  if iptables -S DOCKER >/dev/null 2>&1 || [[ -d /sys/class/net/docker0 ]]; then touch "$state/keep-network"; fi
}

restore_network() {
  local table rule
  [[ ! -e $state/keep-network && -e $state/forward ]] || return 0
  for table in filter nat; do
    # First the rules that lead there, then the chains, empty by then.
    iptables -t "$table" -S | sed -n 's/^-A \(.*\(docker0\|DOCKER\).*\)$/-D \1/p' |
      while read -r -a rule; do iptables -t "$table" "${rule[@]}"; done
    iptables -t "$table" -S | sed -n 's/^-N \(DOCKER.*\)$/-X \1/p' |
      while read -r -a rule; do iptables -t "$table" "${rule[@]}"; done
  done
  read -r -a rule <"$state/forward"
  iptables "${rule[@]}"
  cat "$state/ip_forward" >/proc/sys/net/ipv4/ip_forward
  [[ ! -d /sys/class/net/docker0 ]] || ip link delete docker0
}

start_engine() {
  local deadline
  [[ $EUID == 0 ]] || give_up 'no engine runs, and starting one takes root.'
  command -v dockerd >/dev/null && command -v docker >/dev/null || install_engine
  remember_network
  # 127.0.0.1 for what is published without an address; the lock is not for it to hold.
  setsid dockerd --data-root "$state/root" --exec-root "$state/exec" --pidfile "$state/pid" -H "unix://$socket" \
    --ip 127.0.0.1 --shutdown-timeout 5 >>"$state/log" 2>&1 </dev/null 9>&- &
  deadline=$((SECONDS + 60))
  until answers "$socket"; do
    if ! kill -0 $! 2>/dev/null || ((SECONDS > deadline)); then
      tail -n 5 "$state/log" >&2
      give_up 'dockerd did not start; its last words stand above.'
    fi
    sleep 0.1
  done
  say "started an engine: $socket"
}

stop_engine() {
  local pid deadline left
  # Without an engine the networks of a killed run could not be taken down.
  answers "$socket" || start_engine
  export DOCKER_HOST=unix://$socket
  left=$(docker ps --all --quiet)
  # shellcheck disable=SC2086 # one word each
  [[ -z $left ]] || docker rm --force --volumes $left >/dev/null
  docker network prune --force >/dev/null
  pid=$(engine_pid)
  kill -TERM "$pid"
  deadline=$((SECONDS + 30))
  while kill -0 "$pid" 2>/dev/null; do
    ((SECONDS <= deadline)) || give_up "the engine, process $pid, does not end."
    sleep 0.1
  done
  restore_network
  # An engine that was killed leaves its mounts.
  tac /proc/self/mountinfo | awk -v state="$state/" 'index($5, state) == 1 { print $5 }' | xargs -r umount --lazy
  rm -rf "$state"
  say 'ended the engine'
}

start() {
  local born
  if [[ -n ${DOCKER_HOST-} ]]; then
    printf '%s\n' "$DOCKER_HOST"
    return
  fi
  if answers /var/run/docker.sock; then
    printf 'unix:///var/run/docker.sock\n'
    return
  fi
  mkdir -p "$users"
  if [[ -n ${1-} ]]; then
    born=$(birth "$1") || give_up "there is no process $1."
    printf '%s\n' "$born" >"$users/$1"
  fi
  answers "$socket" || start_engine
  printf 'unix://%s\n' "$socket"
}

stop() {
  local user
  [[ -d $state ]] || return 0
  [[ -z ${1-} ]] || rm -f "$users/$1"
  for user in "$users"/*; do
    if [[ -e $user && $(birth "${user##*/}") == "$(<"$user")" ]]; then
      say "process ${user##*/} uses the engine: it is left running"
      return
    fi
  done
  stop_engine
}

if [[ ! ${1-} =~ ^(start|stop)$ || ! ${2-} =~ ^[0-9]*$ ]]; then
  say 'usage: docker.sh start|stop [PID]'
  exit 2
fi
mkdir -p "${state%/*}"
exec 9<"${state%/*}"
flock 9
"$1" "${2-}"
