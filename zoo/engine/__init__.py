"""The scoring and generating engine: each unique token is read once.

encoding  text -> token ids, as lm-eval's HFLM encodes (boundaries, shared_text: prefixes once)
trie      token ids -> one stream of unique tokens (pure)
calls     a chunk of the stream -> the attention calls that cover it (pure)
layout    that chunk as kernels see it
kernels   one interface of attention (merged: the reference; varlen, flex: on CUDA)
last_layer  spares what no scored row needs of the last layer
attention that interface inside a stock Hugging Face model
scorer    a stock Hugging Face model over the stream -> log-likelihoods
padded    the same answers from padded batches, for models the stream does not suit
selftest  a small tree on which a way of scoring is compared with the plain model
tiers     chooses the way for a model, and says why
decoding  generation with shared prefixes (prefix, prefix_cache, batches: how; sharing: whether;
          stock: else the model's own; stops, sampling, until: lm-eval's arguments)
adapter   all of it as an lm-eval LM, and the loader `torch`
"""
