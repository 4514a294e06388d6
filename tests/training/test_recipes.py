"""Which recipe makes a stage, and what it comes to."""

from __future__ import annotations

import pytest

from zoo.errors import ConfigError
from zoo.training.recipes import choose


def chosen(host, stage="nudged", wanted="", **told):
    return choose(host.registry.recipes, "nano", stage, wanted, told)


def test_a_recipe_made_ready_is_its_way_of_training_with_options_laid_over(host):
    found = chosen(host)
    assert (found.name, found.of, found.regime) == ("nano/nudged", "nudge", "fine-tuned")
    assert found.options["rate"] == 2.0
    assert found.options["steps"] == 4
    assert chosen(host, rate="3").options["rate"] == 3.0
    assert found.columns == (("text",), ("a", "b"))
    assert (found.parent, found.targets) == ("nano/pretrained", ("reports",))


@pytest.mark.parametrize(
    ("stage", "wanted", "said"),
    [
        ("nudge", "", "no recipe is called nano/nudge; did you mean 'nano/nudged'?"),
        ("mine", "", "name one with --recipe: "),
        ("mine", "nuge", "there is no recipe named 'nuge'; did you mean 'nudge'?"),
        ("mine", "of-of", "'of-of' is of 'nano/nudged', which is itself of another"),
        ("mine", "neither", "'neither' of zoo must have one of `train` and `of`"),
        ("mine", "nothing", "the recipe nothing must be told its size: --set size=..."),
    ],
)
def test_what_makes_no_stage_is_said_in_a_sentence(host, stage, wanted, said):
    with pytest.raises(ConfigError) as problem:
        chosen(host, stage, wanted)
    assert said in str(problem.value)


@pytest.mark.parametrize(
    ("wanted", "options", "said"),
    [
        ("full", {"schedule": "cosin"}, "did you mean 'cosine'"),
        ("lora", {"batch": 0}, "must be at least 1"),
        ("grpo", {"batch": 6, "group": 4}, "choose a batch that group divides"),
        ("grpo", {"reward": "last-numbr"}, "did you mean 'last-number'"),
        ("rlhf", {"group": 1}, "must be two or more"),
        ("rlhf", {"reward_steps": -1}, "no less than 0"),
        ("rlhf", {"reward_model": "./none"}, "there is no folder reward_model=./none"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_before_anything_is_written(
    host, wanted, options, said
):
    with pytest.raises(ConfigError) as problem:
        chosen(host, "mine", wanted, **options)
    assert said in str(problem.value)


def test_a_check_that_fails_in_its_own_way_is_said_in_a_sentence(host):
    with pytest.raises(
        ConfigError, match="recipe nano/nudged cannot be checked: KeyError: 'out of luck'"
    ):
        chosen(host, rate=-1.0)
