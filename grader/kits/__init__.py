"""Packs what students get, and an autograder for Gradescope."""
