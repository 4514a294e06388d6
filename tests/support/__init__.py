"""Real but tiny parts that several tests share: checkpoints, tasks, evaluators."""
