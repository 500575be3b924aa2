"""Each limit ends in its own verdict, and the next worker is as good as new."""

from __future__ import annotations

import pytest

from grader.jail import Ending, Limits
from grader.verdicts import Verdict


def ending_of(attacker, code, deadline_s=20.0):
    """Run code that must not survive; the next worker must answer."""
    with pytest.raises(Ending) as ending:
        attacker.run(code, deadline_s=deadline_s)
    assert attacker.value("1 + 1") == 2
    return ending.value


def test_a_hang_ends_at_the_deadline(student):
    """An endless loop is stopped, and the message names the limit."""
    ending = ending_of(student, "while True: pass", 0.5)
    assert ending.verdict is Verdict.TIMEOUT
    assert "0.5 s" in str(ending.message)


def test_ignored_signals_do_not_help(student):
    """A process that ignores what can be ignored is stopped all the same."""
    code = """
    import signal
    for number in range(1, 32):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    while True: pass
    """
    assert ending_of(student, code, 0.5).verdict is Verdict.TIMEOUT


def test_a_stopped_process_ends_at_the_deadline(student):
    """A process that stops itself does not hang the grader."""
    assert (
        ending_of(student, "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", 0.5).verdict
        is Verdict.TIMEOUT
    )


def test_processor_time(attack):
    """Processor time is bounded over all requests, with the verdict of a time-out."""
    attacker = attack(Limits(cpu_s=1))
    with pytest.raises(Ending) as ending:
        attacker.run("while True: pass", deadline_s=20)
    assert ending.value.verdict is Verdict.TIMEOUT
    assert "processor time" in str(ending.value.message)


def test_memory_is_a_memory_error(attacker):
    """An allocation beyond the limit raises where it is made."""
    assert attacker.error("kept = []\nwhile True: kept.append(np.ones(1 << 20))") == "MemoryError"


def test_memory_of_mappings_is_bounded(attacker):
    """Shared mappings, which are no data to the kernel, are bounded too."""
    code = """
    import mmap
    kept = []
    for _ in range(64):
        kept.append(mmap.mmap(-1, 64 << 20))
    """
    assert attacker.error(code) in ("OSError", "MemoryError")


def test_the_kernel_killing_it_at_the_limit_is_memory():
    """A process that is killed with a peak near its limit ran out of memory; elsewhere it crashed."""
    from grader.jail.endings import explain_ending
    from grader.jail.launcher import Status

    limits = Limits(memory_mib=100)
    killed = Status(exit=None, signal=9, killed=False, exceeded="", peak_kib=95 * 1024, cpu_s=1)
    small = Status(exit=None, signal=9, killed=False, exceeded="", peak_kib=9 * 1024, cpu_s=1)
    verdict, message = explain_ending(killed, limits, "")
    assert verdict is Verdict.MEMORY
    assert "100 MiB" in str(message) and "95 MiB" in str(message)
    assert explain_ending(small, limits, "")[0] is Verdict.CRASH


def test_threads_are_bounded(attacker):
    """More threads than allowed cannot be started."""
    code = """
    import threading, time
    for _ in range(500):
        threading.Thread(target=time.sleep, args=(0.2,), daemon=True).start()
    """
    assert attacker.error(code) == "RuntimeError"


def test_open_files_are_bounded(student):
    """More open files than allowed are refused."""
    assert student.error("kept = [open('/dev/null') for _ in range(500)]") == "OSError"


def test_file_size_is_bounded(student):
    """A file cannot grow beyond its limit."""
    assert (
        student.error("f = open('large', 'wb')\nfor _ in range(10): f.write(bytes(1 << 20)); f.flush()")
        == "OSError"
    )


def test_much_data_on_disk(attack):
    """Many large files end in an error or a flood, and leave nothing behind for the next worker."""
    attacker = attack()
    code = """
    import time
    for i in range(12):
        with open(f'f{i}', 'wb') as f: f.write(bytes(7 << 20))
    time.sleep(5)
    """
    try:
        assert attacker.run(code).info["type"] == "OSError"
    except Ending as ending:
        assert ending.verdict is Verdict.FLOOD
        assert "16 MiB" in str(ending.message)
        assert attacker.run("open('small', 'w').write('x')").ok


def test_many_files(attack):
    """Too many files and folders are a flood, and the next worker finds an empty scratch folder."""
    attacker = attack()
    ending = ending_of(attacker, "import os, time\nfor i in range(450): os.mkdir(f'd{i}')\ntime.sleep(5)")
    assert ending.verdict is Verdict.FLOOD
    assert "400 files" in str(ending.message)
    assert attacker.value("len(os.listdir('.'))") == 0


def test_deep_folders(attack):
    """Folders nested deeper than any path may be are deleted like all others."""
    attacker = attack()
    box = attacker.box
    nest = "import os\nfor i in range(300): os.mkdir('d' * 60); os.chdir('d' * 60)\nos.chmod('.', 0)"
    try:
        attacker.run(nest)
    except Ending as ending:
        assert ending.verdict is Verdict.FLOOD
    home = box._home
    box.close()
    assert not home.exists()


def test_printing_without_end(student):
    """More output than allowed is a flood; its beginning is kept."""
    ending = ending_of(student, "while True: print('spam' * 1000)")
    assert ending.verdict is Verdict.FLOOD
    assert "1 MiB" in str(ending.message)


def test_too_large_an_answer(student):
    """An answer over the cap is unusable output, and both sizes are named."""
    ending = ending_of(student, "emit('y', np.zeros((40, 1 << 20), np.uint8))")
    assert ending.verdict is Verdict.OUTPUT
    assert "40 MiB" in str(ending.message) and "32 MiB" in str(ending.message)


def test_too_many_arrays(student):
    """More arrays than allowed are unusable output."""
    ending = ending_of(student, "for i in range(600): emit(f'a{i}', np.zeros(1))")
    assert ending.verdict is Verdict.OUTPUT
    assert "512" in str(ending.message)
