#!/usr/bin/env bash
# Builds the local engine with its device code and tries everything on this machine's GPU: tests, memory checkers, the
# same answers as on the CPU, speed. One call, under ten minutes, no network. See README.md beside this file.
set -uo pipefail

usage() {
  cat <<'TXT'
usage: tests/gpu/run.sh [options]
  --simulated        the same stages on the simulated GPU, for trying the script (needs Boost.Context)
  --out DIR          where summary.txt and log.txt go (default: $OUT, else build/gpu-results)
  --build DIR        build folder (default: build/gpu, or build/gpu-simulated)
  --models DIR       where models are written (default: /dev/shm if it holds 16 GB, else the build folder)
  --shape NAME       mini, tiny, 1b or 8b: of the model whose speed is measured (default: 8b; mini if simulated)
  --gtest DIR        GoogleTest's source, where the system has no package
  --json DIR         the folder that holds nlohmann/json.hpp, where the system has no package
  --compiler PROGRAM C++20 compiler (default: $CXX, clang++-19, g++)
  --llama DIR        the folder of llama-bench, for a comparison
  --jobs N           compile jobs (default: one for each core)
  --seconds N        for everything (default: 570, simulated 4560); stages that do not fit any more are left out
Exit status 0 if every stage that ran succeeded.
TXT
}

root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.." && pwd)
simulated=false out="" build="" models="" shape="" gtest="" json="" compiler="" llama="" jobs=$(nproc) seconds=""
while [ $# -gt 0 ]; do
  case $1 in
    --simulated) simulated=true; shift; continue ;;
    -h | --help) usage; exit 0 ;;
    --out | --build | --models | --shape | --gtest | --json | --compiler | --llama | --jobs | --seconds)
      [ $# -ge 2 ] || { usage >&2; exit 2; }
      declare "${1#--}=$2"; shift 2 ;;
    *) echo "run.sh: unknown argument: $1" >&2; usage >&2; exit 2 ;;
  esac
done

# The simulated GPU takes its time.
name=gpu patience=1
if $simulated; then name=gpu-simulated patience=8; fi
seconds=${seconds:-$((570 * patience))}
out=${out:-${OUT:-$root/build/gpu-results}}
build=${build:-$root/build/$name}
mkdir -p "$out" "$build/logs" || exit 2
out=$(cd "$out" && pwd) build=$(cd "$build" && pwd)
if [ -z "$shape" ]; then shape=8b && $simulated && shape=mini; fi
if [ -z "$models" ]; then
  models=$build
  [ "$(df --output=avail -B1G /dev/shm 2>/dev/null | tail -n 1 || echo 0)" -ge 16 ] && models=/dev/shm
fi
for candidate in "$compiler" "${CXX:-}" clang++-19 g++; do
  [ -n "$candidate" ] && command -v "$candidate" >/dev/null && { compiler=$candidate; break; }
