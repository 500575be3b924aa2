"""The back end for more than one machine: Dask distributed. It is given nothing to remember: the journal does that.

One thread for each worker and a bounded window make one grading for each worker. Results are written by the tasks
themselves; only a small outcome comes back, and the future is released at once, for Dask computes again what was
lost with a dead worker. Dask's own retries are left to it; the journal counts how often a key was begun.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import queue
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from grader.cohort.problems import CohortError, EnvironmentFault, NoSlot
from grader.cohort.running.household import household
from grader.cohort.running.perform import Grader, perform
from grader.cohort.running.scratch import scratch_folder
from grader.cohort.running.tasks import Outcome, State, Task

LOCAL = "local:"
CONNECT_LIMIT_S = 30.0
# A scheduler that is there answers at once; a slip in its address should not cost half a minute.
ANSWER_LIMIT_S = 10.0
# In each worker's process: the slot that it holds as long as it lives.
_kept: dict[str, Any] = {}


def run_in_worker(line: str, threads: int, jobs: int, module: str) -> dict[str, str]:
    """Grade a task in a worker's process; called by Dask."""
    task = Task.from_json(line)
    try:
        if "slot" not in _kept:
            # Held until the process ends; the next grader removes what a killed one leaves.
            stack = ExitStack()
            slot = stack.enter_context(household(threads, jobs))
            grader = stack.enter_context(contextlib.closing(Grader(module)))
            _kept.update(stack=stack, slot=slot, grader=grader)
        return perform(task, _kept["slot"], _kept["grader"]).as_data()
    except NoSlot as error:
        return Outcome(task.key, State.CROWDED, str(error)).as_data()
    except EnvironmentFault as error:
        return Outcome(task.key, State.ENVIRONMENT, str(error)).as_data()


def leave_worker() -> None:
    """Give back what this worker's process holds; called by Dask before it ends."""
    stack = _kept.pop("stack", None)
    _kept.clear()
    if stack is not None:
        stack.close()


class Cluster:
    """A :class:`grader.cohort.running.tasks.Backend` on Dask workers.

    Parameters
    ----------
    address : ``local:N`` for N worker processes on this host, else the scheduler's ``tcp://…`` or ``tls://…``.
    threads : of one grading.
    module : how tasks are graded.
    security : paths ``ca``, ``cert`` and ``key`` for ``tls://``; empty for none.

    Raises
    ------
    CohortError : the extra is not installed, nobody answers, or there is no worker.
    """

    def __init__(self, address: str, threads: int, module: str, security: dict[str, str] | None = None) -> None:
        try:
            # Its functions have no types, so it is taken as a whole.
            dask: Any = importlib.import_module("dask")
            distributed: Any = importlib.import_module("distributed")
        except ModuleNotFoundError as error:
            raise CohortError(
                "--cluster needs {error}, which is not installed; run `pip install 'grader[cluster]'`",
                error=error.name,
            ) from None
        self._threads, self._module = threads, module
        self._stack = ExitStack()
        self._finished: queue.SimpleQueue[tuple[Task, Any]] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._futures: dict[str, Any] = {}
        try:
            if address.startswith(LOCAL):
                folder = self._stack.enter_context(scratch_folder("dask"))
                # The submission's processes are limited by their box; Dask watches only its own.
                # Its profiler keeps what it sees for an hour: a worker grew by 0.2 MiB a grading.
                self._stack.enter_context(
                    dask.config.set(
                        {
                            "distributed.scheduler.allowed-failures": 0,
                            "distributed.worker.daemon": False,
                            "distributed.worker.profile.enabled": False,
                        }
                    )
                )
                cluster = distributed.LocalCluster(
                    n_workers=int(address.removeprefix(LOCAL)),
                    threads_per_worker=1,
                    memory_limit=0,
                    dashboard_address=None,
                    host="127.0.0.1",
                    local_directory=str(folder),
                    silence_logs=50,
                )
                self._stack.callback(cluster.close)
                self._client = distributed.Client(cluster)
            else:
                paths = security or {}
                secured = distributed.Security(
                    tls_ca_file=paths.get("ca"),
                    tls_client_cert=paths.get("cert"),
                    tls_client_key=paths.get("key"),
                    require_encryption=True,
                )
                self._client = distributed.Client(
                    address, timeout=ANSWER_LIMIT_S, security=secured if paths else None
                )
            self._stack.callback(self._client.close)
            self._client.wait_for_workers(1, timeout=CONNECT_LIMIT_S)
        except (OSError, ValueError, TimeoutError) as error:
            self._stack.close()
            raise CohortError(
                "the cluster {address} cannot be used ({error}); expected local:N, tcp://HOST:PORT or "
                "tls://HOST:PORT, and at least one worker there",
                address=address,
                error=error,
            ) from None

    @property
    def width(self) -> int:
        """One task for each worker: the others of a worker that dies would be suspected along with its task."""
        return max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))

    def submit(self, task: Task) -> None:
        """Give a task to Dask."""
        future = self._client.submit(
            run_in_worker,
            task.to_json(),
            self._threads,
            self.width,
            self._module,
            key=f"{task.session}-{task.key}-{next(self._numbers)}",
            pure=False,
            retries=0,
        )
        self._futures[task.key] = future
        future.add_done_callback(self._when_done(task))

    def _when_done(self, task: Task) -> Callable[[Any], None]:
        return lambda future: self._finished.put((task, future))

    def next(self, timeout_s: float) -> Outcome | None:
        """Return what has become of a task, or that its worker has died with it."""
        try:
            task, future = self._finished.get(timeout=max(0.001, timeout_s))
        except queue.Empty:
            return None
        try:
            if future.status == "finished":
                return Outcome.of(future.result(timeout=CONNECT_LIMIT_S))
            error = future.exception() if future.status == "error" else None
            return Outcome(task.key, State.DIED, str(error).splitlines()[0] if error else "its worker was lost")
        finally:
            future.release()
            self._futures.pop(task.key, None)

    def close(self) -> None:
        """Cancel what waits, let workers give back what they hold, and end those that were started here."""
        with contextlib.suppress(Exception):
            self._client.cancel(list(self._futures.values()), force=True)
        self._futures.clear()
        if self._client.status != "closed":
            with contextlib.suppress(Exception):
                self._client.run(leave_worker, on_error="ignore")
        self._stack.close()
