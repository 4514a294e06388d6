"""What a plugin's author uses: a distribution to start from, installing it, checking it.

scaffold   the files of a new distribution
packages   pip or uv, in the environment that zoo runs in
lonely     a zoo with the host's own plugins and one other
tiny       a causal LM small enough to be made on the spot
checking   a plugin alone: every hook asked, one cell run
"""
