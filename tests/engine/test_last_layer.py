"""Of the last layer, no more is computed than scored rows need."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from engine_models import CONTEXT, EXACT, model_of, requests_for

from zoo.engine.merged import Merged
from zoo.engine.scorer import Packed, budget_for

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["Llama", "Gemma2", "GPTNeoX", "GptOss", "DeepseekV3", "GPT2"])
def test_only_scored_rows_go_through_the_last_feed_forward_part(name: str) -> None:
    model = model_of(name, EXACT[name])
    layers = next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == 4)
    read: dict[int, int] = {}

    def count(place: int) -> Any:
        def counted(_: Any, args: tuple[Any, ...]) -> None:
            read[place] = read.get(place, 0) + args[0].shape[:-1].numel()

        return counted

    pairs = [(context, continuation) for _, context, continuation in requests_for(model)]
    way = Packed(model, Merged(), CONTEXT, CPU, budget_for(CPU))
    for place in (2, 3):
        layers[place].mlp.register_forward_pre_hook(count(place))
    inner = [module for module in layers[3].mlp.modules() if module is not layers[3].mlp]
    inner[0].register_forward_pre_hook(count(4))
    way.score(pairs)
    assert read[2] == way.statistics["tokens"]
    assert read[4] == way.statistics["rows"] < read[2] / 3


def test_the_model_is_left_without_hooks() -> None:
    model = model_of("Llama", {})
    way = Packed(model, Merged(), CONTEXT, CPU, budget_for(CPU))
    way.score([([0, 5, 6], [7])])
    assert not model.model.layers[-1].mlp._forward_hooks
    assert not model.model.layers[-1].mlp._forward_pre_hooks
