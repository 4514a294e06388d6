"""lm-eval's `--use_cache`: one model is served the answers of another.

`CachingLM` keys an answer by the request alone. Two models that are given one path, or one model
after more training, share their answers without a word.
"""

import tempfile
from pathlib import Path

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, CachingLM


class Says(LM):
    """Gives one log-likelihood to everything."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def loglikelihood(self, requests, disable_tqdm=False):  # noqa: ARG002
        answers = [(self.value, True) for _ in requests]
        for request, answer in zip(requests, answers, strict=True):
            self.cache_hook.add_partial("loglikelihood", request.args, answer)
        return answers

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        raise NotImplementedError

    def generate_until(self, requests, disable_tqdm=False):
        raise NotImplementedError


with tempfile.TemporaryDirectory() as folder:
    path = str(Path(folder) / "cache.db")
    request = Instance("loglikelihood", {}, ("one", " two"), 0)
    first = CachingLM(Says(-1.0), path).loglikelihood([request])
    second = CachingLM(Says(-2.0), path).loglikelihood([request])
print(f"the first model says {first[0][0]}, the second, which says -2.0: {second[0][0]}")
assert second[0][0] == -1.0, "the fault is gone"
