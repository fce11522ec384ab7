# The same words as build.sh, for Windows. Written for it but not tested there: no native kernels are built for Windows yet, so the engine runs on Reference.
param([Parameter(Position = 0)][string]$Command = 'build', [Parameter(ValueFromRemainingArguments)][string[]]$Rest)
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot
if (-not $env:Bindings) { $env:Bindings = 'compat' }

function Build-All([string]$Project = 'src/HybridEngine.Cli/HybridEngine.Cli.csproj') {
    New-Item -ItemType Directory -Force artifacts | Out-Null
    if (Get-Command cmake -ErrorAction SilentlyContinue) {
        cmake -S native -B artifacts/native -DCMAKE_BUILD_TYPE=Release
        if ($LASTEXITCODE -eq 0) { cmake --build artifacts/native --config Release }
        if ($LASTEXITCODE -ne 0) { Write-Warning 'the native library did not build; the engine falls back to Reference, slowly' }
    } else { Write-Warning 'cmake not found; the engine falls back to Reference, slowly' }
    dotnet build $Project -c Release -v q
    if ($LASTEXITCODE -ne 0) { exit 1 }
}

switch ($Command) {
    'build' { Build-All }
    'demo' { Build-All; & artifacts/bin/HybridEngine.Cli/release/HybridEngine.Cli.exe demo @Rest; exit $LASTEXITCODE }
    'test' { Build-All HybridEngine.sln; dotnet test HybridEngine.sln -c Release --no-build; exit $LASTEXITCODE }
    'pack' {
        Build-All
        foreach ($p in 'HybridEngine.Core', 'HybridEngine.Reference', 'HybridEngine.Native', 'HybridEngine.Cuda', 'HybridEngine.Models', 'HybridEngine.Inference', 'HybridEngine.Training', 'HybridEngine', 'HybridEngine.Rlhf', 'HybridEngine.Cli', 'Compat/Microsoft.ML.Tokenizers', 'Compat/ManagedCuda') {
            dotnet pack "src/$p" -c Release -v q -o artifacts/packages
        }
    }
    'clean' { Remove-Item -Recurse -Force artifacts -ErrorAction SilentlyContinue }
    default { Write-Error "found '$Command', expected build, demo, test, pack or clean"; exit 2 }
}
