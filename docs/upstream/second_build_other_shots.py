"""lm-eval: building a task's requests twice draws other few-shot examples.

The sampler's random stream goes on. Whoever evaluates two models on one loaded task with
`lm_eval.evaluate` compares them on different prompts, unless the task is seeded again between.
"""

import json
import tempfile
from pathlib import Path

from lm_eval.tasks import TaskManager

TASK = """
task: upstream_shots
dataset_path: json
dataset_kwargs: {data_files: {test: FOLDER/docs.jsonl}}
test_split: test
fewshot_split: test
num_fewshot: 3
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: ["yes", "no"]
doc_to_target: 0
"""

with tempfile.TemporaryDirectory() as folder:
    docs = "".join(json.dumps({"q": f"question {number}?"}) + "\n" for number in range(40))
    (Path(folder) / "docs.jsonl").write_text(docs)
    (Path(folder) / "task.yaml").write_text(TASK.replace("FOLDER", folder))
    manager = TaskManager(include_path=folder, include_defaults=False)
    task = manager.load(["upstream_shots"])["tasks"]["upstream_shots"]
    task.set_fewshot_seed(1234)
    prompts = []
    for _ in range(2):
        task.build_all_requests(limit=10)
        prompts.append([instance.args[0] for instance in task.instances])
differing = sum(a != b for a, b in zip(*prompts, strict=True))
print(f"{differing} of {len(prompts[0])} prompts differ at the second build")
assert differing, "the fault is gone"
