#!/usr/bin/env bash
# GGUF files of a shape that cannot be downloaded, with random weights, for benchmarks/peers/run.sh: qwen3-0.6b in Q8_0, Q4_0 and BF16 (2.2 GB in all).
#   benchmarks/peers/models.sh [FOLDER]     default artifacts/models; random_gguf.py is read from SHARED (default ../shared), PEER_PYTHON has numpy
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-artifacts/models} shared=${SHARED:-../shared}
mkdir -p "$folder"
for type in Q8_0 Q4_0 BF16; do
  [ -f "$folder/qwen3-0.6b-$type.gguf" ] || "${PEER_PYTHON:-/usr/bin/python3}" "$shared/tools/random_gguf.py" "$folder/qwen3-0.6b-$type.gguf" "$type"
done
