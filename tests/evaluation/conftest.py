"""Tiny real checkpoints and tasks."""

from support.fixtures import adapter, base, chat, own_caches, task_folder, tiny_zoo

__all__ = ["adapter", "base", "chat", "own_caches", "task_folder", "tiny_zoo"]
