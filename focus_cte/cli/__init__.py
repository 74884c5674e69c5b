"""`focus-cte`: the mirror and the SDK from a terminal. It needs the extra: `focus-cte[cli]`.

A module a command; what is heavy is imported where a command runs, so that `--help` is quick.
"""
