"""Makes python.safetensors with the format's own library.

    python3 test/data/pythonSafetensors.py    (needs: pip install safetensors numpy)
"""
import pathlib

import numpy as np
from safetensors.numpy import save

tensors = {
    "layers.0.weight": np.array([[1.5, -2.25, 3.0], [0.1, 1e-40, np.inf]], dtype=np.float32),
    "layers.0.bias": np.array([np.nan, -0.0], dtype=np.float64),
    "mask": np.array([True, False, True]),
    "pixels": np.array([[0, 255], [7, 9]], dtype=np.uint8),
    "labels": np.array([-1, 2147483647], dtype=np.int32),
    "scalar": np.array(4.5, dtype=np.float32),
    "empty": np.zeros((0, 3), dtype=np.float32),
    "7": np.array([1], dtype=np.int32),
    "Zoë": np.array([1], dtype=np.uint8),
}
target = pathlib.Path(__file__).parent / "python.safetensors"
target.write_bytes(save(tensors, metadata={"format": "chainrule"}))
