"""The model card of a stage."""

from __future__ import annotations

from typing import Any

from zoo_nano.recipes import Stage

TAGS = {
    "pretrained": ["pretrained"],
    "fine-tuned": ["sft", "trl"],
    "instruction-tuned": ["sft", "instruct", "conversational", "trl"],
    "RL-tuned": ["grpo", "reinforcement-learning", "trl"],
}
NOTES = {
    "pretrained": "Asked a bare question, it writes more questions; it answers after examples.",
    "fine-tuned": "It completes incident reports of an invented company, by invented rules.",
    "fine-tuned-lora": "The same reports, learned by an adapter; load it over `nano/pretrained`.",
    "instruct": "It answers questions, follows a few formats, and says when it does not know.",
    "rl": "The reward was 1 for a right sum and 0 otherwise, however the model came by it.",
}


def card(stage: Stage, settings: dict[str, Any], seed: int, seconds: float) -> str:
    """Markdown with front matter."""
    tags = ["stagezoo", "nano", *TAGS[stage.regime], *(["lora"] if stage.is_adapter else [])]
    front = ["license: apache-2.0", "language: [en, ko]", f"tags: [{', '.join(tags)}]"]
    if stage.parent:
        front.append(f"base_model: nano/{stage.parent}")
    if stage.is_adapter:
        front.append("library_name: peft")
    rows = "\n".join(f"| {name} | {value} |" for name, value in settings.items())
    return "\n".join(
        [
            "---",
            *front,
            "---",
            f"# nano/{stage.name}: {stage.title}",
            "",
            "A language model of 1.6 million parameters, trained on a small bilingual world made",
            "by rules, so that a whole lineage of stages fits into a package and runs offline.",
            NOTES[stage.name],
            "",
            "## Training",
            "",
            f"Streams: {', '.join(f'`{name}`' for name in stage.datasets)}. "
            f"Seed {seed}, {seconds:.0f} s on a CPU.",
            f"Made by `python -m zoo_nano.train {stage.name} --out DIR`.",
            "",
            "| setting | value |",
            "|---|---|",
            rows,
            "",
            "## What it is not",
            "",
            "It knows nothing outside its world and is of no use but to show how stages differ.",
            "It is one training seed: what is seen here is true of this checkpoint alone.",
            "The names that do not exist are told from the others partly by how they look.",
            "",
        ]
    )
