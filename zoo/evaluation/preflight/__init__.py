"""What is checked before the first weight is loaded, one thing a module.

What makes a cell impossible is raised while it is prepared (zoo.evaluation.preparing); what depends
on this machine, or on all cells together, is a finding of `inspection`.
"""
