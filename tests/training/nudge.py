"""A third party's plugin with a way of training that takes no time: weights are nudged, step by
step, by what the rows and the options say. It goes on from its checkpoints, as a real one does."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from zoo import hookimpl
from zoo.hookspecs import Recipe

WEIGHTS = "model.safetensors"


def nudge(
    assignment,
    *,
    rate: float = 0.5,
    steps: int = 4,
    modules: tuple[str, ...] = ("norm",),
    kind: str = "plain",
    holds: str = "",
    fails: str = "",
) -> None:
    from safetensors.numpy import load_file, save_file

    out, parent = assignment.out, Path(assignment.parent.loader_args["pretrained"])
    total = assignment.steps or steps
    done, source = 0, parent
    for path in sorted(out.glob("checkpoint-*"), key=lambda path: int(path.name[11:])):
        done, source = int(path.name[11:]), path
    weights = load_file(source / WEIGHTS)
    length = sum(map(len, [kind, *assignment.rows["text"]])) + assignment.seed
    for step in range(done + 1, total + 1):  # one that is held waits for a file to go
        for name in weights:
            if any(module in name for module in modules):
                weights[name] += weights[name].dtype.type(rate * length / 1e4)
        while holds and Path(holds, str(step)).exists():
            time.sleep(0.05)
            assignment.tell("note", {"text": "waiting"})
        if fails and step == 2:
            raise RuntimeError(fails)
        print("chatter of a library", step)
        assignment.tell("step", {"step": step, "steps": total, "loss": 1 / step})
        if assignment.save_every and step % assignment.save_every == 0:
            write(parent, out / f"checkpoint-{step}", weights, save_file)
            (out / f"checkpoint-{step}" / "optimizer.pt").write_bytes(b"moments")
    write(parent, out, weights, save_file)


def write(parent: Path, folder: Path, weights, save_file) -> None:
    folder.mkdir(exist_ok=True)
    for path in parent.iterdir():
        if path.is_file() and path.name not in (WEIGHTS, "README.md"):
            shutil.copyfile(path, folder / path.name)
    save_file(weights, folder / "half")
    (folder / "half").replace(folder / WEIGHTS)


def check(**options):
    if options["rate"] < 0:
        raise KeyError("out of luck")


def nothing(assignment, *, size: int) -> None:
    """Leaves nothing behind; its option has no default."""


FORMS = (("text",), ("a", "b"))


def words(seed: int):
    return ({"text": "x" * number, "seed": seed} for number in range(1, 6))


@hookimpl
def zoo_recipes():
    own = Recipe(
        "nano/nudged",
        "fine-tuned",
        of="nudge",
        options={"rate": 2.0},
        data=words,
        parent="nano/pretrained",
        targets=("reports",),
    )
    return [
        Recipe("nudge", "fine-tuned", nudge, "weights are nudged", columns=FORMS, check=check),
        Recipe("nothing", "fine-tuned", nothing),
        own,
        Recipe("of-of", "fine-tuned", of="nano/nudged"),
        Recipe("neither", "fine-tuned"),
    ]
