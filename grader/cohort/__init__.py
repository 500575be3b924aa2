"""Grades a class: takes submissions in, grades them overnight, keeps every result, and writes what the LMS reads.

Needs the extra ``class`` (SQLAlchemy, Alembic, openpyxl), and ``cluster`` (distributed) for more than one machine.
"""
