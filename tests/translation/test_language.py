"""Which language is spoken, and that a student who chose Chinese reads Chinese."""

import json
import os
import re
import signal
import subprocess
import sys
from unittest import mock

import pytest

from grader.explain import describe_cause
from grader.explain.messages import describe_outcome, next_step
from grader.inside.answers import said
from grader.jail import Limits
from grader.jail.endings import explain_ending
from grader.jail.launcher import Status
from grader.language.message import english
from grader.language.translation import _, chosen, joined, language_of, listed, ngettext, translated
from grader.project.fixtures import RecordedMistake
from grader.project.places import ProjectError
from grader.run.answers import Answers
from grader.run.session import Outcome
from grader.verdicts import Verdict, verdict_word
from tests.golden import ROOT, materialise

LIMIT_S = 240
COMMAND = re.compile(r"python -m grader [ \w-]+")
ENGLISH_SENTENCE = re.compile(r"\b[A-Za-z]{2,}( [a-z]{2,}){2,}")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "zh_TW.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN"}, "zh"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "fr:zh_CN:en"}, "zh"),
        ({"LANGUAGE": "zh", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX", "LANGUAGE": "zh"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
    ],
)
def test_the_locale_decides(environment, language):
    """LC_ALL goes before LC_MESSAGES before LANG; LANGUAGE lists wishes, unless the locale is C."""
    assert language_of(environment) == language


def test_windows_has_no_variables(monkeypatch):
    """There the name that Python gives the locale decides."""
    monkeypatch.setattr("locale.getlocale", lambda: ("Chinese (Simplified)_China", "936"))
    assert language_of({}) == "zh"
    monkeypatch.setattr("locale.getlocale", lambda: (None, None))
    assert language_of({}) == "en"


def test_messages_take_values_and_forms(chinese):
    """Values stand where the translation wants them; Chinese has one form for all counts."""
    assert _("`{name}` was not returned.", name="y") == "没有返回 `y`。"
    assert ngettext("{count} row too many", "{count} rows too many", 1) == "多了 1 行"
    assert listed(["a", "b", "c"]) == "a、b 和 c" and listed(["宽", "高"]) == "宽和高"
    assert joined(["甲。", "乙。"]) == "甲。乙。"
    assert _("never said anywhere") == "never said anywhere"
    assert verdict_word(Verdict.WRONG) == "有误"
    assert Verdict.WRONG.value == "wrong"


