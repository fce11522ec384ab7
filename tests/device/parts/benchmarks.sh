#!/usr/bin/env bash
# `hybridengine bench` on the GPU, most wanted first; each case with its own limit. What the engine cannot do yet, the command says, and so does the report.
[ -x "$HE_DEVICE_APP" ] || { echo "no programs (./build.sh device)"; exit 77; }
cases='generate opt-1.3b 8 256 128 bfloat16
train opt-1.3b 8 384 0 bfloat16
generate smollm2-135m 8 128 128 bfloat16
train smollm2-135m 8 512 0 bfloat16
rlhf smollm2-135m 8 256 128 bfloat16
prefill opt-1.3b 8 1024 0 bfloat16
generate opt-1.3b 1 256 128 bfloat16
generate opt-1.3b 32 256 128 bfloat16
rlhf opt-1.3b 8 256 128 bfloat16
generate opt-1.3b 128 256 128 bfloat16
generate smollm2-135m 8 128 128 float32
train smollm2-135m 8 512 0 float32
prefill llama-8b 1 4096 0 bfloat16'
most=$((60 * HE_DEVICE_PATIENCE)) reps=3
if [ "$HE_DEVICE_EMULATED" = 1 ]; then cases='generate pocket 2 2 2 float32'; reps=1; fi
good=0 bad=0
while read -r what shape batch prompt new dtype; do
  arguments=(bench "$what" --backend cuda --dtype "$dtype" --shape "$shape" --batch "$batch" --prompt "$prompt" --reps $reps --json --quiet)
  [ "$new" != 0 ] && arguments+=(--new "$new")
  timeout --foreground --kill-after=3 $most "$HE_DEVICE_APP" cli "${arguments[@]}" > "$HE_DEVICE_WORK/bench" 2> "$HE_DEVICE_WORK/bench.err" < /dev/null; code=$?
  if [ $code = 0 ] && grep '^{.*}$' "$HE_DEVICE_WORK/bench"; then good=$((good + 1)); continue; fi
  bad=$((bad + 1))
  why=$(tail -1 "$HE_DEVICE_WORK/bench.err" | tr '\t' ' ' | sed 's/[\\"]/\\&/g')
  [ $code = 124 ] && why="not done after $most s"
  echo "{\"what\":\"$what\",\"shape\":\"$shape\",\"dtype\":\"$dtype\",\"batch\":$batch,\"prompt\":$prompt,\"new\":$new,\"error\":\"${why:-ended with $code}\"}"
done <<< "$cases"
echo "$good measured, $bad not"
[ $bad = 0 ]
