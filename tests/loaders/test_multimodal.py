"""The loader `multimodal`: images are asked with, decide who answered what, and are not stored."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import instances
from picturing import COLOURS, square, write_colours
from support.evaluating import cell_of, evaluate, make_evaluator, spec

import zoo_multimodal
from zoo.authoring.seeing import CHAT as TEMPLATE
from zoo.authoring.seeing import save_seeing
from zoo.authoring.tiny import save_checkpoint
from zoo.cli import main
from zoo.errors import CellError, ConfigError
from zoo.evaluation.answering import answer
from zoo.evaluation.asked import keep_asked
from zoo.evaluation.huggingface import HF
from zoo.evaluation.images import image_hash
from zoo.evaluation.journalling import AnswerHook, OpenCell
from zoo.evaluation.preparing import Cell
from zoo.evaluation.requests import CellRequests, Request
from zoo.models import Model, Prompting
from zoo.questions import read_questions
from zoo.results import Result
from zoo.store import Store

(LOADER,) = zoo_multimodal.zoo_loaders()
CHAT = Prompting(chat_template="default")
WHOLE = {"until": [], "max_gen_toks": 8, "do_sample": False}
COLOUR = {"metric": "exact_match", "num_fewshot": 0}


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_seeing(tmp_path_factory.mktemp("eyes") / "base")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colours(tmp_path_factory.mktemp("colours"))


@pytest.fixture(scope="module")
def lm(eyes: Path) -> Any:
    return LOADER.load(Model(str(eyes)), device="cpu", dtype="float32", batch_size=3)


def prepared(store: Path, tasks: Path, model: Path, task: str = "colours", **how: Any) -> Any:
    """The cell, or the result that says why there is none."""
    evaluator, _ = make_evaluator(store, tasks, loader=how.pop("loader", LOADER))
    likelihood_of = how.pop("likelihood_of", "")
    asked = spec(model, task, **{**COLOUR, **how})
    return evaluator.prepare(replace(asked, likelihood_of=likelihood_of))


# ------------------------------------------------------------------------------- one whole run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `zoo run`, then `zoo report`, says of a family that sees and a model that does not."""
    root: Path = tmp_path_factory.mktemp("run")
    for seed, name in enumerate(("base", "tuned")):
        save_seeing(root / name, seed=seed)
    write_colours(root / "tasks")
    (root / "zoo.toml").write_text(
        """[families.eyes]
suite = "core"
models = [
  { id = "nano/pretrained", regime = "pretrained" },
  { id = "./base", regime = "pretrained" },
  { id = "./tuned", regime = "fine-tuned", base_model = "./base" },
]
"""
    )
    where = ["eyes", "--config", str(root / "zoo.toml"), "--no-plugins"]
    asked = ["--tasks", "colours,core_facts", "--include-path", str(root / "tasks")]
    how = ["--protocol", "uniform", "--limit", "3", "--device", "cpu", "--progress", "none"]
    assert main(["run", *where, *asked, *how]) == 0
    out = root / "report.json"
    assert main(["report", *where, "--format", "json", "--output", str(out)]) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_models_that_see_and_one_that_does_not_stand_in_one_table(report: dict[str, Any]) -> None:
    scores = {
        (stage["model"], score["benchmark"]): score
        for stage in report["stages"]
        for score in stage["scores"]
    }
    assert len(scores) == 6
    unasked = scores.pop(("nano/pretrained", "colours"))
    assert unasked["status"] == "not_applicable"
    assert "the loader 'torch' shows its models none" in unasked["error"]
    assert {each["status"] for each in scores.values()} == {"scored"}
    assert report["provenance"]["loader"] == ["multimodal", "torch"]
    assert not any(edge["mixed"] for edge in report["edges"])


# --------------------------------------------------------------------------- lm-eval's answers


@pytest.mark.parametrize("prompting", [Prompting(), CHAT], ids=["plain", "chat"])
def test_answers_are_those_of_lm_eval(
    prompting: Prompting, eyes: Path, tasks: Path, tmp_path: Path
) -> None:
    import lm_eval
    from lm_eval.models.hf_vlms import HFMultimodalLM
    from lm_eval.tasks import TaskManager

    theirs = lm_eval.simple_evaluate(
        HFMultimodalLM(pretrained=str(eyes), device="cpu", dtype="float32", batch_size=4),
        tasks=["colours"],
        task_manager=TaskManager(include_path=str(tasks), include_defaults=False),
        apply_chat_template=prompting.is_chat,
        bootstrap_iters=0,
    )
    evaluator, _ = make_evaluator(tmp_path, tasks, loader=LOADER, batch_size=4)
    (ours,) = evaluate(evaluator, spec(eyes, "colours", prompting=prompting, **COLOUR))
    assert ours.score is not None
    assert ours.score.value == theirs["results"]["colours"]["exact_match,none"]
    samples = sorted(theirs["samples"]["colours"], key=lambda each: each["doc_id"])
    assert [each.response for each in ours.items] == [each["resps"][0][0] for each in samples]
    assert len({each.response for each in ours.items}) > 1, "equal prompts, other images"


