#!/usr/bin/env bash
# The page of a run: page.sh GPU COMMIT EMULATED WORK PARTS..., from the parts' logs in WORK. Every figure is one that a part printed.
gpu=$1 commit=$2 emulated=$3 work=$4; shift 4
lines() { grep -h '^{.*}$' "$work/$1.log" 2>/dev/null; }
get() { # key of a JSON line on standard input; empty for null or none
  sed -nE "s/.*\"$1\":(\"([^\"]*)\"|([^\",}]*)).*/\2\3/p" | sed 's/^null$//' | head -1
}
has() { case " $parts " in *" $1 "*) [ -n "$(lines "$1")" ] ;; *) false ;; esac; }
parts="$*"

echo "# $gpu"
echo
echo "$(date -u +%F), commit $commit, by tests/device/run.sh."
[ "$emulated" = 1 ] && echo "**Over the emulating driver, with the smallest sizes: this page shows what the script writes, and nothing about a GPU.**"
if has facts; then
  card=$(lines facts | grep '"fact":"gpu"' | head -1)
  [ -n "$card" ] && echo "$(get name <<< "$card"), driver $(get driver_version <<< "$card"), $(get memory_total <<< "$card"), clocks up to $(get clocks_max_sm <<< "$card") (memory $(get clocks_max_mem <<< "$card")), power limit $(get power_limit <<< "$card")."
  machine=$(lines facts | grep '"fact":"machine"' | head -1)
  [ -n "$machine" ] && echo "Host: $(get cpu <<< "$machine"), $(get cpus <<< "$machine") CPUs, $(get memory_gib <<< "$machine") GiB. $(lines facts | grep '"fact":"tool"' | while read -r l; do v=$(get version <<< "$l"); [ -n "$v" ] && printf '%s: %s. ' "$(get name <<< "$l")" "$v"; done)"
fi
printf '\n## Parts\n\n| part | ended | seconds | last word |\n| --- | --- | --- | --- |\n'
for part in $parts; do
  read -r status code seconds most < "$work/$part.status"
  printf '| %s | %s | %s of %s | %s |\n' "$part" "$status" "$seconds" "$most" "$(tr '|' '/' < "$work/$part.word" | cut -c1-160)"
done

if has compile; then
  printf '\n## What ptxas makes of the kernels\n\n'
  for by in shipped nvcc; do
    lines compile | grep "\"compiler\":\"$by\"" | sed 's/.*"registers":\([0-9]*\),"spill_stores":\([0-9]*\),"spill_loads":\([0-9]*\).*/\1 \2 \3/' |
      awk -v by="$by" '{ n++; if ($1 > most) most = $1; if ($2 + $3 > 0) spilled++ } END { if (n) printf "- %s: %d kernels, at most %d registers, %d with spills\n", by == "shipped" ? "the PTX of the package" : "nvcc from the sources", n, most, spilled + 0 }'
  done
  rows=$(lines compile | grep -vE '"spill_stores":0,"spill_loads":0' | while read -r l; do printf '| %s | %s | %s | %s | %s |\n' "$(get kernel <<< "$l")" "$(get compiler <<< "$l")" "$(get registers <<< "$l")" "$(get spill_stores <<< "$l")" "$(get spill_loads <<< "$l")"; done)
  [ -n "$rows" ] && printf '\n| kernel with spills | PTX by | registers | stores, bytes | loads, bytes |\n| --- | --- | --- | --- | --- |\n%s\n' "$rows"
fi

if has conformance; then
  printf '\n## Conformance\n\n| class | passed | failed | skipped | seconds |\n| --- | --- | --- | --- | --- |\n'
  lines conformance | while IFS= read -r l; do printf '| %s | %s | %s | %s | %s |\n' "$(get class <<< "$l")" "$(get passed <<< "$l")" "$(get failed <<< "$l")" "$(get skipped <<< "$l")" "$(get seconds <<< "${l%%\"failures\"*}")"; done
fi

if has agreement; then
  printf '\n## Whole models beside the CPU in float32\n\n| model | type on the GPU | agrees | largest difference, nats | mean | bound | greedy tokens alike |\n| --- | --- | --- | --- | --- | --- | --- |\n'
  lines agreement | while IFS= read -r l; do
    printf '| %s | %s | %s | %s | %s | %s | %s of %s |\n' "$(get model <<< "$l")" "$(get dtype <<< "$l")" "$(get agrees <<< "$l")" "$(get largest_difference <<< "$l")" "$(get mean_difference <<< "$l")" "$(get bound <<< "$l")" \
      "$(get greedy_tokens_alike <<< "$l")" "$(get greedy_tokens <<< "$l")"
  done
fi

if has pocket && [ "$emulated" != 1 ]; then printf '\n## Pocket assistant\n\n```\n%s\n```\n' "$(lines pocket)"; fi

if has benchmarks || has peers; then
  printf '\n## Speed\n\nRandom weights; seconds are medians. Tokens: new ones (generate), else all.\n\n| what | shape | who | type | batch | prompt | new | tokens/s | seconds | parts |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n'
  for part in benchmarks peers; do
    lines $part | grep '"what":' | grep '"batch":' | while IFS= read -r l; do
      who=$(get engine <<< "$l"); [ $part = benchmarks ] && who=HybridEngine
      error=$(sed -n 's/.*"error":"\(.*\)"}$/\1/p' <<< "$l" | tr '|' '/')
      printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$(get what <<< "$l")" "$(get shape <<< "$l")" "$who" "$(get dtype <<< "$l")" "$(get batch <<< "$l")" "$(get prompt <<< "$l")" "$(get new <<< "$l")" \
        "$(get tokens_per_s <<< "$l")" "${error:-$(get seconds_median <<< "$l")}" "$(sed -n 's/.*"parts":{\([^}]*\)}.*/\1/p' <<< "$l" | tr -d '"' | tr , ' ')"
    done
  done
  rest=$(lines peers | grep -v '"batch":')
  [ -n "$rest" ] && printf '\nPyTorch alone:\n\n```\n%s\n```\n' "$rest"
fi
exit 0
