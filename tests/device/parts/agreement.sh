#!/usr/bin/env bash
# Whole models: CUDA in each type beside the CPU in float32. The golden models of the repository, and SmolLM2 where HE_SHARED (or ../shared) has it.
# Bounds, in nats: float32 sums in another order; bf16 rounds every operand to 8 bits, and logits of these models are below 32.
[ -x "$HE_DEVICE_APP" ] || { echo "no programs (./build.sh device)"; exit 77; }
code=0 longest=100
agree() { # model, type, bound
  timeout --foreground --kill-after=3 $((40 * HE_DEVICE_PATIENCE)) "$HE_DEVICE_APP" agree "$@" $longest || { code=1; echo "$1 in $2: does not agree, or ended before it could"; }
}
smollm=$(ls "${HE_SHARED:-../shared}"/models/SmolLM2-*.gguf 2>/dev/null | head -1)
models="tests/golden/models/llama tests/golden/models/opt tests/golden/models/gpt2 tests/golden/models/gpt-neox"
if [ "$HE_DEVICE_EMULATED" = 1 ]; then models=tests/golden/models/llama smollm= longest=9; fi
for model in $models; do
  agree "$model" float32 1e-3
  agree "$model" bfloat16 0.25
done
if [ -n "$smollm" ]; then agree "$smollm" float32 1e-2; agree "$smollm" bfloat16 0.5; else echo "SmolLM2: no GGUF in ${HE_SHARED:-../shared}/models, not compared"; fi
exit $code
