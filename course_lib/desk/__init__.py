"""The student's desk: a workspace of their own, its progress, its new versions, what is handed in.

Standard library only, but for the table on the terminal: the student edition has it too.
"""