def test_an_answer_is_the_same_alone_and_beside_others(lm: Any) -> None:
    asked = [
        (text, dict(WHOLE), {"visual": [square(colour)]})
        for text in ("<image>", "<image> what is it, please?")
        for colour in COLOURS[:2]
    ]
    asked.insert(3, ("no image at all", dict(WHOLE)))
    asked.append(("none either", dict(WHOLE), {"visual": []}))
    together = lm.generate_until(instances("generate_until", *asked), disable_tqdm=True)
    alone = [
        lm.generate_until(instances("generate_until", each), disable_tqdm=True)[0] for each in asked
    ]
    assert together == alone


def test_a_prompt_that_begins_with_bos_is_given_no_other(lm: Any) -> None:
    ids = [
        lm.tok_batch_multimodal_encode([text], [[square("red")]])["input_ids"].tolist()
        for text in ("<image> hello", "<s><image> hello")
    ]
    assert ids[0] == ids[1]
    assert ids[0][0].count(lm.tokenizer.bos_token_id) == 1


def test_a_prompt_that_does_not_fit_with_its_image_is_no_answer(lm: Any) -> None:
    long = ("<image> the cat" + " on the mat" * 100, WHOLE, {"visual": [square("red")]})
    with pytest.raises(CellError, match="tokens with its images, and the context of 256 leaves"):
        lm.generate_until(instances("generate_until", long), disable_tqdm=True)


@pytest.mark.parametrize("name", ["interleave", "max_images", "tokenizer"])
def test_arguments_that_would_change_a_prompt_behind_its_key_are_refused(
    name: str, eyes: Path
) -> None:
    model = Model(str(eyes), loader_args={name: 1})
    with pytest.raises(ConfigError, match=f"takes no '{name}'"):
        LOADER.load(model, device="cpu", dtype="float32", batch_size=1)


# ------------------------------------------------------------------------------ identity of images


@given(st.binary(min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 255))
def test_an_image_is_known_by_its_pixels(pixels: bytes, at: int, by: int) -> None:
    from PIL import Image

    image = Image.frombytes("RGB", (2, 2), pixels)
    file = io.BytesIO()
    image.save(file, "PNG")
    assert image_hash(Image.open(file)) == image_hash(image)
    changed = bytearray(pixels)
    changed[at] = (changed[at] + by) % 256
    assert image_hash(Image.frombytes("RGB", (2, 2), bytes(changed))) != image_hash(image)
    assert image_hash(Image.frombytes("RGB", (4, 1), pixels)) != image_hash(image)


def test_another_image_is_another_question_and_another_key(
    eyes: Path, tasks: Path, tmp_path: Path
) -> None:
    cell = prepared(tmp_path / "a", tasks, eyes)
    assert isinstance(cell, Cell)
    assert len({each.context for each in cell.requests}) == 1
    assert len({each.question for each in cell.requests}) == len(COLOURS)
    assert len({each.split("#")[0] for each in cell.loaded.item_ids}) == len(COLOURS)
    again = prepared(tmp_path / "b", write_colours(tmp_path / "copy"), eyes)
    assert again.response_key == cell.response_key
    assert again.loaded.item_ids == cell.loaded.item_ids

    other = write_colours(tmp_path / "other", shown=("black", *COLOURS[1:]))
    assert prepared(tmp_path / "c", other, eyes).response_key != cell.response_key


def test_how_images_are_read_is_part_of_the_key_where_one_is_shown(
    tasks: Path, tmp_path: Path
) -> None:
    model = save_seeing(tmp_path / "model")
    write_colours(tmp_path / "blind", "blind", doc_to_image=None, doc_to_text="Which?")
    before = (
        prepared(tmp_path / "a", tasks, model),
        prepared(tmp_path / "a", tmp_path / "blind", model, "blind"),
    )
    settings = model / "processor_config.json"
    settings.write_text(settings.read_text().replace("0.48145466", "0.5"))
    after = (
        prepared(tmp_path / "a", tasks, model),
        prepared(tmp_path / "a", tmp_path / "blind", model, "blind"),
    )
    assert before[0].response_key != after[0].response_key
    assert before[1].response_key == after[1].response_key


def test_pixels_scaled_by_another_library_are_other_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = set()
    for installed in (True, False):
        monkeypatch.setattr(zoo_multimodal, "find_spec", lambda _, there=installed: there or None)
        found |= {each.numerics for each in zoo_multimodal.zoo_loaders()}
    assert len(found) == 2


