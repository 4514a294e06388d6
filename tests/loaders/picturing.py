"""A task of coloured squares: every prompt is the same, and only the image tells items apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

COLOURS = ("red", "green", "blue", "white")


def square(colour: str) -> Any:
    """An image of one colour."""
    from PIL import Image

    return Image.new("RGB", (24, 20), colour)


def write_colours(
    folder: Path, name: str = "colours", *, shown: Sequence[str] = COLOURS, **changes: Any
) -> Path:
    """Writes the task and its data into a folder.

    shown: what the images really show. changes: of the task file; None drops a key.
    """
    from datasets import Dataset, Features, Image, Value

    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "colours.parquet"
    if not data.exists():
        rows = {"picture": [square(each) for each in shown], "colour": list(COLOURS)}
        features = Features({"picture": Image(), "colour": Value("string")})
        Dataset.from_dict(rows, features=features).to_parquet(data)
    task = {
        "task": name,
        "dataset_path": "parquet",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_image": ["picture"],
        "doc_to_text": "<image>\nWhich colour is it?",
        "doc_to_target": "colour",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 8, "do_sample": False},
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1.0},
        **changes,
    }
    given = {key: value for key, value in task.items() if value is not None}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(given))
    return folder
