"""lm-eval renders task templates outside of Jinja's sandbox: a task file can run any command.

A YAML that is only data otherwise (no `!function`) reaches the operating system through a template.
"""

import os

import lm_eval.utils

template = "{{ cycler.__init__.__globals__.os.getpid() }}"
said = lm_eval.utils.apply_template(template, {})
print(f"a template asked the operating system for our process id: {said}")
assert said == str(os.getpid()), "the fault is gone"
