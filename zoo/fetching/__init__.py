"""What a run reads from the Hub, fetched into the ordinary caches before it, and checked.

wanted        models, adapters, tokenizers and data of a run, each once
repositories  one repository: which of its files a run reads, fetched and held against their hashes
data          data sets of the tasks, loaded as a run loads them and read whole
missing       what the caches lack, found without a network
caches        where it stands
prefetching   all of it, several at once
"""
