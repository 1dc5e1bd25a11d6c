"""A class that attacks the grader: hostile and broken submissions, as data, by family.

A submission's family is the first word of its name. `course.py` makes the lessons and notebooks,
`bait.py` what must not be reached, `attack.py` grades everybody, `evidence.py` looks at the rest.
"""
