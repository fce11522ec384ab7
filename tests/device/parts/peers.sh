#!/usr/bin/env bash
# PyTorch on the same card (tests/device/peers.py).
python3 -c 'import torch' 2>/dev/null || { echo "python3 has no PyTorch here"; exit 77; }
if [ "$HE_DEVICE_EMULATED" = 1 ]; then exec python3 -B tests/device/peers.py --smallest; fi
python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || { echo "PyTorch sees no GPU"; exit 77; }
PYTHONUNBUFFERED=1 exec python3 -B tests/device/peers.py
