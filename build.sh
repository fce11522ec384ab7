#!/usr/bin/env bash
# The one door: builds, tests, packs, shows. Needs the .NET SDK 10, CMake and a C++ compiler; anything more is detected, and its absence reported.
#
#   ./build.sh                 build everything (artifacts/hybridengine is the command)
#   ./build.sh demo [ARGS]     build, then train the pocket assistant: SFT, reward model, PPO (ARGS go to `hybridengine demo`, such as --seed 1, --fast)
#   ./build.sh test [--install] [--long] [--sanitize]
#                              build and run every test of this machine; --install fetches optional system packages where it is root,
#                              --long adds the tests that take minutes, --sanitize the native tests under address and undefined-behaviour sanitizers
#   ./build.sh pack            NuGet packages into artifacts/packages
#   ./build.sh bench [ARGS]    native kernel benchmarks beside this machine's roof
#   ./build.sh device          artifacts/device.tar.xz: what tests/device/run.sh needs on a machine with an NVIDIA GPU and no .NET (docs/cuda.md)
#   ./build.sh clean           remove artifacts
set -euo pipefail
cd "$(dirname "$0")"
root=$PWD
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

say() { printf '\n== %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
need() { have "$1" || { echo "error: $1 not found, expected $2 on PATH" >&2; exit 1; }; }

# Microsoft.ML.Tokenizers comes from the package feed where it is served, else from src/Compat. Asked once; artifacts/bindings remembers.
choose_bindings() {
  mkdir -p artifacts
  if [ -n "${Bindings:-}" ]; then
    bindings=$Bindings why="the environment says so"
  elif [ -s artifacts/bindings ]; then
    read -r bindings why < artifacts/bindings
  else
    bindings=compat why="the package feed does not serve Microsoft.ML.Tokenizers"
    probe=$(mktemp -d)
    printf '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup><ItemGroup><PackageReference Include="Microsoft.ML.Tokenizers" Version="2.0.1" /></ItemGroup></Project>' > "$probe/probe.csproj"
    if dotnet restore "$probe/probe.csproj" -v q >/dev/null 2>&1; then bindings=packages why="the package feed serves them"; fi
    rm -rf "$probe"
    printf '%s %s\n' "$bindings" "$why" > artifacts/bindings
  fi
  export Bindings=$bindings
  echo "bindings: $bindings ($why)" >&2
}

build_native() { # folder, then CMake options
  folder=$1; shift
  if ! cmake -S native -B "$folder" -DCMAKE_BUILD_TYPE=Release "$@" > "$folder.log" 2>&1 || ! cmake --build "$folder" -j "$jobs" >> "$folder.log" 2>&1; then
    tail -40 "$folder.log" >&2
    echo "error: the native library did not build, the whole log is in $folder.log" >&2
    exit 1
  fi
}

build() {
  need dotnet ".NET SDK 10"
  need cmake "CMake 3.25 or later"
  choose_bindings
  say "native library"
  build_native artifacts/native
  say "managed code"
  dotnet build "${1:-src/HybridEngine.Cli/HybridEngine.Cli.csproj}" -c Release -v q -clp:NoSummary
  printf '#!/bin/sh\nexec "%s/artifacts/bin/HybridEngine.Cli/release/HybridEngine.Cli" "$@"\n' "$root" > artifacts/hybridengine
  chmod +x artifacts/hybridengine
}

install_optional() {
  if [ "$(id -u)" != 0 ] || ! have apt-get; then
    echo "--install: not root on a system with apt-get; nothing was installed" >&2
    return
  fi
  say "optional system packages"
  apt-get update -qq >/dev/null 2>&1 || true
  for package in libgtest-dev valgrind; do
    install_package "$package" || echo "could not install $package" >&2
  done
  # A compiler for the CUDA kernels (cmake/Cuda.cmake): any clang from 16 on writes PTX.
  if ! have nvcc && ! [ -x /usr/local/cuda/bin/nvcc ]; then
    install_package clang-19 || install_package clang-18 || install_package clang-17 || install_package clang-16 || echo "could not install clang-19, 18, 17 or 16" >&2
  fi
}

install_package() {
  dpkg -s "$1" >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends "$1" >/dev/null 2>&1
}

passed=0 failed=0 skipped=0
count() { passed=$((passed + $1)); failed=$((failed + $2)); skipped=$((skipped + $3)); }

run_ctest() { # folder, name
  if [ ! -f "$1/tests/CTestTestfile.cmake" ]; then
    echo "skipped: $2: GoogleTest was not found (Debian: libgtest-dev, or ./build.sh test --install)"
    count 0 0 1
    return
  fi
  log="$1/ctest.log"
  ctest --test-dir "$1" -j "$jobs" --output-on-failure > "$log" 2>&1 || true
  total=$(sed -n 's/.*tests failed out of \([0-9]*\)$/\1/p' "$log" | tail -1)
  bad=$(sed -n 's/.*, \([0-9]*\) tests failed out of.*/\1/p' "$log" | tail -1)
  notrun=$(grep -c '\*\*\*Skipped' "$log" || true)
  if [ -z "$total" ]; then cat "$log"; total=1 bad=1; fi
  if [ "$bad" != 0 ]; then grep -vE ' Passed ' "$log" | tail -200; fi
  if [ "$notrun" != 0 ]; then # with the reason that the test gives
    awk '/^\[ RUN / { name = $4 } /: Skipped$/ { getline; print "skipped: " name ": " $0 }' "$1/Testing/Temporary/LastTest.log" || true
  fi
  echo "$2: $((total - bad - notrun)) passed, $bad failed, $notrun skipped"
  count $((total - bad - notrun)) "$bad" "$notrun"
}

# Instructions of fixed kernels, against the recorded ones (benchmarks/guard/run.sh).
run_guard() {
  code=0
  benchmarks/guard/run.sh artifacts/native || code=$?
  case $code in
    0) count 1 0 0 ;; 77) count 0 0 1 ;; *) count 0 1 0 ;;
  esac
}

