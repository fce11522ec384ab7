#!/usr/bin/env bash
# What a machine with an NVIDIA GPU needs and does not have, in one file: the command, the conformance suite with its runner, the native library and the PTX, self-contained,
# for linux-x64. Not trimmed: xunit finds tests by reflection. After a build of native/ with a compiler for PTX (./build.sh device does both).
#
#   tests/device/publish.sh      artifacts/device/app, artifacts/device.tar.xz
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -f artifacts/native/libhybridengine_native.so ] || { echo "error: artifacts/native/libhybridengine_native.so not found, expected a build of native/ (./build.sh)" >&2; exit 1; }
ls artifacts/native/cuda/ptx/*.ptx >/dev/null 2>&1 || echo "note: the native build had no compiler for PTX (clang 16 or later, or nvcc): these programs will find no GPU usable" >&2
rm -rf artifacts/device/app
dotnet publish tests/HybridEngine.Device/HybridEngine.Device.csproj -c Release -r linux-x64 --self-contained -p:DebugType=none -p:PublishDocumentationFiles=false -v q -o artifacts/device/app
git rev-parse --short=10 HEAD > artifacts/device/app/commit 2>/dev/null || true
tar -cf - -C artifacts/device --owner=0 --group=0 app | xz -6 -T0 > artifacts/device.tar.xz
size=$(stat -c %s artifacts/device.tar.xz)
echo "artifacts/device.tar.xz: $((size >> 20)) MiB ($(du -sm artifacts/device/app | cut -f1) MiB unpacked). On the machine, in the root of a checkout: tests/device/run.sh"
[ "$size" -lt $((40 << 20)) ] || { echo "error: artifacts/device.tar.xz: found $size bytes, expected less than 40 MiB" >&2; exit 1; }
