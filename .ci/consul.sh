#!/usr/bin/env bash
# Makes sure of the two ends of the supported range of Consul, without installing anything into the system.
#
#   .ci/consul.sh            both
#   .ci/consul.sh oldest     1.8.7, unpacked from Debian bullseye's package
#   .ci/consul.sh newest     1.22.7, built from the Go module pinned by .ci/consul-newest
#
# The last lines, alone on stdout, are `consul VERSION: PATH`, one for each version.
set -euo pipefail

readonly OLDEST=1.8.7
readonly OLDEST_PACKAGE=1.8.7+dfsg1-2+b3
readonly OLDEST_SHA256=e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9
readonly NEWEST=1.22.7
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/consul-dns-balancer

work=
staged=
trap 'rm -rf "${work:-}" "${staged:-}"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '%s\n' "$*" >&2; }

give_up() {
  say "consul.sh: $*"
  say "consul.sh: where this script cannot work, the official Docker images serve the integration tests:"
  say "consul.sh: leave CONSUL_BIN unset and set CONSUL_IMAGE=hashicorp/consul:$NEWEST (or :$OLDEST)."
  exit 1
}

path_of() { printf '%s\n' "$cache/consul-$1/consul"; }

# Into a variable first: `consul version | head` would end by SIGPIPE now and then, a failure under pipefail.
first_line_of_version() {
  local output
  output=$("$1" version 2>&1) || true
  printf '%s\n' "${output%%$'\n'*}"
}

is_version() {
  [[ -x $2 ]] && [[ $(first_line_of_version "$2") =~ ^Consul\ v?"$1"([^0-9.].*)?$ ]]
}

# Staged beside its final place: the last step is a rename within one file system, so that a run cut short never
# leaves half a binary under the final name.
put_in_place() {
  local version=$1 binary=$2
  mkdir -p "$cache/consul-$version"
  staged=$(mktemp "$cache/consul-$version/.staged.XXXXXX")
  cp "$binary" "$staged"
  chmod 755 "$staged"
  is_version "$version" "$staged" || give_up "this should be consul $version, and is: $(first_line_of_version "$staged")"
  mv -f "$staged" "$(path_of "$version")"
  rm -rf "$work"
  work=
  staged=
}

first_source_uri() {
  local file
  for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/*.sources; do
    [[ ! -r $file ]] || awk '$1 == "URIs:" { print $2; exit }' "$file"
  done | awk 'NF && !seen++'
}

make_oldest() {
  local tool uri deb
  for tool in apt-get dpkg sha256sum; do
    command -v "$tool" >/dev/null || give_up "consul $OLDEST comes from a Debian package: $tool is missing."
  done
  [[ -r $KEYRING ]] || give_up "consul $OLDEST comes from a Debian package: Debian's keyring is missing ($KEYRING)."
  uri=$(first_source_uri)
  [[ -n $uri ]] || give_up "consul $OLDEST comes from a Debian package: no .sources file in /etc/apt names a mirror."

  say "consul.sh: unpacking consul $OLDEST from Debian bullseye's package"
  work=$(mktemp -d)
  # As root, apt fetches as a user of its own, who has to be able to write here.
  chmod 755 "$work"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/download" "$work/root"
  if [[ $EUID == 0 ]] && id _apt >/dev/null 2>&1; then chown _apt "$work/download"; fi
  printf 'deb [arch=amd64 signed-by=%s] %s bullseye main\n' "$KEYRING" "$uri" >"$work/sources.list"
  local apt=(
    apt-get -q
    -o "Dir::Etc::sourcelist=$work/sources.list"
    -o Dir::Etc::sourceparts=-
    -o "Dir::State::Lists=$work/lists"
    -o "Dir::Cache=$work/cache"
    -o "Dir::Cache::archives=$work/cache/archives"
    -o Acquire::Check-Valid-Until=false
    -o Acquire::Languages=none
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
    -o Acquire::Retries=3
  )
  "${apt[@]}" update >&2 || give_up "apt-get update failed for Debian bullseye."
  (cd "$work/download" && "${apt[@]}" download "consul=$OLDEST_PACKAGE") >&2 ||
    give_up "apt-get download failed for consul $OLDEST_PACKAGE."
  deb=$(find "$work/download" -name 'consul_*.deb')
  printf '%s  %s\n' "$OLDEST_SHA256" "$deb" | sha256sum --check --quiet >&2 ||
    give_up "the package of consul $OLDEST does not have the pinned SHA-256."
  dpkg -x "$deb" "$work/root"
  put_in_place "$OLDEST" "$work/root/usr/bin/consul"
}

make_newest() {
  command -v go >/dev/null ||
    give_up "consul $NEWEST is built from its Go module: go is missing ($(awk '$1 == "go" { print $2 }' "$here/consul-newest/go.mod") or newer)."
  say "consul.sh: building consul $NEWEST (about 4 minutes and 3 GB of Go's caches where nothing is cached yet)"
  work=$(mktemp -d)
  # GOWORK and -mod: go.mod and go.sum beside this script pin every byte, whatever surrounds the clone.
  (cd "$here/consul-newest" && GOWORK=off CGO_ENABLED=0 \
    go build -mod=readonly -trimpath -ldflags '-s -w' -o "$work/consul" github.com/hashicorp/consul) >&2 ||
    give_up "building consul $NEWEST failed."
  put_in_place "$NEWEST" "$work/consul"
}

case ${1-both} in
  both) wanted=("$OLDEST" "$NEWEST") ;;
  oldest) wanted=("$OLDEST") ;;
  newest) wanted=("$NEWEST") ;;
  *)
    say "usage: consul.sh [oldest|newest]"
    exit 2
    ;;
esac

for version in "${wanted[@]}"; do
  if ! is_version "$version" "$(path_of "$version")"; then
    if [[ $version == "$OLDEST" ]]; then make_oldest; else make_newest; fi
  fi
done

for version in "${wanted[@]}"; do
  printf 'consul %s: %s\n' "$version" "$(path_of "$version")"
done
