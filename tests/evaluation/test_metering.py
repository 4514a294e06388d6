"""What asking takes is measured, and unknown where it cannot be."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from zoo.evaluation.metering import metered, tokens_in
from zoo.evaluation.requests import Request


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux begins a peak anew")
def test_the_peak_of_memory_is_that_of_what_was_metered() -> None:
    with metered("cpu") as before:
        held = bytearray(1)
    with metered("cpu") as large:
        held = bytearray(b"\x01") * 200_000_000
    del held
    with metered("cpu") as after:
        pass
    peaks = [meter.peak_memory_bytes for meter in (before, large, after)]
    assert None not in peaks
    assert peaks[1] > peaks[0] + 150_000_000
    assert peaks[2] < peaks[1] - 150_000_000, "an earlier peak is forgotten"
    assert large.kwh is None


@dataclass
class Model:
    """Something with a tokenizer."""

    tokenizer: object


def test_tokens_of_prompts_and_continuations_are_counted_and_unknown_without_a_tokenizer() -> None:
    def words(texts: list[str], add_special_tokens: bool) -> dict[str, list[list[str]]]:
        assert not add_special_tokens
        return {"input_ids": [text.split() for text in texts]}

    asked = [Request(0, 0, "loglikelihood", "a b", " c d"), Request(1, 0, "generate_until", "a b")]
    assert tokens_in(Model(words), asked) == 6
    assert tokens_in(Model(None), asked) is None
