#!/usr/bin/env bash
# What ptxas makes of every kernel (registers, spills): of the PTX that we ship, for this GPU, and of nvcc's from the same sources.
nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null) || { echo "nvcc was not found: registers and spills are known to ptxas alone"; exit 77; }
ptxas=$(command -v ptxas || ls "$(dirname "$nvcc")/ptxas" 2>/dev/null) || ptxas=
sm=sm_$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d .)
[ "$sm" = sm_ ] && sm=sm_90
export nvcc ptxas sm work=$HE_DEVICE_WORK/compile
mkdir -p "$work/ptx"

# ptxas -v on standard input to a JSON line a kernel.
figures() { # compiler, source
  awk -v by="$1" -v source="$2" '
    function flush() { if (name != "") printf "{\"kernel\":\"%s\",\"compiler\":\"%s\",\"source\":\"%s\",\"registers\":%d,\"spill_stores\":%d,\"spill_loads\":%d,\"stack\":%d,\"static_shared\":%d}\n", name, by, source, registers, stores, loads, stack, shared; name = "" }
    /Compiling entry function/ { flush(); split($0, part, "\047"); name = part[2]; registers = stores = loads = stack = shared = 0 }
    /bytes stack frame, .* spill loads/ { stack = $1; stores = $5; loads = $9 }
    /Used [0-9]+ registers/ { for (i = 1; i <= NF; i++) { if ($i == "Used") registers = $(i + 1); if ($i ~ /^smem/) shared = $(i - 2) } }
    END { flush() }'
}
export -f figures

ours() { # a PTX file
  base=$(basename "$1" .ptx)
  if "$ptxas" -v -arch="$sm" "$1" -o "$work/$base.cubin" > "$work/$base.txt" 2>&1; then figures shipped "$base" < "$work/$base.txt"; else echo "ptxas refuses $base: $(head -3 "$work/$base.txt" | tr '\n' ' ')"; return 1; fi
}
theirs() { # a source
  base=$(basename "$(dirname "$1")").$(basename "$1" .cu)
  if "$nvcc" -cubin -O3 -std=c++17 -fmad=false -ftz=false -prec-div=true -prec-sqrt=true -arch="$sm" -Xptxas -v -Inative "$1" -o "$work/$base.nvcc.cubin" > "$work/$base.nvcc.txt" 2>&1; then
    figures nvcc "$base" < "$work/$base.nvcc.txt"
  else
    echo "nvcc refuses $1: $(grep -m3 -i error "$work/$base.nvcc.txt" | tr '\n' ' ')"; return 1
  fi
}
export -f ours theirs

code=0
if [ -n "$ptxas" ] && [ -x "$HE_DEVICE_APP" ] && "$HE_DEVICE_APP" ptx "$work/ptx"; then
  # The latest architecture that this one understands, as the backend chooses.
  for family in $(ls "$work/ptx" | sed 's/\.sm_[0-9a-z]*\.ptx$//' | sort -u); do
    ls "$work/ptx" | grep "^$family\.sm_[0-9]*\.ptx$" | sed 's/.*sm_\([0-9]*\).*/\1 &/' | awk -v most="${sm#sm_}" '$1 <= most' | sort -n | tail -1 | cut -d' ' -f2
  done | sed "s#^#$work/ptx/#" | xargs -P "$(nproc)" -I{} bash -c 'ours {}' || code=1
else
  echo "the shipped PTX was not assembled: no ptxas, or no programs"; code=1
fi
ls native/cuda/*/*.cu | xargs -P "$(nproc)" -I{} bash -c 'theirs {}' || code=1
exit $code
