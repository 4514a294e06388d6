"""The Hub's endpoints: which function answers a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import yaml

from hub import reading, writing
from hub.answering import Answer, Call, Request, told
from hub.repositories import PREFIXES, Refused, Repository, entry_of

if TYPE_CHECKING:
    from hub import Hub, User


def answer(hub: Hub, request: Request) -> Answer:
    """Finds the endpoint and asks it. Raises Refused."""
    user = hub.user_of(request)
    parts = request.parts
    if parts[0] == "lfs":
        return writing.large_file(hub, request, parts[1:])
    if parts[0] != "api":
        return _plain(hub, request, user, parts)
    if parts[1] == "whoami-v2":
        return _whoami(user)
    if parts[1:] == ["repos", "create"]:
        return _create(hub, request, user)
    if parts[1:] == ["validate-yaml"]:
        return _validate(request)
    kind = parts[1].removesuffix("s")
    if kind not in PREFIXES:
        raise Refused(404, "NotFound", f"no such endpoint: {request.target}")
    repo, rest = hub.find(kind, parts[2:], user)
    route = ROUTES.get((request.method.replace("HEAD", "GET"), rest[0] if rest else ""))
    if route is None:
        raise Refused(404, "NotFound", f"no such endpoint: {request.method} {request.target}")
    return route(Call(hub, request, user, repo, rest[1:]))


def _whoami(user: User | None) -> Answer:
    if user is None:
        raise Refused(401, "Unauthorized", "Invalid credentials in Authorization header")
    return told(
        {
            "type": "user",
            "name": user.name,
            "fullname": user.name,
            "orgs": [{"type": "org", "name": org} for org in user.orgs],
            "auth": {"accessToken": {"displayName": "t", "role": user.role}},
        }
    )


def _create(hub: Hub, request: Request, user: User | None) -> Answer:
    said = request.json()
    if user is None:
        raise Refused(401, "Unauthorized", "Invalid username or password.")
    name = f"{said.get('organization') or user.name}/{said['name']}"
    if not user.writes(name.partition("/")[0]):
        raise Refused(403, "Forbidden", f"You don't have the rights to create {name}")
    kind = said.get("type") or "model"
    url = f"{hub.endpoint}/{PREFIXES[kind]}{name}"
    with hub.lock:
        if (kind, name) in hub.repositories:
            said = {"error": "You already created this repo", "url": url}
            return told(said, 409)
        if kind == "space" and said.get("sdk") != "static":
            raise Refused(402, "PaymentRequired", "this kind of Space needs a paid plan")
        repo = Repository(
            kind, name, private=said.get("visibility") == "private", sdk=said.get("sdk")
        )
        repo.commit({".gitattributes": b""}, author=user.name, title="initial commit")
        hub.repositories[kind, name] = repo
    return told({"url": url, "name": name, "id": name})


def _validate(request: Request) -> Answer:
    content = request.json()["content"]
    problems = []
    if content.startswith("---\n"):
        try:
            card = yaml.safe_load(content[4:].partition("\n---")[0])
            if not isinstance(card, dict):
                problems.append({"message": "the metadata is no mapping"})
        except yaml.YAMLError as problem:
            problems.append({"message": str(problem)})
    said = {"errors": problems, "warnings": []}
    return told(said, 400 if problems else 200)


def _plain(hub: Hub, request: Request, user: User | None, parts: list[str]) -> Answer:
    """Files, and git's own endpoint for large ones: neither begins with /api."""
    kind = {"datasets": "dataset", "spaces": "space"}.get(parts[0], "model")
    named = parts if kind == "model" else parts[1:]
    if [each for each in named if each.endswith(".git")] and "lfs" in named:
        return writing.lfs_batch(hub, request, user, kind, named)
    repo, rest = hub.find(kind, named, user)
    if not rest or rest[0] != "resolve":
        raise Refused(404, "NotFound", f"no such page: {request.target}")
    hub.may_read(user, repo)
    commit, path = repo.at(rest[1]), "/".join(rest[2:])
    headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
    if path not in commit.tree:
        said = {"X-Error-Code": "EntryNotFound", "X-Error-Message": f"{path} does not exist"}
        return told({"error": "Entry not found"}, 404, {**headers, **said})
    data = commit.tree[path]
    entry = entry_of(path, data)
    if "lfs" in entry:
        headers |= {"ETag": f'"{entry["lfs"]["oid"]}"', "X-Linked-Size": str(len(data))}
    else:
        headers["ETag"] = f'"{entry["oid"]}"'
    return Answer(200, data, {**headers, "Content-Type": "application/octet-stream"})


ROUTES: dict[tuple[str, str], Callable[[Call], Answer]] = {
    ("GET", ""): reading.info,
    ("GET", "revision"): reading.info,
    ("GET", "tree"): reading.tree,
    ("POST", "paths-info"): reading.paths,
    ("GET", "refs"): reading.refs,
    ("GET", "commits"): reading.commits,
    ("POST", "preupload"): writing.preupload,
    ("POST", "commit"): writing.commit,
    ("POST", "branch"): writing.branch,
    ("POST", "tag"): writing.tag,
    ("GET", "discussions"): reading.discussions,
    ("POST", "discussions"): writing.discuss,
    ("GET", "leaderboard"): reading.leaderboard,
}
