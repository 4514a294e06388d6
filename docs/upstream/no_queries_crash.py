"""torch: attention of no queries on a CPU ends the process by SIGFPE (a division by zero).

`scaled_dot_product_attention` returns an empty tensor for it; its flash kernel, which alone gives
the log-sum-exp, does not. Runs the call in a process of its own.
"""

import signal
import subprocess
import sys

CALL = """
import torch
query, key = torch.randn(1, 2, 0, 8), torch.randn(1, 2, 5, 8)
torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, key, key, 0.0, False)
"""
done = subprocess.run([sys.executable, "-c", CALL], capture_output=True)
print(f"exit status {done.returncode}")
assert done.returncode == -signal.SIGFPE, "the fault is gone"
