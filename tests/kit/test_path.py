"""The way of a new student, typed in a kit: from unpacking to full marks, with typical mistakes on the way."""

import json
import re
import shutil
import subprocess
import sys

from tests.golden import ROOT
from tests.kit.conftest import LAB, student

SLIP_IN_CONVOLUTION = ("outputs[n, c, h, w] = total + bias[c]", "outputs[n, c, h, w] = total")
SLIP_IN_ITS_GRADIENT = ("in_grad[n, k, top + i, left + j] += grad", "in_grad[n, k, top + i, left + j] = grad")
PYTHON_2 = (
    "out_height = (padded_height - self.kernel_size) // self.stride",
    "out_height = (padded_height - self.kernel_size) / self.stride",
)
FAST = "im2col_gemm"
GRADE_LIMIT_S = 400


def solution(file, hole):
    """The lines of a solution region of the reference, as text."""
    text = (ROOT / "reference" / LAB / file).read_text()
    return re.search(rf"### BEGIN SOLUTION {hole}:.*?\n(.*?)\n\s*### END SOLUTION", text, re.S)[1]


def write_hole(folder, file, hole, edit=None):
    """Replace the two lines of a hole by the reference's, with one mistake if asked."""
    place = folder / "stu_upload" / LAB / file
    code = solution(file, hole)
    if edit is not None:
        assert code.count(edit[0]) == 1
        code = code.replace(*edit)
    text, count = re.subn(
        rf" *# TODO\({hole}\).*\n.*raise NotImplementedError.*\n", lambda _: f"{code}\n", place.read_text()
    )
    assert count == 1
    place.write_text(text)


def change(folder, file, edit):
    """Replace a piece of text that occurs once."""
    place = folder / "stu_upload" / LAB / file
    assert place.read_text().count(edit[0]) == 1
    place.write_text(place.read_text().replace(*edit))


def check(folder, *options):
    """Type ``check`` and return its status, what it printed in one line, and verdict by check."""
    document = folder / "result.json"
    document.unlink(missing_ok=True)
    done = student(folder, "check", LAB, "--json", str(document), *options)
    assert "Traceback" not in done.stderr, done.stderr
    verdicts = {item["id"]: item["verdict"] for item in json.loads(document.read_text())["checks"]}
    return done.returncode, " ".join(done.stdout.split()), verdicts


def test_from_the_fresh_kit_to_every_layer_right(kit):
    """Each step has a kind and exact message and ends with one thing to do; a right layer turns green at once."""
    status, said, verdicts = check(kit)
    assert status == 1
    assert "Next: write conv_forward in stu_upload/vgg16/layer.py" in said
    assert said.count("Next:") == 1
    assert verdicts["conv_forward"] == verdicts["max_pool_forward"] == "unfinished"
    assert verdicts["relu_forward"] == "pass" and verdicts["conv_backward"] == "skipped"

    layer = kit / "stu_upload" / LAB / "layer.py"
    fresh = layer.read_text()
    layer.write_text(fresh.replace("class MaxPoolLayer:", "class MaxPoolLayer"))
    status, said, verdicts = check(kit, "--layer", "max_pool")
    assert verdicts["max_pool_forward"] == "import"
    assert "ayer.py does not load: SyntaxError" in said and re.search(
        r"stu_upload/vgg16/layer\.py:\d+ class MaxPoolLayer", said
    )
    layer.write_text(fresh)

    write_hole(kit, "layer.py", "conv_forward", SLIP_IN_CONVOLUTION)
    status, said, verdicts = check(kit, "--layer", "conv")
    assert (status, verdicts) == (1, {"conv_forward": "wrong", "conv_backward": "skipped"})
    assert "`outputs` differs" in said and "3x3 kernel, padding 1, as in VGG" in said
    change(kit, "layer.py", SLIP_IN_CONVOLUTION[::-1])

    change(kit, "layer.py", PYTHON_2)
    status, said, verdicts = check(kit, "--only", "conv_forward")
    assert verdicts == {"conv_forward": "pass"}
    assert "`/` of integers gives a float on Python 3" in " ".join(said.split())
    change(kit, "layer.py", PYTHON_2[::-1])

    status, said, verdicts = check(kit, "--only", "conv_forward")
    assert (status, verdicts) == (0, {"conv_forward": "pass"})

    write_hole(kit, "layer.py", "conv_backward", SLIP_IN_ITS_GRADIENT)
    write_hole(kit, "layer.py", "max_pool_forward")
    write_hole(kit, "layer.py", "max_pool_backward")
    status, said, verdicts = check(kit)
    assert [name for name, verdict in verdicts.items() if verdict != "pass"] == ["conv_backward"]
    compared = student(kit, "gradcheck", LAB, "layer.py:ConvolutionLayer")
    assert compared.returncode == 1 and "backward says" in compared.stdout
    change(kit, "layer.py", SLIP_IN_ITS_GRADIENT[::-1])

    status, said, verdicts = check(kit)
    assert status == 0 and set(verdicts.values()) == {"pass"}
    assert said.count("Next:") == 1 and re.search(r"Next: \S+ -m grader check vgg16 --all$", said)


def test_a_wrong_name_in_the_network_is_said(kit):
    """The first layer whose name differs is named with its place and the name that it should have."""
    shutil.copyfile(ROOT / "reference" / LAB / "layer.py", kit / "stu_upload" / LAB / "layer.py")
    shutil.copyfile(ROOT / "reference" / LAB / "variants" / FAST / "vgg.py", kit / "stu_upload" / LAB / "vgg.py")
    text = (kit / "stu_upload" / LAB / "vgg.py").read_text()
    assert "maxpool" in text
    (kit / "stu_upload" / LAB / "vgg.py").write_text(text.replace("maxpool", "pool"))
    status, said, verdicts = check(kit, "--only", "network_build")
    assert (status, verdicts) == (1, {"network_build": "wrong"})
    assert "ayer 5 of `graph_layers` is 'layer1_pool', expected 'layer1_maxpool'" in said


def test_full_marks_in_the_kit_are_full_marks_at_the_instructors(kit):
    """``check --all`` in the kit and ``grade`` in the repository give the score that the submission deserves."""
    folder = ROOT / "reference" / LAB / "variants" / FAST
    for name in ("layer.py", "vgg.py"):
        shutil.copyfile(folder / name, kit / "stu_upload" / LAB / name)
    _, said, _ = check(kit, "--all")
    mine = json.loads((kit / "result.json").read_text())
    document = kit / "graded.json"
    command = [sys.executable, "-m", "grader", "grade", LAB, "--submission", str(kit / "stu_upload" / LAB)]
    subprocess.run(
        [*command, "--json", str(document)], cwd=ROOT, capture_output=True, timeout=GRADE_LIMIT_S, check=False
    )
    graded = json.loads(document.read_text())
    assert (mine["score"], graded["score"]) == (100, 100), said
    assert mine["mode"] == "check" and graded["mode"] == "grade" and graded["for_record"]
    assert mine["fixtures"][0]["sha256"] != graded["fixtures"][0]["sha256"]
