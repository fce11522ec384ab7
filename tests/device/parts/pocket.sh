#!/usr/bin/env bash
# The pocket assistant on the GPU: SFT, reward model, PPO, graded (docs/rl/pocket.md).
[ -x "$HE_DEVICE_APP" ] || { echo "no programs (./build.sh device)"; exit 77; }
if [ "$HE_DEVICE_EMULATED" = 1 ]; then
  # One PPO step of four models instead.
  exec "$HE_DEVICE_APP" cli bench rlhf --backend cuda --dtype float32 --shape pocket --batch 1 --prompt 2 --new 2 --reps 1 --json --quiet
fi
"$HE_DEVICE_APP" cli demo --fast --backend cuda --dtype float32 --output "$HE_DEVICE_WORK/pocket" --json --quiet | sed "s#$HE_DEVICE_WORK/##"
exit "${PIPESTATUS[0]}"