def test_english_is_the_source():
    """Without a choice, in the locale of the tests, nothing is changed."""
    assert chosen() == "en"
    assert _("{count} more", count=2) == "2 more"
    assert listed(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(
    ("answer", "chinese_text"),
    [
        (said("not handed in", name="layer"), "缺少 layer.py"),
        (
            said("not loaded", name="layer", type="SyntaxError", text="invalid syntax"),
            "layer.py 无法加载: SyntaxError: invalid syntax",
        ),
        ({"message": "conv is a student's own text"}, "conv is a student's own text"),
        ({"message": "a library gave up"}, "a library gave up"),
    ],
)
def test_what_the_jail_says_is_told_in_chinese(chinese, project, tmp_path, answer, chinese_text):
    """What the jail says by name is shown in Chinese; what a submission says stays."""
    assert str(Answers(project.lab("vgg16").folder, tmp_path).message(answer)) == chinese_text


def test_an_ending_is_told_in_chinese(chinese):
    """Message and hint are sentences of their own; in English they are as they always were."""
    status = Status(exit=None, signal=int(signal.SIGSEGV), killed=False, exceeded="", peak_kib=0, cpu_s=0)
    message = explain_ending(status, Limits(), "")[1]
    assert str(message) == "进程被终止，信号 SIGSEGV: 它读写了数组之外的内存；请试试 NUMBA_BOUNDSCHECK=1"
    assert message.english == (
        "the process was ended by SIGSEGV: it read or wrote outside an array; try NUMBA_BOUNDSCHECK=1"
    )


def test_a_requirement_of_a_lab_is_told_in_chinese(chinese, project, tmp_path):
    """Its template is in the lab's catalogue, the kind of a layer in the grader's."""
    answer = {
        "required": "{called} has no `weight`; expected a {kind} layer",
        "values": {"called": "conv1 (Conv)", "kind": "convolution"},
    }
    message = Answers(project.lab("vgg16").folder, tmp_path).message(answer)
    assert str(message) == "conv1 (Conv) 没有 `weight`；这里应为卷积层"
    assert english(message) == "conv1 (Conv) has no `weight`; expected a convolution layer"


def test_errors_are_told_in_chinese_and_kept_in_english(chinese):
    """An error within an error, too."""
    inner = ProjectError("the experiment of lab {name} takes no weights", name="vgg16")
    error = ProjectError("{file} cannot be read: {error}", file="lab.yaml", error=inner)
    assert str(error) == "lab.yaml 无法读取：实验 vgg16 的完整实验不接受权重"
    assert error.english == "lab.yaml cannot be read: the experiment of lab vgg16 takes no weights"


def test_a_message_with_many_signs_costs_nothing(chinese):
    """A finished text is looked up whole, once: no pattern is tried on it, and none of its parts."""
    hostile = "a: " * 600
    with mock.patch("gettext.GNUTranslations.gettext", wraps=lambda text: text) as looked_up:
        assert describe_outcome(Outcome(Verdict.EXCEPTION, hostile, "ValueError")).startswith("ValueError: a: a: ")
    assert hostile not in [call.args[0] for call in looked_up.call_args_list]
    assert translated(hostile) == hostile


def test_texts_of_a_lab_are_translated_at_sight(chinese, project):
    """Titles and causes come from the lab's own catalogue, two mistakes at once from both of theirs."""
    lab = project.lab("vgg16")
    assert translated("Convolution, backward pass", lab.folder) == "卷积，反向传播"
    first = translated("The product is right, but the bias is missing: add it to every row.", lab.folder)
    assert first == "乘积是对的，但缺少偏置：给每一行加上它。"
    told = {
        "a": "The loss seems to be the sum over the batch: take the mean.",
        "b": "The product is right, but the bias is missing: add it to every row.",
    }
    told["a + b"] = f"(1) {told['a']} (2) {told['b']}"
    mistakes = [RecordedMistake(name, "", text, "", []) for name, text in told.items()]
    pair = describe_cause(mistakes[-1], mistakes, lab.folder)
    assert pair == f"(1) 损失似乎是对整批求和：要取平均值。(2) {first}"


def test_outcomes_are_told_in_chinese(chinese, project):
    """An unfinished hole and what to do about it."""
    lab = project.lab("vgg16")
    check = lab.checks["conv_forward"]
    outcome = Outcome(Verdict.UNFINISHED, "fill outputs by formula (3), with for loops")
    assert describe_outcome(outcome, lab.folder) == "尚未完成: 用 for 循环按公式 (3) 填写 outputs".replace(
        ": ", "："
    )
    assert next_step(lab, check, Verdict.UNFINISHED).startswith("在 stu_upload/vgg16/layer.py 中写 conv_forward")


def test_a_report_in_chinese_has_no_english_sentence(tmp_path):
    """A wrong and a skipped check: titles, message, case, cause and next step are all Chinese."""
    work = tmp_path / "work"
    materialise(ROOT / "tests" / "submissions" / "vgg16" / "bias_in_channel_loop", work)
    document = tmp_path / "result.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "grader", "check", "vgg16", "--submission", str(work), "--json", str(document)),
            *("--only", "conv_backward", "--only", "conv_forward"),
        ],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "有误" in done.stdout and "下一步" in done.stdout
    for line in done.stdout.splitlines():
        assert not ENGLISH_SENTENCE.search(COMMAND.sub("", line)), line
    result = json.loads(document.read_text(encoding="utf-8"))
    assert result["language"] == "zh"
    assert [check["verdict"] for check in result["checks"]] == ["wrong", "skipped"]


def test_the_option_goes_before_the_locale():
    """``--lang`` is an option of the commands; another language is refused with those that exist."""
    run = [sys.executable, "-m", "grader", "list", "--lang"]
    environment = {**os.environ, "LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1", "COLUMNS": "120"}

    def said(language):
        return subprocess.run(
            [*run, language],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    assert "Build VGG16 and classify a flower" in said("en").stdout
    assert "搭建 VGG16" in said("zh").stdout
    wrong = said("fr")
    assert wrong.returncode == 2
    assert "--lang：应为 en, zh" in wrong.stderr


@pytest.mark.parametrize("words", [["--lang", "zh", "check", "nolab"], ["check", "nolab", "--lang", "zh"]])
def test_the_language_may_stand_before_the_command_or_behind(words):
    """Either way the whole command speaks it."""
    done = subprocess.run(
        [sys.executable, "-m", "grader", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr[:3]) == (2, "错误：")


def test_a_language_without_a_command_shows_the_commands_in_it():
    """Nothing is done silently."""
    words = [sys.executable, "-m", "grader", "--lang", "zh"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "列出所有实验" in done.stdout
