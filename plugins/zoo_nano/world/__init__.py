"""The world the family is trained on: made by rules, in English and Korean.

`tables` holds what is so, `facts` says it in words, the other modules hold what can be computed
(sums, agreement, report rules) and what does not exist (fakes). `splits` decides, once and for
all, what may be trained on and what is kept for tuning and for the test.
"""
