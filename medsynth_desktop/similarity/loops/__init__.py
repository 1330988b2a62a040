"""Loops as machine code, and what is made of them.

A folder of its own because the window starts without numba: every module beside this folder is read when the metrics
are asked for.
"""
