"""Tiny real checkpoints, tasks and zoos."""

from support.fixtures import adapter, base, chat, own_caches, task_folder, tiny_zoo

__all__ = ["adapter", "base", "chat", "own_caches", "task_folder", "tiny_zoo"]
