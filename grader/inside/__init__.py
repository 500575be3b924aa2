"""What runs inside the jail: supervisor, worker and the driver of the checks.

Everything here shares an address space with student code. It is trusted with nothing: what it sends is only ever
taken as "these are the submission's bytes".
"""
