"""Writes hf.safetensors with the reference implementation (safetensors 0.8.0, torch): every type we know, a scalar, an
empty tensor and odd names. Each tensor of n numbers counts -1, 0, 1, … n-2; unsigned ones 0, 1, 2, …; booleans alternate.
"""

import torch
from safetensors.torch import save_file

signed = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8]
tensors = {str(t).removeprefix("torch."): torch.arange(-1, 5).reshape(2, 3).to(t) for t in signed}
tensors["uint8"] = torch.arange(6, dtype=torch.uint8)
tensors["bool"] = torch.arange(6) % 2 == 1
tensors["scalar"] = torch.tensor(-1.0)
tensors["empty"] = torch.zeros(0, 4)
tensors['ñ "quoted" \\ \n'] = torch.tensor([-1.0])
save_file(tensors, "hf.safetensors", metadata={"format": "pt", "note": 'tab\t, "quotes", ünïcode'})
