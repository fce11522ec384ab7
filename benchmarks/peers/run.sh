#!/usr/bin/env bash
# Side by side on this machine, in turns (A B A B): ours in every type, llama.cpp, PyTorch and oneDNN. Raw JSON lines into OUT; benchmarks/tables.py makes the tables.
#
#   benchmarks/peers/run.sh [OUT]       default artifacts/peers; OUT/peers.jsonl is appended to, artifacts/peers-errors.log says what failed
#   PARTS='files steps products'        which comparisons; all by default
#     files      reading and decoding GGUF files, beside llama.cpp: 512 tokens; 64 new ones in 1, 8 and 32 sequences
#     steps      rollouts, training, RLHF of a published shape with random weights, beside PyTorch
#     products   single matrix products, beside oneDNN (libdnnl-dev when native/ was built)
#   ROUNDS=3 REPS=3 THREADS=2           rounds of A B, repetitions inside a process, threads
#   MODELS='a.gguf b.gguf'              for files; default SmolLM2 of SHARED, and those of shapes that benchmarks/peers/models.sh writes into MODELS_FOLDER
#   STEPS='train 4 256 0'               for steps: what, batch, prompt, new; a line each
#   BATCHES="1 8 32"                    for files: sequences that decode together
#
# Peers, each optional and reported when absent:
#   llama.cpp   node with node-llama-cpp in PEER_NODE (npm install --ignore-scripts node-llama-cpp)
#   PyTorch     PEER_PYTHON with torch (Debian: python3-torch with libopenblas0-pthread), and torch_baseline.py of SHARED (default ../shared)
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${1:-artifacts/peers} rounds=${ROUNDS:-3} reps=${REPS:-3} threads=${THREADS:-2} shared=${SHARED:-../shared} parts=${PARTS:-files steps products}
python=${PEER_PYTHON:-/usr/bin/python3} node=${PEER_NODE:-} models=${MODELS:-"$shared/models/SmolLM2-135M-Instruct.Q4_1.gguf $(ls "${MODELS_FOLDER:-artifacts/models}"/*.gguf 2>/dev/null)"}
mkdir -p "$out"; out=$(realpath "$out")
commit=$(git rev-parse --short=10 HEAD 2>/dev/null || echo unknown)  # of what runs, if it was built since
hybridengine=artifacts/hybridengine
[ -x $hybridengine ] || { echo "error: $hybridengine not found, expected a build (./build.sh)" >&2; exit 1; }

record() { # who, then a command that prints JSON lines
  who=$1; shift
  printf '  %s: %s\n' "$who" "$*" >&2
  "$@" 2>>artifacts/peers-errors.log | grep '^{' | while IFS= read -r line; do
    printf '{"who":"%s","round":%d,"commit":"%s","command":"%s","result":%s}\n' "$who" "$round" "$commit" "$(printf '%s' "$*" | sed 's/["\\]/\\&/g')" "$line"
  done | sed "s#$(realpath "$shared" 2>/dev/null || echo "$shared")/#../shared/#g; s#${node:-PEER_NODE}/#PEER_NODE/#g" >> "$out/peers.jsonl"
}

llama=1
[ -n "$node" ] && [ -d "$node/node_modules/node-llama-cpp" ] || { llama=0; echo "skipped: llama.cpp: PEER_NODE has no node_modules/node-llama-cpp" >&2; }
torch=1
OMP_NUM_THREADS=$threads "$python" -c 'import torch' 2>/dev/null || { torch=0; echo "skipped: PyTorch: $python cannot import torch" >&2; }
[ -f "$shared/tools/torch_baseline.py" ] || { torch=0; echo "skipped: PyTorch: $shared/tools/torch_baseline.py not found" >&2; }
onednn=artifacts/native/bench/he_onednn
[ -x $onednn ] || echo "skipped: oneDNN: $onednn was not built (Debian: libdnnl-dev)" >&2

# Ours on a file: exact (float32 products with the weights as stored) and with 8-bit activations; a bf16 file also with bf16 products.
files() {
  for model in $models; do
    ways=("" "--activations int8")
    case $model in *[bB][fF]16*) ways=("--dtype float32" "--dtype bfloat16") ;; esac
    for way in "${ways[@]}"; do
      record ours $hybridengine bench prefill --json --quiet --model "$model" --batch 1 --prompt 512 --reps "$reps" --threads "$threads" $way
      for batch in ${BATCHES:-1 8 32}; do
        record ours $hybridengine bench generate --json --quiet --model "$model" --batch $batch --prompt 128 --new 65 --reps "$reps" --threads "$threads" $way
      done
    done
    if [ $llama = 1 ]; then
      cp benchmarks/peers/llama_cpp_bench.mjs "$node/llama_cpp_bench.mjs"
      record llama.cpp node "$node/llama_cpp_bench.mjs" "$model" "$threads" "$reps" 64 "$(echo ${BATCHES:-1 8 32} | tr " " ,)"
    fi
  done
}

default_steps='generate 1 128 64
generate 8 128 64
generate 32 128 128
prefill 1 512 0
train 4 256 0
rlhf 8 64 64'
steps() {
  while read -r what batch prompt new; do
    ways=("--dtype float32" "--dtype bfloat16")
    if [ "$what" = generate ]; then ways+=("--quantize q8_0 --activations int8"); fi
    for way in "${ways[@]}"; do
      record ours $hybridengine bench "$what" --json --quiet --shape smollm2-135m --batch "$batch" --prompt "$prompt" --new "$new" --reps "$reps" --threads "$threads" $way
    done
    # PyTorch 1.13 takes minutes for the large cases; those are beside recorded figures of PyTorch 2.13 instead.
    case "$what $batch" in "generate 8" | "prefill 1" | "train 4") [ $torch = 1 ] && record torch "$python" "$shared/tools/torch_baseline.py" "$what" --shape smollm2-135m --batch "$batch" --prompt "$prompt" --new "$((new > 0 ? new : 1))" --threads "$threads" --reps 1 ;; esac
  done <<< "${STEPS:-$default_steps}"
}

# Whole runs of he_bench and he_onednn by turns: their JSON has the roofs.
products() {
  for program in he_bench he_onednn; do
    [ -x artifacts/native/bench/$program ] || continue
    printf '  %s\n' "$program" >&2
    artifacts/native/bench/$program --only "${PRODUCTS:-512x512,1024x1024,2048x2048,576x1536,1x4096}" --repeat "$reps" --threads "$threads" --json "$out/$program-$round.json" >> artifacts/peers-errors.log 2>&1
  done
}

for round in $(seq "${FIRST_ROUND:-1}" "$((${FIRST_ROUND:-1} + rounds - 1))"); do
  for part in $parts; do
    echo "round $round: $part" >&2
    $part
  done
done
