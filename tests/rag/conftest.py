"""Tiny real checkpoints and tasks."""

from support.fixtures import base, chat, own_caches, task_folder

__all__ = ["base", "chat", "own_caches", "task_folder"]
