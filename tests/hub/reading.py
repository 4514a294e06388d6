"""Endpoints that tell: they change nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import parse_qs

from hub.answering import Answer, Call, told
from hub.repositories import (
    Commit,
    Discussion,
    Refused,
    Repository,
    card_of,
    entry_of,
    evaluations_of,
    listing,
    refs_of,
    weights_of,
)


def info(call: Call) -> Answer:
    commit = call.repo.at(call.rest[0] if call.rest else "main")
    card = card_of(commit)
    blobs = call.request.flag("blobs")
    found = {
        "_id": hashlib.sha1(call.repo.id.encode()).hexdigest()[:24],
        "id": call.repo.id,
        "author": call.repo.owner,
        "sha": commit.oid,
        "private": call.repo.private,
        "gated": "auto" if call.repo.gated is not None else False,
        "disabled": False,
        "tags": list(card.get("tags") or []),
        "likes": 0,
        "downloads": 0,
        "createdAt": call.repo.created,
        "lastModified": commit.date,
        "cardData": card or None,
        "siblings": [_sibling(path, data, blobs) for path, data in sorted(commit.tree.items())],
    }
    if call.repo.kind == "model":
        found |= {"modelId": call.repo.id, "evalResults": list(evaluations_of(commit))}
        if weights := weights_of(commit):
            found["safetensors"] = weights
        if "config.json" in commit.tree:
            found["config"] = json.loads(commit.tree["config.json"])
    if call.repo.sdk:
        found["sdk"] = call.repo.sdk
    return told(found)


def _sibling(path: str, data: bytes, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": path}
    entry = entry_of(path, data)
    found = {"rfilename": path, "blobId": entry["oid"], "size": entry["size"]}
    if "lfs" in entry:
        lfs = entry["lfs"]
        found["lfs"] = {
            "sha256": lfs["oid"],
            "size": lfs["size"],
            "pointerSize": lfs["pointerSize"],
        }
    return found


def tree(call: Call) -> Answer:
    commit = call.repo.at(call.rest[0])
    found = listing(commit, "/".join(call.rest[1:]), call.request.flag("recursive"))
    if call.request.flag("expand"):
        found = [_expanded(entry, commit) for entry in found]
    return told(found)


def _expanded(entry: dict[str, Any], commit: Commit) -> dict[str, Any]:
    last = {"id": commit.oid, "title": commit.title, "date": commit.date}
    return {**entry, "lastCommit": last}


def paths(call: Call) -> Answer:
    commit = call.repo.at(call.rest[0])
    if "form" in call.request.headers.get("Content-Type", ""):
        form = parse_qs(call.request.body.decode())
        paths, expand = form.get("paths", []), form.get("expand") == ["True"]
    else:
        paths, expand = call.request.json()["paths"], call.request.json().get("expand", False)
    every = {entry["path"]: entry for entry in listing(commit, "", recursive=True)}
    found = [every[path.strip("/")] for path in paths if path.strip("/") in every]
    return told([_expanded(entry, commit) for entry in found] if expand else found)


def refs(call: Call) -> Answer:
    return told(refs_of(call.repo))


def commits(call: Call) -> Answer:
    found = [
        {
            "id": commit.oid,
            "title": commit.title,
            "message": "",
            "date": commit.date,
            "authors": [{"user": commit.author}],
        }
        for commit in call.repo.history(call.rest[0])
    ]
    return told(found)


def _spelt(repo: Repository, each: Discussion) -> dict[str, Any]:
    return {
        "num": each.num,
        "title": each.title,
        "author": {"name": each.author},
        "createdAt": each.created,
        "status": each.status,
        "isPullRequest": each.is_pull_request,
        "repo": {"name": repo.id, "type": repo.kind},
    }


def discussions(call: Call) -> Answer:
    if call.rest:
        each = call.repo.discussions.get(int(call.rest[0]))
        if each is None:
            raise Refused(404, "DiscussionNotFound")
        changes = {"base": "refs/heads/main", "mergeCommitId": each.merged_as}
        comment = {
            "id": f"c{each.num}",
            "type": "comment",
            "createdAt": each.created,
            "author": {"name": each.author},
            "data": {
                "edited": False,
                "hidden": False,
                "latest": {
                    "raw": each.description,
                    "html": "",
                    "updatedAt": each.created,
                    "author": {"name": each.author},
                },
                "history": [],
            },
        }
        more = {"events": [comment], "filesWithConflicts": [], "changes": changes, "diff": ""}
        return told({**_spelt(call.repo, each), **more})
    wanted = {
        name: (call.request.asked(name) or [None])[0] for name in ("type", "status", "author")
    }
    found = [
        each
        for each in sorted(call.repo.discussions.values(), key=lambda each: -each.num)
        if wanted["type"] in (None, "all", "pull_request" if each.is_pull_request else "discussion")
        and wanted["author"] in (None, each.author)
        and wanted["status"] in (None, "all", "open" if each.status == "draft" else each.status)
    ]
    page = [_spelt(call.repo, each) for each in found]
    return told({"discussions": page, "count": len(page), "start": 0})


def leaderboard(call: Call) -> Answer:
    if "eval.yaml" not in call.repo.head.tree:
        raise Refused(404, "NotFound", f"{call.repo.id} has no leaderboard")
    found = [
        (entry["value"], model.id, entry)
        for (kind, _), model in call.hub.repositories.items()
        if kind == "model" and not model.private
        for entry in evaluations_of(model.head)
        if entry["dataset"]["id"] == call.repo.id
    ]
    ranked = sorted(found, key=lambda each: (-each[0], each[1]))
    return told(
        [
            {
                "rank": rank,
                "modelId": model,
                "value": value,
                "filename": entry["filename"],
                "verified": False,
                "source": entry.get("source"),
                "notes": entry.get("notes"),
                "author": {"type": "org", "name": model.partition("/")[0]},
            }
            for rank, (value, model, entry) in enumerate(ranked, 1)
        ]
    )
