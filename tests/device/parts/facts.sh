#!/usr/bin/env bash
# Driver, device, clocks, compilers, machine.
text() { printf '"%s"' "$(printf '%s' "$1" | tr '\t\n' '  ' | sed 's/[\\"]/\\&/g')"; }
code=0
if command -v nvidia-smi >/dev/null; then
  nvidia-smi
  query=name,driver_version,compute_cap,memory.total,clocks.sm,clocks.max.sm,clocks.mem,clocks.max.mem,power.limit,temperature.gpu,ecc.mode.current,persistence_mode
  nvidia-smi --query-gpu=$query --format=csv,noheader | while IFS= read -r line; do
    printf '{"fact":"gpu"'
    IFS=, read -ra values <<< "$line"; IFS=, read -ra names <<< "$query"
    for i in "${!names[@]}"; do printf ',"%s":%s' "${names[i]//./_}" "$(text "${values[i]# }")"; done
    echo '}'
  done
else
  echo "nvidia-smi: not found"
fi
for tool in nvcc ptxas python3 gcc; do
  path=$(command -v $tool || ls /usr/local/cuda/bin/$tool 2>/dev/null) || { echo "{\"fact\":\"tool\",\"name\":\"$tool\",\"version\":null}"; continue; }
  echo "{\"fact\":\"tool\",\"name\":\"$tool\",\"version\":$(text "$($path --version 2>&1 | grep -iE 'release|version|python|gcc' | head -1)")}"
done
python=$(python3 -c 'import torch; print(torch.__version__, torch.version.cuda)' 2>/dev/null) && echo "{\"fact\":\"tool\",\"name\":\"torch\",\"version\":$(text "$python")}"
echo "{\"fact\":\"machine\",\"kernel\":$(text "$(uname -sr)"),\"cpu\":$(text "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"),\"cpus\":$(nproc),\"memory_gib\":$(awk '/MemTotal/ { printf "%d", $2 / 1048576 }' /proc/meminfo)}"
if [ -x "$HE_DEVICE_APP" ]; then
  "$HE_DEVICE_APP" cli devices
  "$HE_DEVICE_APP" cli devices --json | sed 's/^{/{"fact":"devices",/'
  # The rest is worth nothing without it.
  "$HE_DEVICE_APP" cli devices --json | grep -q '"name":"cuda","available":true' || code=1
  "$HE_DEVICE_APP" cli devices | grep '^cuda'
else
  echo "no programs here (./build.sh device makes them)"; code=1
fi
exit $code
