#!/usr/bin/env bash
# The regression guard: instructions that fixed kernels execute (AVX2, one thread), counted by valgrind and compared with benchmarks/guard/COMPILER.tsv. Time on a
# shared machine moves by tens of percent, instructions by none; more than 3 % more of them is a failure.
#
#   benchmarks/guard/run.sh [FOLDER]            FOLDER: a build of native/ (artifacts/native)
#   benchmarks/guard/run.sh --record [FOLDER]   writes the file for this compiler
#
# Exit code 0: within bounds; 1: a kernel above, or one without a count; 77: skipped, with the reason (no valgrind, no AVX2, a compiler without a file).
set -uo pipefail
cd "$(dirname "$0")/../.."
record=0
if [ "${1:-}" = --record ]; then record=1; shift; fi
folder=${1:-artifacts/native}
guard=$folder/bench/he_guard

skip() { echo "skipped: instruction counts: $*"; exit 77; }
[ -x "$guard" ] || { echo "error: $guard not found, expected a build of native/ in $folder" >&2; exit 1; }
command -v valgrind >/dev/null 2>&1 || skip "valgrind was not found (Debian: valgrind, or ./build.sh test --install)"
compiler=$("$guard" --compiler)
counts=benchmarks/guard/$compiler.tsv
[ $record = 1 ] || [ -f "$counts" ] || skip "none are recorded for $compiler, only for$(cd benchmarks/guard && for f in *.tsv; do printf ' %s' "${f%.tsv}"; done)"

work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
# A profile is written after every guarded call, and holds nothing but that call.
valgrind --tool=callgrind --toggle-collect=guarded_call --dump-after=guarded_call --callgrind-out-file="$work/profile" "$guard" > "$work/log" 2>&1
code=$?
if [ $code != 0 ]; then
  grep -q "instruction set\|isa:" "$work/log" && skip "no AVX2 under valgrind on this machine"
  cat "$work/log" >&2; echo "error: $guard under valgrind ended with $code" >&2; exit 1
fi
"$guard" --list > "$work/names"
i=0
while IFS= read -r name; do
  i=$((i + 1))
  printf '%s\t%s\n' "$name" "$(sed -n 's/^totals: //p' "$work/profile.$i")"
done < "$work/names" > "$work/now"

if [ $record = 1 ]; then
  { printf '# kernel\tinstructions; benchmarks/guard/run.sh --record writes this file\n'; cat "$work/now"; } > "$counts"
  echo "$counts: $i kernels"
  exit 0
fi

awk -F'\t' -v slack=0.03 -v file="$counts" '
  NR == FNR { if ($0 !~ /^#/) expected[$1] = $2; next }
  { seen[$1] = 1 }
  !($2 > 0) { printf "instruction counts: %s: found nothing counted, expected %s\n", $1, expected[$1]; bad++; next }
  !($1 in expected) { printf "instruction counts: %s: no line in %s (run.sh --record adds it)\n", $1, file; bad++; next }
  $2 > expected[$1] * (1 + slack) { printf "instruction counts: %s: found %d, expected at most %d + 3 %% (%+.1f %%)\n", $1, $2, expected[$1], 100 * ($2 / expected[$1] - 1); bad++; next }
  $2 < expected[$1] * (1 - slack) { printf "note: instruction counts: %s: %d where %d are recorded (%+.1f %%): run.sh --record keeps the gain\n", $1, $2, expected[$1], 100 * ($2 / expected[$1] - 1) }
  { good++ }
  END {
    for (name in expected) if (!(name in seen)) { printf "instruction counts: %s: in %s, but not in the list of he_guard\n", name, file; bad++ }
    printf "instruction counts: %d within 3 %%, %d not\n", good, bad
    exit bad > 0
  }' "$counts" "$work/now"
