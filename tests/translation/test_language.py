"""Which language is spoken, and that a student who chose Chinese reads Chinese."""

import json
import os
import re
import subprocess
import sys

import pytest

from grader.explain.messages import describe_outcome, next_step
from grader.language.translation import _, chosen, joined, language_of, listed, ngettext, translated
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
    assert listed(["a", "b", "c"]) == "a、b和c"
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
    ("text", "chinese_text"),
    [
        ("layer.py was not handed in", "没有提交 layer.py"),
        ("layer.py does not load: SyntaxError: invalid syntax", "layer.py 无法加载: SyntaxError: invalid syntax"),
        (
            "the process was ended by SIGSEGV: it read or wrote outside an array; try NUMBA_BOUNDSCHECK=1",
            "进程被终止，信号 SIGSEGV: 它读写了数组之外的内存；请试试 NUMBA_BOUNDSCHECK=1",
        ),
        ("conv is a student's own text", "conv is a student's own text"),
    ],
)
def test_sentences_made_elsewhere_are_found_by_their_pattern(chinese, text, chinese_text):
    """What the jail says in English is shown in Chinese; what a submission says stays."""
    assert translated(text) == chinese_text


def test_texts_of_a_lab_are_translated_at_sight(chinese, project):
    """Titles and causes come from the lab's own catalogue, two mistakes at once from both of theirs."""
    lab = project.lab("vgg16")
    assert translated("Convolution, backward pass", lab.folder) == "卷积，反向传播"
    first = translated("The product is right, but the bias is missing: add it to every row.", lab.folder)
    assert first == "乘积是对的，但缺少偏置：给每一行加上它。"
    pair = "(1) The loss seems to be the sum over the batch: take the mean. (2) " + (
        "The product is right, but the bias is missing: add it to every row."
    )
    assert translated(pair, lab.folder) == f"(1) 损失似乎是对整批求和：要取平均值。(2) {first}"


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
    assert "'en', 'zh'" in wrong.stderr