done
model=$models/tollgate-$shape-$$.gguf
small=$models/tollgate-small-$$.gguf
trap 'rm -f "$model" "$small" "$model.part" "$small.part"' EXIT
rm -f "$out/summary.txt" "$out/log.txt" "$build"/logs/*

began=$SECONDS
failed=0

note() { # name result seconds
  printf '%-22s %-9s %4d s\n' "$1" "$2" "$3" | tee -a "$out/summary.txt"
}

# Runs a function of this file or a program, at most `limit` seconds; its output goes to the log. Status 77: left out.
stage() { # name limit command...
  local name=$1 limit=$2 started=$SECONDS left status=0 log=$build/logs/$1.log
  shift 2
  limit=$((limit * patience))
  left=$((seconds - (SECONDS - began)))
  if [ "$left" -lt 5 ]; then
    note "$name" "no time" 0
    return 1
  fi
  [ "$limit" -le "$left" ] || limit=$left
  timeout -k 5 "$limit" bash -c '"$@"' stage "$@" >"$log" 2>&1 </dev/null || status=$?
  { echo "==== $name: $*"; cat "$log"; echo; } >>"$out/log.txt"
  case $status in
    0) note "$name" ok $((SECONDS - started)) ;;
    77) note "$name" "left out" $((SECONDS - started)); status=0 ;;
    124 | 137) note "$name" "TOO LONG" $((SECONDS - started)); failed=1 ;;
    *) note "$name" FAILED $((SECONDS - started)); failed=1; grep -E 'FAILED|[Ee]rror|\*\*\*' "$log" | head -n 12; tail -n 3 "$log" ;;
  esac
  return "$status"
}

machine() {
  $simulated || nvidia-smi
  $simulated || nvcc --version || /usr/local/cuda/bin/nvcc --version
  "$compiler" --version | head -n 1
  cmake --version | head -n 1
  nproc
}

configure() {
  local how=(-DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=-O2 -g1")
  if $simulated; then how+=(-DTOLLGATE_SIMULATED=ON -DTOLLGATE_CUDA=OFF); else
    how+=(-DTOLLGATE_CUDA=ON -DTOLLGATE_CUDA_ARCHITECTURES=native)
  fi
  [ -z "$gtest" ] || how+=(-DTOLLGATE_GTEST_SOURCE="$gtest")
  [ -z "$json" ] || how+=(-DTOLLGATE_JSON_INCLUDE="$json")
  command -v ninja >/dev/null && how+=(-G Ninja)
  command -v ccache >/dev/null && how+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  cmake -S "$root/tests/gpu" -B "$build" "${how[@]}"
}

devices() {
  local said
  said=$("$build/list_devices") && echo "$said" && grep -q ': usable$' <<<"$said"
}

compile() { cmake --build "$build" -j "$jobs"; }

tests() {
  local label=gpu
  $simulated && label=simulated
  ctest --test-dir "$build" -L "$label" -j "$($simulated && echo "$jobs" || echo 1)" --timeout 120 --output-on-failure --no-tests=error
}

# Every test program under one of the checkers; one that is too slow for it is named and passed over.
sanitize() { # tool
  $simulated && return 77
  command -v compute-sanitizer >/dev/null || PATH=$PATH:/usr/local/cuda/bin
  command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer"; return 77; }
  local program status wrong=0
  while read -r program; do
    status=0
    timeout -k 2 25 compute-sanitizer --tool "$1" --error-exitcode 9 --print-limit 20 "$program" --gtest_brief=1 || status=$?
    echo "---- $1 $(basename "$program"): $status"
    case $status in 0 | 77 | 124 | 137) ;; *) wrong=1 ;; esac
  done < <(find "$build/cuda" -maxdepth 1 -name '*_gpu' -type f -perm -u+x | sort)
  return $wrong
}

check() { # more variables of the environment
  local kind
  local shape=tiny && $simulated && shape=mini
  local wrong=0
  for kind in q8_0 q4_k f16; do
    $simulated && [ "$kind" = q4_k ] && kind=q4_0  # its blocks are wider than the model
    "$build/random_model" "$small" $shape $kind || return 1
    echo "-- $kind"
    env "$@" "$build/engine_check" "$small" || wrong=1
  done
  return $wrong
}

write_model() { # type
  rm -f "$model"
  "$build/random_model" "$model" "$shape" "$1" && ls -l "$model"
}

bench() {
  local small_ones=()
  $simulated && small_ones=(--tests pp8,tg1,tg3 --context 40 --steps 3)
  "$build/engine_bench" "$model" "${small_ones[@]}" "$@"
}

# Prompts and decoding of one and many sequences, as far as llama.cpp's own programs measure them.
compare() {
  [ -n "$llama" ] || { echo "no --llama"; return 77; }
  "$llama/llama-bench" -m "$model" -ngl 99 -fa 1 -p 512,2048 -n 128 -r 3 || return 1
  [ ! -x "$llama/llama-batched-bench" ] || "$llama/llama-batched-bench" -m "$model" -ngl 99 -fa 1 -c 40960 -npp 1024 -ntg 64 -npl 1,16,32
}

export TOLLGATE_SOURCE_DIR=$root  # where tests find their files
export root simulated build compiler gtest json jobs model small shape llama
export -f machine configure compile devices tests sanitize check write_model bench compare

echo "results in $out" | tee "$out/summary.txt"
stage machine 30 machine
if stage configure 90 configure && stage build 280 compile; then
  $simulated || stage devices 30 devices
  stage tests 240 tests
  stage memcheck 60 sanitize memcheck
  stage same_as_cpu 90 check
  $simulated || stage same_without_overlap 60 check TOLLGATE_CUDA_OVERLAP=off
  if stage model_q8_0 60 write_model q8_0; then
    stage speed_q8_0 60 bench
    stage speed_q8_0_kv8 50 bench --kv fp8
    stage speed_no_graphs 30 bench --graphs off --tests "$($simulated && echo tg1 || echo tg1,tg32)"
    stage llama_q8_0 60 compare
  fi
  if stage model_q4_0 60 write_model q4_0; then
    stage speed_q4_0 50 bench
    stage llama_q4_0 60 compare
  fi
  for tool in racecheck synccheck initcheck; do stage $tool 60 sanitize $tool; done
fi

for log in "$build"/logs/speed_*.log "$build"/logs/llama_*.log; do
  lines=$(grep -sE '^(pp|tg|cuda:|\|)' "$log") && printf -- '-- %s\n%s\n' "$(basename "$log" .log)" "$lines"
done | tee -a "$out/summary.txt"
[ $failed = 0 ] && echo "all stages that ran succeeded" || echo "some stages failed: see $out/log.txt"
exit $failed
