"""Endpoints that change a repository, and the way of large files into it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from hub.answering import Answer, Call, Request, told
from hub.repositories import (
    PREFIXES,
    Refused,
    Repository,
    git_oid,
    is_lfs,
    now,
)

if TYPE_CHECKING:
    from hub import Hub, User


def preupload(call: Call) -> Answer:
    call.hub.may_write(call.user, call.repo, call.rest[0], pull=call.request.flag("create_pr"))
    tree = call.repo.at(call.rest[0]).tree
    files = []
    for each in call.request.json()["files"]:
        lfs = is_lfs(each["path"], each["size"])
        found: dict[str, Any] = {
            "path": each["path"],
            "uploadMode": "lfs" if lfs else "regular",
            "shouldIgnore": False,
        }
        if (there := tree.get(each["path"])) is not None:
            found["oid"] = hashlib.sha256(there).hexdigest() if lfs else git_oid(there)
        files.append(found)
    return told({"files": files})


def commit(call: Call) -> Answer:
    pull = call.request.flag("create_pr")
    name = call.hub.may_write(call.user, call.repo, call.rest[0], pull=pull)
    lines = [json.loads(line) for line in call.request.body.splitlines() if line.strip()]
    header = next(line["value"] for line in lines if line["key"] == "header")
    with call.repo.lock:
        changes: dict[str, bytes | None] = {}
        tree = call.repo.at(call.rest[0]).tree
        for line in lines:
            _apply(line["key"], line["value"], changes, tree, call.repo)
        title, expected = header["summary"], header.get("parentCommit")
        revision, start = call.rest[0], None
        found: dict[str, Any] = {}
        if pull:
            start = call.repo.at(expected or call.rest[0]).oid
            opened = call.repo.open_discussion(
                title, name, header.get("description", ""), pull=True, start=start
            )
            revision, expected = opened.ref, None
            found["pullRequestUrl"] = (
                f"{call.hub.endpoint}/{PREFIXES[call.repo.kind]}{call.repo.id}/discussions/{opened.num}"
            )
        commit = call.repo.commit(
            changes, revision, author=name, title=title, expected=expected, start=start
        )
    url = f"{call.hub.endpoint}/{PREFIXES[call.repo.kind]}{call.repo.id}/commit/{commit.oid}"
    return told({"success": True, "commitOid": commit.oid, "commitUrl": url, **found})


def _apply(
    key: str, value: Any, changes: dict[str, bytes | None], tree: Any, repo: Repository
) -> None:
    if key == "file":
        changes[value["path"]] = base64.b64decode(value["content"])
    elif key == "lfsFile":
        if value["oid"] not in repo.blobs:
            raise Refused(400, "BadRequest", f"LFS object {value['oid']} was never uploaded")
        changes[value["path"]] = repo.blobs[value["oid"]]
    elif key == "deletedFile":
        if value["path"] not in tree:
            raise Refused(404, "EntryNotFound", "A file with this name doesn't exist")
        changes[value["path"]] = None
    elif key == "deletedFolder":
        inside = [path for path in tree if path.startswith(value["path"].rstrip("/") + "/")]
        changes.update(dict.fromkeys(inside))


def branch(call: Call) -> Answer:
    call.hub.may_write(call.user, call.repo, "main", pull=False)
    if call.rest[0] in call.repo.branches:
        raise Refused(409, "Conflict", "Reference already exists")
    call.repo.branches[call.rest[0]] = call.repo.at(
        call.request.json().get("startingPoint") or "main"
    ).oid
    return told({})


def tag(call: Call) -> Answer:
    call.hub.may_write(call.user, call.repo, "main", pull=False)
    tag = call.request.json()["tag"]
    if tag in call.repo.tags:
        raise Refused(409, "Conflict", "Tag reference exists already")
    call.repo.tags[tag] = call.repo.at(call.rest[0]).oid
    return told({})


def discuss(call: Call) -> Answer:
    if call.user is None:
        raise Refused(401, "Unauthorized", "Invalid username or password.")
    said = call.request.json()
    if not call.rest:
        pull = bool(said.get("pullRequest"))
        opened = call.repo.open_discussion(
            said["title"], call.user.name, said.get("description", ""), pull=pull
        )
        opened.status = "draft" if pull else "open"
        return told({"num": opened.num, "pullRequest": pull})
    call.hub.may_write(call.user, call.repo, "main", pull=False)
    if call.rest[1:] == ["merge"]:
        call.repo.merge(int(call.rest[0]), call.user.name)
    elif call.rest[1:] == ["status"]:
        call.repo.discussions[int(call.rest[0])].status = said["status"]
    return told({"newStatus": {"id": "s", "type": "status-change", "createdAt": now()}})


def lfs_batch(hub: Hub, request: Request, user: User | None, kind: str, named: list[str]) -> Answer:
    at = next(index for index, part in enumerate(named) if part.endswith(".git"))
    name = [*named[:at], named[at].removesuffix(".git")]
    repo, _ = hub.find(kind, name, user)
    ref = request.json().get("ref", {}).get("name", "main")
    hub.may_write(user, repo, ref, pull=True)
    objects = []
    for each in request.json()["objects"]:
        found = {"oid": each["oid"], "size": each["size"]}
        if each["oid"] not in repo.blobs:
            base = f"{hub.endpoint}/lfs/{kind}/{repo.id}"
            upload: dict[str, Any] = {"href": f"{base}/{each['oid']}"}
            if hub.part_size and each["size"] > hub.part_size:
                count = -(-each["size"] // hub.part_size)
                parts = {str(n): f"{base}/{each['oid']}/{n}" for n in range(1, count + 1)}
                upload["header"] = {"chunk_size": str(hub.part_size), **parts}
            found["actions"] = {"upload": upload, "verify": {"href": f"{base}/verify"}}
        objects.append(found)
    return told({"transfer": "basic", "objects": objects})


def large_file(hub: Hub, request: Request, rest: list[str]) -> Answer:
    """What the addresses that the batch gave do; a PUT carries no token, as with the real one."""
    kind, named, last = rest[0], f"{rest[1]}/{rest[2]}", rest[3:]
    repo = hub.repositories[kind, named]
    if last == ["verify"]:
        said = request.json()
        if len(repo.blobs.get(said["oid"], b"")) != said["size"]:
            raise Refused(404, "NotFound", "the object is not there whole")
    elif request.method == "PUT" and len(last) == 1:
        if hashlib.sha256(request.body).hexdigest() != last[0]:
            raise Refused(400, "BadDigest", "these bytes are not those of the address")
        repo.blobs[last[0]] = request.body
    elif request.method == "PUT":
        hub.parts[last[0], int(last[1])] = request.body
        return Answer(200, b"", {"ETag": f'"{git_oid(request.body)}"'})
    else:
        count = len(request.json()["parts"])
        whole = b"".join(hub.parts[last[0], number] for number in range(1, count + 1))
        if hashlib.sha256(whole).hexdigest() != last[0]:
            raise Refused(400, "BadDigest", "the parts are not those of the address")
        repo.blobs[last[0]] = whole
    return told({})