def test_a_processors_own_chat_template_goes_before_its_tokenizers(
    tasks: Path, tmp_path: Path
) -> None:
    model = save_seeing(tmp_path / "model", chat_template=None)
    without = prepared(tmp_path / "a", tasks, model, prompting=CHAT)
    assert "has no chat template" in str(without.error)
    (model / "chat_template.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    cell = prepared(tmp_path / "b", tasks, model, prompting=CHAT)
    shown = "<|user|><image>\nWhich colour is it?\n<|assistant|>"
    assert {each.context for each in cell.requests} == {shown}
    settings = json.loads((model / "tokenizer_config.json").read_text())
    settings["chat_template"] = "another"
    (model / "tokenizer_config.json").write_text(json.dumps(settings))
    again = prepared(tmp_path / "c", tasks, model, prompting=CHAT)
    assert {each.context for each in again.requests} == {shown}


def test_what_was_asked_is_kept_with_the_hashes_of_its_images(
    eyes: Path, tasks: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, tasks, loader=LOADER)
    cell = cell_of(evaluator, spec(eyes, "colours", **COLOUR))
    (key,) = keep_asked(evaluator.store, [cell])
    questions = read_questions(evaluator.store, key)
    assert sorted(each.images for each in questions.values()) == sorted(
        (image_hash(square(colour)),) for colour in COLOURS
    )
    assert {each.target for each in questions.values()} == set(COLOURS)


def test_an_answer_is_journalled_to_the_image_it_was_given_to(lm: Any, tmp_path: Path) -> None:
    requests = [
        Request(
            n,
            0,
            "generate_until",
            "<image>",
            gen_kwargs=dict(WHOLE),
            images=(image_hash(square(colour)),),
            pixels=(square(colour),),
        )
        for n, colour in enumerate(COLOURS)
    ]
    asked = CellRequests("aa", requests)
    store = Store(tmp_path)
    with store.claim("aa", asked.size) as attempt:
        hook = AnswerHook([OpenCell(asked, attempt)], lm)
        for n in (2, 0):  # as a loader may tell of them, in an order of its own
            shown = {"visual": [square(COLOURS[n])]}
            hook.add_partial("generate_until", ("<image>", dict(WHOLE), shown), f"answer {n}")
        hook.add_partial("generate_until", ("<image>", dict(WHOLE)), "to which image?")
    with store.claim("aa", asked.size) as attempt:
        known = OpenCell(asked, attempt).known
        assert {n: samples[0].text for n, samples in known.items()} == {
            0: "answer 0",
            2: "answer 2",
        }
        mine = OpenCell(asked, attempt)
        rest = mine.rest(lm)
        assert [each.doc for each in rest.requests] == [1, 3]
        found = answer(lm, [rest], hook=AnswerHook([mine], lm))["aa"]
        whole = mine.complete(found)
    with store.claim("aa", asked.size) as attempt:
        kept = OpenCell(asked, attempt).known
    assert [kept[n][0].text for n in range(4)] == [samples[0].text for samples in whole]


# ------------------------------------------------------------------------------- what is not asked


@pytest.mark.parametrize(
    ("changes", "how", "reason"),
    [
        ({}, {"loader": HF}, "the loader 'hf' shows its models none"),
        ({}, {"loader": HF, "eyes": True}, "this one sees: name a loader that shows it images"),
        ({}, {"likelihood_of": "aa"}, "asks loglikelihood of images"),
        ({}, {"num_fewshot": 2}, "the images of the question alone"),
        (
            {
                "output_type": "multiple_choice",
                "doc_to_choice": list(COLOURS),
                "generation_kwargs": None,
                "metric_list": [{"metric": "acc"}],
            },
            {"metric": "acc"},
            "asks loglikelihood of images, which the loader 'multimodal' does not answer",
        ),
        ({"doc_to_image": None, "doc_to_audio": ["colour"]}, {}, "needs sound"),
    ],
    ids=["text model", "blindfold", "likelihood of answers", "examples", "choices", "sound"],
)
def test_what_cannot_be_asked_is_not_applicable_with_the_reason(
    changes: dict[str, Any], how: dict[str, Any], reason: str, eyes: Path, tmp_path: Path
) -> None:
    folder = write_colours(tmp_path / "tasks", "odd", **changes)
    sees = how.pop("eyes", "loader" not in how)
    model = eyes if sees else save_checkpoint(tmp_path / "blind")
    found = prepared(tmp_path / "store", folder, model, "odd", **how)
    assert isinstance(found, Result)
    assert found.status == "not_applicable", found.error
    assert reason in str(found.error)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"doc_to_text": "Which colour?"}, "has 1 images and 0 places for them"),
        ({"doc_to_image": ["colour"]}, "gives a str as its image"),
    ],
)
def test_a_task_whose_images_are_not_where_its_prompt_says_fails(
    changes: dict[str, Any], reason: str, eyes: Path, tmp_path: Path
) -> None:
    folder = write_colours(tmp_path / "tasks", "odd", **changes)
    found = prepared(tmp_path / "store", folder, eyes, "odd")
    assert isinstance(found, Result)
    assert found.status == "failed"
    assert reason in str(found.error)
