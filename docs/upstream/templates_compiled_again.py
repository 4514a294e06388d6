"""lm-eval compiles a task's Jinja template again for each document and each example.

`apply_template` calls `env.from_string`, which has no cache. With 5,000 documents at 5 shots this
is most of the time in which requests are built.
"""

import lm_eval.utils

compiled = []
compile_once = lm_eval.utils.env.compile
lm_eval.utils.env.compile = lambda *args, **kwargs: (
    compiled.append(args) or compile_once(*args, **kwargs)
)
for number in range(100):
    lm_eval.utils.apply_template("Question: {{question}}\nAnswer:", {"question": number})
print(f"100 renders of one template: compiled {len(compiled)} times")
assert len(compiled) == 100, "the fault is gone"
