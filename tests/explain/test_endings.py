"""How code ends is told in words: Numba's errors, imports, what runs while loading; each with one thing to do."""

import linecache
import sys
from pathlib import Path

import pytest

from grader.explain.endings import why_it_ended
from grader.explain.messages import command, describe_outcome
from grader.explain.numba_errors import known_error
from grader.inside.endings import MAX_MESSAGE_CHARACTERS, complete
from grader.run.answers import Answers, Frame
from grader.run.session import Outcome
from grader.verdicts import Verdict
from tests.explain import kernels

FOLDER = str(Path(kernels.__file__).parent)


@pytest.mark.parametrize("kernel", kernels.REFUSED, ids=lambda kernel: kernel.__name__)
def test_what_numba_refuses_is_told_in_one_sentence(kernel):
    """Numba's own error becomes a short text, the student's line in the kernel, and a sentence about it."""
    arguments, words, code = kernels.REFUSED[kernel]
    with pytest.raises(Exception) as raised:
        kernel(*arguments)
    info = complete({"verdict": "exception", "message": str(raised.value), "frames": []}, raised.value, FOLDER)
    assert "candidate" not in info["message"] and len(info["message"]) <= MAX_MESSAGE_CHARACTERS
    sentence, values = known_error(type(raised.value).__name__, info["message"])
    assert words in sentence.format(**values)
    (frame,) = info["frames"]
    assert frame["file"] == "kernels.py" and code in linecache.getline(kernels.__file__, frame["line"])


def test_errors_that_are_not_numbas_get_no_such_sentence():
    """Words alone do not make an error one of Numba's."""
    assert known_error("ValueError", "zeros(list(int64))") is None
    assert known_error("TypingError", "something that nobody has seen") is None


def test_a_name_that_is_nearly_right_is_suggested():
    """Python's "Did you mean" is kept."""
    with pytest.raises(AttributeError) as raised:
        kernels.zeros_of_lists  # noqa: B018
    info = complete({"verdict": "exception", "message": str(raised.value), "frames": []}, raised.value, FOLDER)
    assert info["message"].endswith("Did you mean: 'zeros_of_list'?")


def ended(verdict, message="", error_type="", *frames):
    """An outcome whose frames are (file, line, function, code)."""
    return Outcome(verdict, message, error_type, tuple(Frame(*frame) for frame in frames))


