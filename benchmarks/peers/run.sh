#!/usr/bin/env bash
# Side by side on this machine, interleaved: ours, PyTorch and llama.cpp. Medians and ratios; raw JSON into OUT.
#
#   benchmarks/peers/run.sh [OUT]      default artifacts/peers
#   REPS=3 ROUNDS=3 THREADS=2          repetitions inside a process, rounds of A B A B, threads
#   CASES='train 4 256 0'              other cases: what, batch, prompt, new; a line each
#
# Peers, each optional and reported when absent:
#   PyTorch     python3 with torch (Debian: python3-torch with libopenblas0-pthread; its factor against a current PyTorch is applied, see below)
#   llama.cpp   node with node-llama-cpp in PEER_NODE (npm install --ignore-scripts node-llama-cpp), and a GGUF in PEER_GGUF
# Scripts of the peers are read from SHARED (default ../shared), beside the checkout.
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${1:-artifacts/peers}; reps=${REPS:-3} rounds=${ROUNDS:-3} threads=${THREADS:-2} shared=${SHARED:-../shared}
python=${PEER_PYTHON:-/usr/bin/python3} node=${PEER_NODE:-} gguf=${PEER_GGUF:-$shared/models/SmolLM2-135M-Instruct.Q4_1.gguf}
mkdir -p "$out"; : > "$out/raw.jsonl"
hybridengine=artifacts/hybridengine
[ -x $hybridengine ] || { echo "error: $hybridengine not found, expected a build (./build.sh)" >&2; exit 1; }

torch=1
OMP_NUM_THREADS=$threads "$python" -c 'import torch' 2>/dev/null || { torch=0; echo "skipped: PyTorch: $python cannot import torch" >&2; }
[ -f "$shared/tools/torch_baseline.py" ] || { torch=0; echo "skipped: PyTorch: $shared/tools/torch_baseline.py not found" >&2; }

record() { # who, then a command that prints one JSON line
  who=$1; shift
  line=$("$@" 2>>"$out/errors.log" | tail -1)
  [ -n "$line" ] && printf '{"who":"%s","result":%s}\n' "$who" "$line" >> "$out/raw.jsonl"
}

# what batch prompt new
default_cases='generate 1 128 64
generate 8 128 64
generate 32 128 128
prefill 1 512 0
train 4 256 0
rlhf 8 64 64'
cases=${CASES:-$default_cases}
for round in $(seq "$rounds"); do
  while read -r what batch prompt new; do
    echo "round $round: $what, batch $batch, prompt $prompt, new $new" >&2
    record ours $hybridengine bench "$what" --json --quiet --shape smollm2-135m --batch "$batch" --prompt "$prompt" --new "$new" --reps "$reps" --threads "$threads"
    if [ $torch = 1 ]; then
      record torch "$python" "$shared/tools/torch_baseline.py" "$what" --shape smollm2-135m --batch "$batch" --prompt "$prompt" --new "$((new > 0 ? new : 1))" --threads "$threads" --reps 1
    fi
  done <<< "$cases"
  if [ -n "$node" ] && [ -d "$node/node_modules/node-llama-cpp" ]; then
    # The script's ids are for a vocabulary of 150 thousand; SmolLM2 has 49,152.
    sed 's/%100000/%48000/' "$shared/tools/llama_cpp_bench.mjs" > "$node/bench.mjs"
    (cd "$node" && node bench.mjs "$(realpath "$OLDPWD/$gguf" 2>/dev/null || echo "$gguf")" "$threads" "$reps") 2>>"$out/errors.log" | tail -1 | sed 's/^/llama.cpp: /' | tee -a "$out/llama_cpp.txt" >&2
  fi
done
awk -f benchmarks/peers/table.awk "$out/raw.jsonl" | tee "$out/table.md"
