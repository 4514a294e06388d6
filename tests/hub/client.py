"""What the unmodified clients are made to do; run in a process of its own, it prints JSON."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import load_dataset
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, errors


def said(call: Callable[[], Any]) -> Any:
    """What a call returns, or the name of its error and its status."""
    try:
        return call()
    except errors.HfHubHTTPError as problem:
        return [type(problem).__name__, problem.response.status_code]


def main(home: Path) -> dict[str, Any]:
    api = HfApi()
    found: dict[str, Any] = {"me": api.whoami()["name"]}

    model = Path(api.snapshot_download("org/model", cache_dir=home / "a"))
    found["snapshot"] = {path.name: path.stat().st_size for path in model.iterdir()}
    found["commit"] = model.name
    found["branch"] = Path(
        api.hf_hub_download("org/model", "config.json", revision="step-10")
    ).read_text()
    found["tag"] = Path(api.hf_hub_download("org/model", "config.json", revision="v1")).read_text()
    refs = api.list_repo_refs("org/model")
    found["refs"] = [[each.name for each in refs.branches], [each.name for each in refs.tags]]
    info = api.model_info("org/model", files_metadata=True)
    found["info"] = {
        "license": info.card_data["license"],
        "parameters": info.safetensors.total,
        "sizes": {each.rfilename: each.size for each in info.siblings},
    }
    found["tree"] = [each.path for each in api.list_repo_tree("org/model", recursive=True)]

    found["missing"] = said(lambda: api.model_info("org/none"))
    found["no file"] = said(lambda: api.hf_hub_download("org/model", "none.json"))
    found["no revision"] = said(lambda: api.model_info("org/model", revision="none"))
    found["gated, let in"] = said(lambda: api.model_info("org/gated").gated)
    found["gated"] = said(lambda: api.hf_hub_download("other/gated", "config.json"))
    found["private"] = said(lambda: api.model_info("other/private"))
    found["bad token"] = said(lambda: HfApi(token="hf_nobody").whoami())

    for name in ("rows", "table"):
        rows = load_dataset(f"org/{name}", split="test")
        found[name] = [rows.num_rows, rows[0]]
    found["configs"] = load_dataset("org/configs", "b", split="train")[0]

    url = api.create_repo("org/new", repo_type="dataset", private=True)
    found["created"] = [
        str(url.repo_id),
        said(lambda: api.create_repo("org/new", repo_type="dataset")),
    ]
    head = api.dataset_info("org/new").sha
    adds = [
        CommitOperationAdd("README.md", b"---\nlicense: mit\n---\nnew"),
        CommitOperationAdd("data/x.parquet", b"PAR1" * 200),
        CommitOperationAdd("data/big.parquet", b"x" * 5000),
    ]
    done = api.create_commit(
        "org/new", adds, commit_message="first", repo_type="dataset", parent_commit=head
    )
    found["committed"] = api.dataset_info("org/new").sha == done.oid
    again = [CommitOperationAdd("data/x.parquet", b"PAR1" * 200)]
    same = api.create_commit("org/new", again, commit_message="same", repo_type="dataset")
    found["no-op"] = same.oid == done.oid
    stale = [CommitOperationAdd("z.txt", b"z")]
    found["stale"] = said(
        lambda: api.create_commit(
            "org/new", stale, commit_message="z", repo_type="dataset", parent_commit=head
        )
    )
    gone = [CommitOperationDelete("data/x.parquet")]
    api.create_commit("org/new", gone, commit_message="less", repo_type="dataset")
    found["left"] = sorted(api.list_repo_files("org/new", repo_type="dataset"))
    big = api.hf_hub_download("org/new", "data/big.parquet", repo_type="dataset")
    found["big"] = Path(big).read_bytes() == b"x" * 5000
    bad = [CommitOperationAdd("README.md", b"---\nlicense: [\n---\n")]
    try:
        api.create_commit("org/new", bad, commit_message="bad", repo_type="dataset")
    except ValueError as problem:
        found["bad card"] = str(problem).splitlines()[0]
    found["forbidden"] = said(lambda: api.create_commit("other/model", stale, commit_message="z"))

    pull = api.create_commit(
        "other/model",
        [CommitOperationAdd(".eval_results/a.yaml", yaml_of(0.5))],
        commit_message="results",
        create_pr=True,
    )
    more = [CommitOperationAdd(".eval_results/b.yaml", yaml_of(0.7))]
    api.create_commit("other/model", more, commit_message="more", revision=pull.pr_revision)
    listed = list(api.get_repo_discussions("other/model", discussion_status="open"))
    found["pull"] = [pull.pr_num, [each.title for each in listed], listed[0].is_pull_request]
    files = api.list_repo_files("other/model", revision=pull.pr_revision)
    found["pull files"] = [name for name in files if name.startswith(".eval")]
    found["untouched"] = [name for name in api.list_repo_files("other/model") if "eval" in name]
    owner = HfApi(token=sys.argv[2])
    owner.merge_pull_request("other/model", pull.pr_num)
    found["merged"] = api.get_discussion_details("other/model", pull.pr_num).status
    found["board"] = [
        [each.rank, each.model_id, each.value] for each in api.get_dataset_leaderboard("org/bench")
    ]
    info = api.model_info("other/model", expand=["evalResults"])
    found["read back"] = [each.value for each in info.eval_results]
    found["no board"] = said(lambda: api.get_dataset_leaderboard("org/rows"))

    api.create_repo("org/page", repo_type="space", space_sdk="static")
    api.upload_file(
        path_or_fileobj=io.BytesIO(b"<p>hi"), path_in_repo="index.html",
        repo_id="org/page", repo_type="space",
    )  # fmt: skip
    found["space"] = sorted(api.list_repo_files("org/page", repo_type="space"))
    return found


def yaml_of(value: float) -> bytes:
    return f"- dataset: {{id: org/bench, task_id: all}}\n  value: {value}\n".encode()


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