ENDED = {
    "leftover raise": (
        ended(Verdict.UNFINISHED, "pool_forward", "NotImplementedError",
              ("layers.py", 40, "forward", "raise NotImplementedError('pool_forward')")),
        "layers.py:40", "",
    ),
    "relative import": (
        ended(Verdict.IMPORT, "vgg.py does not load: ImportError: attempted relative import with no known parent "
              "package", "ImportError", ("vgg.py", 3, "<module>", "from .layers_1 import ReLULayer")),
        "`from layers_1 import`, without the dot", "vgg.py:3",
    ),
    "import from a folder": (
        ended(Verdict.IMPORT, "vgg.py does not load: ModuleNotFoundError: No module named 'labs'",
              "ModuleNotFoundError", ("vgg.py", 3, "<module>", "from labs.vgg16.layer import ReluLayer")),
        "no folder `labs`", "import `layer` without `labs.vgg16` at vgg.py:3",
    ),
    "helper not handed in": (
        ended(Verdict.IMPORT, "vgg.py does not load: ModuleNotFoundError: No module named 'my_utils'",
              "ModuleNotFoundError", ("vgg.py", 2, "<module>", "from my_utils import pad")),
        "my_utils.py is missing", "hand in my_utils.py",
    ),
    "processes": (
        ended(Verdict.EXCEPTION, "[Errno 1] Operation not permitted", "PermissionError",
              ("layers.py", 9, "forward", "with multiprocessing.Pool(4) as pool:")),
        "`prange`", "layers.py:9",
    ),
    "notebook": (
        ended(Verdict.IMPORT, "layer.py does not load: NameError: name 'get_ipython' is not defined", "NameError",
              ("layer.py", 1, "<module>", "get_ipython().run_line_magic('matplotlib', 'inline')")),
        "left from a notebook", "delete line layer.py:1",
    ),
    "exit without site": (
        ended(Verdict.EXCEPTION, "name 'exit' is not defined", "NameError", ("lenet.py", 7, "main", "exit(1)")),
        "ends itself there", "lenet.py:7",
    ),
    "library": (
        ended(Verdict.IMPORT, "vgg.py does not load: ModuleNotFoundError: No module named 'pandas'",
              "ModuleNotFoundError", ("vgg.py", 2, "<module>", "import pandas as pd")),
        "The library `pandas` is not there when this runs", "remove the import at vgg.py:2",
    ),
    "exit": (
        ended(Verdict.EXCEPTION, "0", "SystemExit", ("lenet.py", 7, "main", "sys.exit(0)")),
        "ends itself", "lenet.py:7",
    ),
    "training at import": (
        ended(Verdict.TIMEOUT, "no answer within 60 s; the process was stopped", "",
              ("lenet.py", 88, "<module>", "train(net)"), ("lenet.py", 60, "train", "net.step(x)")),
        "lenet.py was still loading: line 88", 'put what starts at lenet.py:88 under `if __name__ == "__main__":`',
    ),
    "no guard": (
        ended(Verdict.IMPORT, "lenet.py does not load: FileNotFoundError: cat.jpg", "FileNotFoundError",
              ("lenet.py", 88, "<module>", "main()"), ("lenet.py", 60, "main", "open('cat.jpg')")),
        "line 88 runs whenever", "under `if __name__",
    ),
    "quotient": (
        ended(Verdict.EXCEPTION, "'float' object cannot be interpreted as an integer", "TypeError",
              ("layer.py", 5, "forward", "out = np.zeros((h / 2, w))")),
        "use `//`", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDED)
def test_an_ending_has_its_cause_and_one_step(name):
    """What follows from the error and its place is said, with the place to go to."""
    outcome, words, step = ENDED[name]
    cause = why_it_ended(outcome)
    assert words in cause.text and step in cause.step
    assert cause.text in describe_outcome(outcome)


@pytest.mark.parametrize(
    "outcome",
    [
        ended(Verdict.EXCEPTION, "no", "PermissionError", ("layer.py", 5, "forward", "open('/etc/x')")),
        ended(Verdict.TIMEOUT, "no answer", "", ("layer.py", 5, "forward", "for i in range(n):")),
        ended(Verdict.IMPORT, "x", "AttributeError", ("vgg.py", 3, "<module>", "from layer import A"),
              ("layer.py", 9, "<module>", "np.float")),
        ended(Verdict.EXCEPTION, "shapes do not match", "ValueError", ("layer.py", 5, "forward", "a / b")),
    ],
)  # fmt: skip
def test_an_ending_like_another_has_no_cause(outcome):
    """The same type of error, or a division in the line, is no evidence by itself."""
    assert why_it_ended(outcome) is None


def test_where_it_stood_is_read_from_what_was_printed(tmp_path):
    """Only lines of collected files count, outermost first, and what was printed before stays."""
    (tmp_path / "lenet.py").write_text("def train():\n    pass\ntrain()\n")
    printed = (
        'step 1\nTimeout (0:00:58)!\nThread 0x1 (most recent call first):\n  File "/x/lenet.py", line 2 in train\n'
        '  File "/x/other.py", line 9 in run\n  File "/x/lenet.py", line 3 in <module>\n'
    )
    before, frames = Answers(tmp_path, tmp_path).where_it_stood(printed)
    assert before == "step 1\n"
    assert [(frame.line, frame.function) for frame in frames] == [(3, "<module>"), (2, "train")]
    assert Answers(tmp_path, tmp_path).where_it_stood("step 1") == ("step 1", ())


def test_commands_name_the_interpreter():
    """A command can be pasted: it names the interpreter that runs this."""
    assert command("check", "lenet").endswith("python -m grader check lenet")


@pytest.mark.parametrize(
    ("folder", "typed"),
    [
        ("my course", ".venv/bin/python"),
        ("", '"my course/.venv/bin/python"'),
        ("my course/stu_upload/lenet", "../../.venv/bin/python"),
        ("elsewhere", "python"),
    ],
)
def test_an_environment_is_named_from_the_folder_in_which_one_works(tmp_path, monkeypatch, folder, typed):
    """From above it in quotes where a folder has a space, from below it upwards, and from elsewhere not at all."""
    for name in ("my course/.venv/bin", "my course/stu_upload/lenet", "elsewhere", "bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "bin" / "python").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "my course" / ".venv"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "my course" / ".venv" / "bin" / "python"))
    monkeypatch.chdir(tmp_path / folder)
    assert command("list") == f"{typed} -m grader list"
    monkeypatch.setenv("PATH", str(tmp_path / "my course" / ".venv" / "bin"))
    (tmp_path / "my course" / ".venv" / "bin" / "python").touch(0o755)
    if folder == "elsewhere":
        assert command("list") == "python -m grader list"


def test_a_blank_is_called_a_blank():
    """A hole with `____` in it raises no NotImplementedError, and is not said to."""
    blank = ended(Verdict.UNFINISHED, "", "NameError", ("conv.py", 104, "conv2D", "Z[m, i, j, c] = ____"))
    assert describe_outcome(blank) == "Not written yet: the blank at conv.py:104 is not filled"


def test_of_a_hidden_case_only_the_submissions_lines_are_repeated():
    """A message that must not be shown gives a cause only if its parts stand in the lines that are shown."""
    line = ("vgg.py", 2, "<module>", "from my_utils import pad")
    shown = ended(Verdict.IMPORT, "", "ModuleNotFoundError", line)
    assert "my_utils.py" in why_it_ended(shown, "No module named 'my_utils'").text
    assert why_it_ended(shown, "No module named 'secret'") is None
    kernel = ended(Verdict.EXCEPTION, "", "TypingError", ("layer.py", 75, "", "@staticmethod"))
    said = "non-precise type pyobject\n- argument 0: Cannot determine Numba type of <class 'layer.Secret'>"
    text = why_it_ended(kernel, said).text
    assert "`self.weight` instead of `self`" in text and "Secret" not in text
