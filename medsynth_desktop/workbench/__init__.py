"""Evented state of one open workspace and the verbs a user has; the only room where stages are joined.

The verbs are plain functions over a `Workspace` (one file per stage: importing, training, sampling, guarding,
surfacing, releasing, demo); long ones are `Steps` generators. The command line drains them; the window starts
them through `state.Workbench`, which holds what is open and tells what changed.
"""
