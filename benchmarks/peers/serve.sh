#!/usr/bin/env bash
# Serving side by side on this machine, in turns: 500 requests of mixed length, ours in a tenth of the cache they need, llama.cpp with all of it. JSON lines into OUT, medians at the end.
#
#   benchmarks/peers/serve.sh [OUT]                    default artifacts/peers/serve.jsonl
#   MODEL=...gguf ROUNDS=3 THREADS=2 BATCH=32 REQUESTS=500
#   PEER_NODE=folder with node_modules/node-llama-cpp  (npm install --ignore-scripts node-llama-cpp); skipped when absent
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${1:-artifacts/peers/serve.jsonl} rounds=${ROUNDS:-3} threads=${THREADS:-2} batch=${BATCH:-32} requests=${REQUESTS:-500} node=${PEER_NODE:-}
model=$(realpath "${MODEL:-${SHARED:-../shared}/models/SmolLM2-135M-Instruct.Q4_1.gguf}")
hybridengine=$PWD/artifacts/hybridengine
[ -x "$hybridengine" ] || { echo "error: $hybridengine not found, expected a build (./build.sh)" >&2; exit 1; }
[ -f "$model" ] || { echo "error: $model not found, expected a GGUF model" >&2; exit 1; }
mkdir -p "$(dirname "$out")"; : > "$out"; out=$(realpath "$out")
lengths=$(mktemp --suffix .json); trap 'rm -f "$lengths"' EXIT
"$hybridengine" bench serve --quiet --requests "$requests" --dump "$lengths" || exit 1
for round in $(seq "$rounds"); do
  echo "round $round: ours" >&2
  "$hybridengine" bench serve --json --quiet --model "$model" --requests "$requests" --batch "$batch" --threads "$threads" | tee -a "$out" >&2
  if [ -n "$node" ] && [ -d "$node/node_modules/node-llama-cpp" ]; then
    echo "round $round: llama.cpp" >&2
    cp benchmarks/peers/llama_cpp_serve.mjs "$node/llama_cpp_serve.mjs"
    (cd "$node" && node llama_cpp_serve.mjs "$model" "$lengths" "$threads" "$batch") 2>/dev/null | tail -1 | tee -a "$out" >&2
  else
    echo "skipped: llama.cpp: PEER_NODE has no node_modules/node-llama-cpp" >&2
  fi
done
awk '{ who = /"engine":"llama.cpp"/ ? "llama.cpp" : "ours"; match($0, /"tokens_per_s": ?[0-9.]+/); v = substr($0, RSTART, RLENGTH); sub(/.*: ?/, "", v); n[who]++; a[who, n[who]] = v + 0 }
  function median(w,   i, j, t) { for (i = 2; i <= n[w]; i++) for (j = i; j > 1 && a[w, j] < a[w, j - 1]; j--) { t = a[w, j]; a[w, j] = a[w, j - 1]; a[w, j - 1] = t } return a[w, int((n[w] + 1) / 2)] }
  END { for (w in n) printf "%s: %.1f new tokens/s, median of %d\n", w, median(w), n[w]; if (n["llama.cpp"]) printf "ratio %.2f\n", median("ours") / median("llama.cpp") }' "$out"
