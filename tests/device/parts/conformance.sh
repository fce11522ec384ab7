#!/usr/bin/env bash
# The conformance suite and the backend's tests on the device: a process a class, so that a fault ends one class.
[ -x "$HE_DEVICE_APP" ] || { echo "no programs (./build.sh device)"; exit 77; }
classes=$("$HE_DEVICE_APP" classes) || exit 1
most=$((100 * HE_DEVICE_PATIENCE)) jobs=$(( $(nproc) / 4 > 0 ? $(nproc) / 4 : 1 ))
if [ "$HE_DEVICE_EMULATED" = 1 ]; then classes="CudaMemory CudaKernelsTests"; fi
export most
one() {
  timeout --foreground --kill-after=3 "$most" "$HE_DEVICE_APP" conformance "$1" > "$HE_DEVICE_WORK/class.$1" 2> "$HE_DEVICE_WORK/class.$1.err"; code=$?
  tail -c 20000 "$HE_DEVICE_WORK/class.$1.err" >&2
  if grep '^{.*}$' "$HE_DEVICE_WORK/class.$1"; then return $code; fi
  echo "{\"class\":\"$1\",\"passed\":0,\"failed\":1,\"skipped\":0,\"seconds\":null,\"failures\":[{\"test\":\"$1\",\"message\":\"ended with $code without a result$([ $code = 124 ] && echo ", after $most s")\"}]}"
  return 1
}
export -f one
printf '%s\n' $classes | xargs -P "$jobs" -I{} bash -c 'one {}' | tee "$HE_DEVICE_WORK/classes"
total() { sed -n "s/.*\"$1\":\([0-9]*\),.*/\1/p" "$HE_DEVICE_WORK/classes" | awk '{ n += $1 } END { print n + 0 }'; }
echo "$(wc -l < "$HE_DEVICE_WORK/classes") of $(echo "$classes" | wc -w) classes: $(total passed) passed, $(total failed) failed, $(total skipped) skipped"
[ "$(total failed)" = 0 ] && [ "$(total passed)" != 0 ]
