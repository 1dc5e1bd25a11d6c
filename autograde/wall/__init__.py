"""The wall between a student's code and the code that decides a grade.

`sandbox.py` says what a worker may do, `wire.py` what can come back from it; the rest is plumbing.
Inside the wall run `zygote.py`, `serving.py` and `handing.py`; outside `workers.py`,
`conversation.py`, `session.py`, `proxies.py` and `checking.py`.
"""
