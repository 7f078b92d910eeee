"""Beam's distributed runners, with what they lack: a time limit, cancellation, clear errors.

`runners` registers them under Beam's own names. `worker_pool` starts Python workers for engines
that are written in Java, such as Flink.
"""
