"""Whole runs are killed at random points, with real processes and real SIGKILLs.

subjects    what is run: zoos of tiny models, and a run of one
victims     processes: started, looked at, killed
store       what a store must still hold
rounds      runs on one store are killed until one comes to its end
__main__    rounds side by side: `PYTHONPATH=tests:tests/plugins python -m running.chaos FOLDER ...`
"""
