"""Ablation experiments: a plan file, its runs here or on a Ray cluster, statistics and a page.

plan.py       the plan file, checked before anything runs
runs.py       the runs of a plan, their folders and commands
timing.py     how long they will take
running.py    the runs here; cluster.py: on a Ray cluster
results.py    what the finished runs found
statistics.py, page.py  what it means, and the page that shows it
"""
