"""A class that attacks the grader: hostile and broken submissions, as data, by family.

Each module holds one family. `course.py` makes the lessons and the notebooks, `evidence.py` looks
at what a class has left behind, in the pages and on the machine.
"""
