#!/usr/bin/env bash
# Everything useful on a machine with an NVIDIA GPU, in one call, in order of worth. It needs a driver, nothing else: no .NET, no network; nvcc and PyTorch are used where they are.
#
#   tests/device/run.sh [--emulated] [--parts "NAME..."] [--limit SECONDS] [OUT]
#
#   OUT          folder of the results; default $OUT, else artifacts/device/out. Three files, written again after every part, so that a run that is ended from outside leaves
#                those of the parts before: report.json, a page for docs/benchmarks named after the GPU, run.log
#   --parts      which, of: facts compile conformance agreement pocket benchmarks peers (tests/device/parts); all by default
#   --limit      of the whole run, 570 s by default; every part also has its own
#   --emulated   the same script with the smallest sizes over the emulating driver of native/cuda/driver: tests the script, says nothing about a GPU
#
# The programs: artifacts/device/app, unpacked from artifacts/device.tar.xz, which `./build.sh device` makes on a machine with .NET.
# A part prints results as JSON lines and ends with 0, with 1 when something failed, with 77 when it could not run (its last line says why). Exit code: 0 when no part failed.
set -uo pipefail
from=$PWD
cd "$(dirname "$0")/../.."
export LC_ALL=C DOTNET_gcServer=0
emulated=0 limit= parts="facts compile conformance agreement pocket benchmarks peers" out=${OUT:-}
while [ $# -gt 0 ]; do
  case $1 in
    --emulated) emulated=1; shift ;;
    --parts) parts=${2:?--parts needs names}; shift 2 ;;
    --limit) limit=${2:?--limit needs seconds}; shift 2 ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "error: found '$1', expected --emulated, --parts, --limit or a folder" >&2; exit 2 ;;
    *) out=$1; shift ;;
  esac
done
for part in $parts; do [ -f "tests/device/parts/$part.sh" ] || { echo "error: --parts: found '$part', expected some of$(cd tests/device/parts && for f in *.sh; do printf ' %s' "${f%.sh}"; done)" >&2; exit 2; }; done
case $out in '') out=artifacts/device/out ;; /*) ;; *) out=$from/$out ;; esac
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

# What the parts know. The emulated run takes the build's program where none is published.
program=$PWD/artifacts/device/app/HybridEngine.Device built=$PWD/artifacts/bin/HybridEngine.Device/release/HybridEngine.Device
if [ $emulated = 1 ] && [ -x "$built" ]; then program=$built; fi
export HE_DEVICE_APP=$program HE_DEVICE_WORK=$work HE_DEVICE_EMULATED=$emulated HE_DEVICE_PATIENCE=1 HE_LONG_TESTS=1
if [ $emulated = 1 ]; then
  # A test of the script must not depend on how busy the machine is.
  export HE_DEVICE_PATIENCE=20
  export HE_CUDA_DRIVER=$PWD/artifacts/native/cuda/libhe_cuda_driver.so
  [ -f "$HE_CUDA_DRIVER" ] || { echo "error: $HE_CUDA_DRIVER not found, expected a build of native/ (./build.sh)" >&2; exit 1; }
else
  # Named, so that tests that choose the emulating driver by themselves do not.
  export HE_CUDA_DRIVER=${HE_CUDA_DRIVER:-libcuda.so.1}
fi
if [ ! -x "$HE_DEVICE_APP" ] && [ -f artifacts/device.tar.xz ]; then
  mkdir -p artifacts/device
  tar -xJf artifacts/device.tar.xz -C artifacts/device 2>/dev/null ||
    python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' artifacts/device.tar.xz artifacts/device
fi
[ -x "$HE_DEVICE_APP" ] || echo "note: no programs: neither $HE_DEVICE_APP nor artifacts/device.tar.xz (./build.sh device makes it); only what needs none will run" >&2

limit=${limit:-$((570 * HE_DEVICE_PATIENCE))}
limit_of() { # seconds
  case $1 in facts) set 40 ;; compile | agreement) set 90 ;; conformance | peers) set 180 ;; pocket) set 120 ;; benchmarks) set 200 ;; *) set 60 ;; esac
  echo $(($1 * HE_DEVICE_PATIENCE))
}

text() { printf '"%s"' "$(printf '%s' "$1" | tr '\t\r\n' '   ' | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"; }

gpu=$(timeout 20 nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -1)
[ $emulated = 1 ] && gpu="emulated GPU"
gpu=${gpu:-no GPU found}
page=$out/$(printf '%s' "$gpu" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9.-').md
commit=$(git rev-parse --short=10 HEAD 2>/dev/null || cat artifacts/device/app/commit 2>/dev/null || echo unknown)

last_word() { # of a part: the last line that is no result, else of its standard error
  line=$(grep -v '^{' "$work/$1.log" | tail -1)
  if [ -z "$line" ] && [ -f "$work/$1.err" ]; then line=$(tail -1 "$work/$1.err"); fi
  printf '%s' "$line"
}

write_report() {
  {
    printf '{"date":"%s","commit":%s,"gpu":%s,"emulated":%s,"seconds":%d,"parts":[' "$(date -u +%FT%TZ)" "$(text "$commit")" "$(text "$gpu")" "$([ $emulated = 1 ] && echo true || echo false)" "$SECONDS"
    comma=
    for part in $done_parts; do
      read -r status code seconds most < "$work/$part.status"
      printf '%s\n{"part":"%s","status":"%s","exit_code":%s,"seconds":%s,"limit":%s,"last_line":%s,"results":[' "$comma" "$part" "$status" "$code" "$seconds" "$most" "$(text "$(cat "$work/$part.word")")"
      grep '^{.*}$' "$work/$part.log" | sed '$!s/$/,/'
      printf ']}'
      comma=,
    done
    printf '\n]}\n'
  } > "$work/report.json" && mv "$work/report.json" "$out/report.json"
  bash tests/device/page.sh "$gpu" "$commit" "$emulated" "$work" $done_parts > "$work/page.md" && cp "$work/page.md" "$page"
}

: > "$out/run.log"
done_parts= failed=0
for part in $parts; do
  most=$(limit_of "$part") left=$((limit - SECONDS))
  [ $left -lt $most ] && most=$left
  start=$SECONDS
  echo "== $part" | tee -a "$out/run.log" >&2
  if [ $most -lt 5 ]; then
    echo "no time left of $limit s" > "$work/$part.log"; status=skipped code=77
  else
    timeout --kill-after=3 "$most" bash "tests/device/parts/$part.sh" > "$work/$part.log" 2> "$work/$part.err"; code=$?
    case $code in 0) status=passed ;; 77) status=skipped ;; 124 | 137) status="out-of-time" ;; *) status=failed ;; esac
  fi
  case $status in failed | out-of-time) failed=1 ;; esac
  echo "$status $code $((SECONDS - start)) $most" > "$work/$part.status"
  done_parts="$done_parts $part"
  last_word "$part" > "$work/$part.word"
  { cat "$work/$part.log"; [ -s "$work/$part.err" ] && { echo "-- standard error"; tail -c 2000000 "$work/$part.err"; }; echo "-- $part: $status ($code), $((SECONDS - start)) s of $most"; } >> "$out/run.log"
  if [ "$status" = failed ] && [ -s "$work/$part.err" ]; then tail -5 "$work/$part.err" | cut -c1-300 >&2; fi
  printf '   %s, %d s: %s\n' "$status" "$((SECONDS - start))" "$(cat "$work/$part.word")" >&2
  write_report
done
echo "$out/report.json, $page, $out/run.log" >&2
exit $failed