run_dotnet_tests() {
  rm -rf artifacts/test-results
  dotnet test HybridEngine.sln -c Release --no-build --nologo -m:1 --logger "trx" --results-directory artifacts/test-results > artifacts/dotnet-test.log 2>&1 || true
  grep -vE '^(VSTest|Results File|Starting test|A total of|Attachments|WARNING: Overwriting)' artifacts/dotnet-test.log | grep -vE '\[SKIP\]|^ *$' || true
  while read -r f p s; do count "$p" "$f" "$s"; done < <(
    sed -nE 's/.*(Passed|Failed|Skipped)! +- Failed: +([0-9]+), Passed: +([0-9]+), Skipped: +([0-9]+),.*/\2 \3 \4/p' artifacts/dotnet-test.log)
  if grep -qE 'Test Run Aborted|The active test run was aborted|error MSB|error CS' artifacts/dotnet-test.log; then count 0 1 0; fi
  # Every skip with its reason.
  for trx in artifacts/test-results/*.trx; do
    [ -f "$trx" ] || continue
    awk 'BEGIN { RS = "<UnitTestResult " } /outcome="NotExecuted"/ {
      name = $0; sub(/.*testName="/, "", name); sub(/".*/, "", name)
      why = $0; if (!sub(/.*<Message>/, "", why)) why = "no reason given"; sub(/<\/Message>.*/, "", why)
      printf "skipped: %s: %s\n", name, why }' "$trx"
  done
}

test_all() {
  install=0 long=0 sanitize=0
  for a in "$@"; do
    case $a in
      --install) install=1 ;; --long) long=1 ;; --sanitize) sanitize=1 ;;
      *) echo "error: test: found '$a', expected --install, --long or --sanitize" >&2; exit 2 ;;
    esac
  done
  if [ $install = 1 ]; then install_optional; fi
  build HybridEngine.sln
  if [ $long = 1 ]; then export HE_LONG_TESTS=1; fi
  say "native tests"
  run_ctest artifacts/native "native tests"
  say "instruction counts"
  run_guard
  if [ $sanitize = 1 ]; then
    say "native tests under sanitizers"
    build_native artifacts/native-sanitized -DHE_SANITIZE=ON
    run_ctest artifacts/native-sanitized "native tests, sanitized"
  fi
  say "managed tests"
  run_dotnet_tests
  echo
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ] && [ "$passed" != 0 ]
}

pack() {
  build
  say "packages"
  rm -rf artifacts/packages
  for project in Core Reference Native Cuda Models Inference Training "" Rlhf Cli; do
    dotnet pack "src/HybridEngine${project:+.$project}" -c Release -v q -clp:NoSummary -o artifacts/packages
  done
  if [ "$Bindings" = compat ]; then
    for assembly in Microsoft.ML.Tokenizers ManagedCuda; do dotnet pack "src/Compat/$assembly" -c Release -v q -clp:NoSummary -o artifacts/packages; done
  fi
  ls -l artifacts/packages
}

case "${1:-build}" in
  build) build ;;
  demo) shift; build; exec artifacts/hybridengine demo "$@" ;;
  test) shift; test_all "$@" ;;
  pack) pack ;;
  bench) shift; build; exec artifacts/native/bench/he_bench "$@" ;;
  device) build; say "programs for a machine with a GPU"; tests/device/publish.sh ;;
  clean) rm -rf artifacts ;;
  -h | --help | help) sed -n '2,14s/^# \{0,1\}//p' "$0" ;;
  *) echo "error: found '$1', expected build, demo, test, pack, bench, device or clean" >&2; exit 2 ;;
esac
