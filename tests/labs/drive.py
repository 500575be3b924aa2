"""Runs checks on a submission in a process of its own, without a jail: ``python drive.py REQUEST ANSWER``.

REQUEST is a folder with ``request.json`` and one ``.npz`` of arrays for each job; what the submission returned is
written to the folder ANSWER in the same form.
"""

import json
import sys
from pathlib import Path

import numpy as np

from grader.inside.runner import Runner, describe


def main(request: Path, answer: Path) -> None:
    """Do the jobs of a request one after another in one runner."""
    wanted = json.loads((request / "request.json").read_text())
    runner = Runner(wanted["config"])
    # As in a jail: the submission's folder is searched last.
    sys.path.append(wanted["config"]["student"])
    errors: list[dict | None] = []
    for index, job in enumerate(wanted["jobs"]):
        with np.load(request / f"{index}.npz") as stored:
            arrays = {name: stored[name] for name in stored.files}
        sent: dict[str, np.ndarray] = {}
        try:
            runner.handle({"op": "load", "case": job["case"], "config": job["config"]}, arrays, sent.__setitem__)
            wanted_run = {"op": "demo"} if job["check"] == "demo" else {"op": "run", "check": job["check"]}
            runner.handle(wanted_run, {}, sent.__setitem__)
            errors.append(None)
        except BaseException as error:
            errors.append(describe(error))
        np.savez(answer / f"{index}.npz", **{name.replace("/", "|"): array for name, array in sent.items()})
    (answer / "answer.json").write_text(json.dumps(errors))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
