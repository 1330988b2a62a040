"""BLAS is held to one thread while anybody needs it, and has its threads again when nobody does."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from medsynth_desktop.similarity.bounds import one_thread_each


def threads() -> set[int]:
    """Of the BLAS that NumPy calls; other libraries bring their own, in whatever order tests load them."""
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return {library["num_threads"] for library in blas if "numpy" in library["filepath"] or len(blas) == 1}


def test_searches_that_end_in_crossed_order_give_the_threads_back() -> None:
    with threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("BLAS has one thread on this machine")
        first, second = one_thread_each(), one_thread_each()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == {2}
