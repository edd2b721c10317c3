# Sourced by ./start and ./check: installs the Debian packages of the named groups that are missing, quietly.
# shellcheck shell=bash

packages_of() { # group...
  local group
  for group in "$@"; do
    awk -v g="$group" '$1 == g { print $2 }' "$repo/tools/packages.txt"
  done
}

# The packages among the arguments that are not installed. A command that is on the PATH counts as its package, so that
# a Node.js from elsewhere is left alone.
missing_packages() {
  local name
  for name in $(comm -23 <(printf '%s\n' "$@" | sort -u) <(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
    awk '$2 == "installed" { print $1 }' | sort -u)); do
    case $name in
      nodejs) command -v node >/dev/null || echo "$name" ;;
      npm | haproxy | ccache | cmake | python3) command -v "$name" >/dev/null || echo "$name" ;;
      *) echo "$name" ;;
    esac
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    echo "$0: not root and no sudo; install by hand: $*" >&2
    return 1
  fi
}

install_packages() { # group...
  command -v dpkg-query >/dev/null || { echo "$0: needs Debian 12 (no dpkg found); install what tools/packages.txt names" >&2; return 1; }
  local missing log
  mapfile -t missing < <(missing_packages $(packages_of "$@"))
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing ${#missing[@]} Debian packages: ${missing[*]}" >&2
  log=$(mktemp)
  local install=(as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}")
  # Fresh package lists are fetched only when the ones at hand cannot satisfy the request.
  if ! "${install[@]}" >"$log" 2>&1; then
    if ! { as_root apt-get update -q && "${install[@]}"; } >"$log" 2>&1; then
      echo "$0: apt-get failed:" >&2
      tail -n 20 "$log" >&2
      rm -f "$log"
      return 1
    fi
  fi
  rm -f "$log"
}

# Parallel compile jobs: one per core, but no more than memory carries (a translation unit peaks near 1 GB).
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ { print int($2 / 1048576 / 1.2) }' /proc/meminfo)
  [ "${memory:-1}" -ge 1 ] || memory=1
  [ "$cores" -le "$memory" ] && echo "$cores" || echo "$memory"
}

# Configures a preset unless it is, and builds the targets (all when none is named). Silent when there is nothing to do.
build_preset() { # preset [target...]
  local preset=$1 dir=build/$1 log
  export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}  # else ccache leaves precompiled headers alone
  shift
  mkdir -p "$dir"
  log=$dir/build.log
  if [ ! -f "$dir/build.ninja" ]; then
    cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
  fi
  if [ -t 2 ]; then
    ninja -C "$dir" -j "$(build_jobs)" "$@" | { grep -v -e '^ninja: no work' -e '^ninja: Entering' || true; } >&2
  else
    ninja -C "$dir" -j "$(build_jobs)" "$@" >"$log" 2>&1 || { grep -v '^\[' "$log" | tail -n 60 >&2; return 1; }
  fi
}
