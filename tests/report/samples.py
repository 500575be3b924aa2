"""Result documents to render: an honest one, and one with hostile text in every field."""

from __future__ import annotations

from grader.score.document import (
    BeyondResult,
    CheckResult,
    ErrorPicture,
    FileInfo,
    FixtureInfo,
    GradeResult,
    JailInfo,
    LayerTime,
    Memory,
    SpeedPart,
    SpeedResult,
    SubmissionInfo,
    TierResult,
    Times,
)
from grader.verdicts import Verdict

HASH = "1f2e3d4c5b6a79880123456789abcdef1f2e3d4c5b6a79880123456789abcdef"
TITLES = {
    60: "The network is built and loads its parameters",
    80: "The forward pass gives the specified outputs, and the right class",
    100: "The backward pass gives the specified gradients",
}
LAYERS = (
    ("conv1_1", "convolution", 21.4, 60.1, 86_704_128),
    ("relu1_1", "ReLU", 3.21, 4.0, None),
    ("conv1_2", "convolution", 1240.0, 3104.7, 1_849_688_064),
    ("pool1", "max pooling", 12.62, 9.1, None),
    ("fullyconnect1", "fully connected", 48.9, None, 102_760_448),
)


def failed(**changes: object) -> CheckResult:
    """Return a failed check with everything a check can say."""
    values: dict[str, object] = {
        "id": "conv_backward",
        "tier": 100,
        "title": "Convolution, backward pass",
        "verdict": Verdict.WRONG,
        "message": "`grad_input` differs in 12 % of its entries, at most by 40 % of its largest value "
        "(allowed: 0.001 %).",
        "hint": "The padding is not cropped from the gradient.",
        "next": "python -m grader check vgg16 --only conv_backward",
        "seconds": 0.21,
        "cases_passed": 3,
        "cases_total": 8,
        "failed_case": "stride 2 (stride=2, padding=1, x (1, 3, 8, 8))",
        "output": "debug: shape (1, 3, 8, 8)\nTraceback\n",
        "misconception": "padding_not_cropped",
        "picture": ErrorPicture(
            title="grad_input, sample 0, channel 1", levels=[[0, 0, 0], [0, 5, 2], [None, 1, 0]]
        ),
    }
    return CheckResult.model_validate(values | changes)


def held(name: str, tier: int | None, title: str, seconds: float = 0.01, cases: int = 1) -> CheckResult:
    """Return a passed check."""
    return CheckResult(
        id=name,
        tier=tier,
        title=title,
        verdict=Verdict.PASS,
        seconds=seconds,
        cases_passed=cases,
        cases_total=cases,
    )


def layers() -> list[LayerTime]:
    """Return a few layers of a network; the last was not reached backward."""
    total = sum(row[2] for row in LAYERS)
    return [
        LayerTime(
            name=name,
            kind=kind,
            forward_ms=forward,
            backward_ms=backward,
            forward_share=round(forward / total, 4),
            multiply_adds=work,
            forward_gflops=round(2e-6 * work / forward, 2) if work else None,
            reference_forward_ms=forward / 2,
        )
        for name, kind, forward, backward, work in LAYERS
    ]


def compared_layers() -> list[LayerTime]:
    """Return the same layers with what the solution and the engine need for them."""
    return [
        layer.model_copy(
            update={
                "reference_backward_ms": layer.backward_ms,
                "engine_forward_ms": round(layer.forward_ms / 90, 3),
                "engine_backward_ms": layer.backward_ms and round(layer.backward_ms / 80, 3),
            }
        )
        for layer in layers()
    ]


def honest(**changes: object) -> GradeResult:
    """Return the result of honest work that fails in one backward pass."""
    values: dict[str, object] = {
        "schema": "grader/result/v2",
        "lab": "vgg16",
        "lab_title": "Build VGG16 and classify a flower",
        "lab_version": 1,
        "started_at": "2026-01-31T12:30:00Z",
        "submission": SubmissionInfo(
            path="stu_upload/vgg16",
            sha256=HASH,
            files=[
                FileInfo(path="layer.py", sha256=HASH, bytes=900),
                FileInfo(path="vgg.py", sha256=HASH, bytes=9),
            ],
            notes=["left out, not .py: weights.npy"],
        ),
        "score": 80,
        "tiers": [
            TierResult(score=60, title=TITLES[60], passed=True),
            TierResult(score=80, title=TITLES[80], passed=True),
            TierResult(score=100, title=TITLES[100], passed=False, lacks=["conv_backward", "network_backward"]),
        ],
        "checks": [
            held("graph_layers", 60, "Layers in order, with the right kinds and shapes"),
            held("resume_weights", 60, "Parameters are loaded, and a wrong shape raises", 0.12, 2),
            held("conv_forward", 80, "Convolution, forward pass", 1.42, 8),
            held("network_forward", 80, "The whole network, forward pass, on the picture", 12.71),
            failed(),
            held("max_pool_backward", 100, "Max pooling, backward pass", 0.4, 6),
            CheckResult(
                id="network_backward",
                tier=100,
                title="The whole network, backward pass",
                verdict=Verdict.SKIPPED,
                message="Not run, because `Convolution, backward pass` did not pass.",
            ),
        ],
        "layers": layers(),
        "jail": JailInfo(level=3, name="namespaces, Landlock and seccomp"),
        "times": Times(total=32.14, student=30.02, setup=1.25),
        "memory": Memory(worker_peak_mib=1432.4, grader_peak_mib=210.0),
        "fixtures": [FixtureInfo(release="vgg16-1-abc", hidden=True, sha256=HASH)],
        "versions": {"grader": "0.1.0", "python": "3.11.7"},
    }
    return GradeResult.model_validate(values | changes)


def broken_beyond(**changes: object) -> GradeResult:
    """Return a result in which one check holds as the course uses it, and breaks beyond it."""
    beyond = BeyondResult(
        verdict=Verdict.WRONG,
        message="`outputs` differs in 100 % of its entries.",
        hint="The stride is not used.",
        failed_case="stride 2 (k=3, stride=2)",
        cases_passed=3,
        cases_total=5,
    )
    check = held("conv_forward", 80, "Convolution, forward pass", 1.42, 8)
    return honest(checks=[check.model_copy(update={"beyond": beyond})], **changes)


def part() -> GradeResult:
    """Return the result of two checks of a lab that has sixteen."""
    checks = [held("conv_forward", 80, "Convolution, forward pass", 1.42, 8), failed()]
    tiers = [
        TierResult(score=60, title=TITLES[60], passed=False, not_run=["graph_layers"]),
        TierResult(score=80, title=TITLES[80], passed=False, not_run=["network_forward"]),
        TierResult(score=100, title=TITLES[100], passed=False, lacks=["conv_backward"]),
    ]
    return honest(
        checks=checks, tiers=tiers, layers=[], score=None, complete=False, for_record=False, checks_total=16
    )


def compared() -> GradeResult:
    """Return the same with layers that the solution and the engine were timed for as well."""
    return honest(layers=compared_layers())


def timed(**changes: object) -> GradeResult:
    """Return a result with a check that is right and too slow in one of its parts."""
    parts = [
        SpeedPart(
            name=name,
            submission_s=submission,
            baseline_s=baseline,
            reference_s=0.07,
            engine_s=0.004 if name != "backward" else None,
            own_baseline_s=2 * baseline,
            ratio=baseline / submission,
            low=0.9 * baseline / submission,
            high=1.1 * baseline / submission,
        )
        for name, submission, baseline in (("all", 1.6, 18.0), ("forward", 0.1, 6.0), ("backward", 1.5, 12.0))
    ]
    speed = SpeedResult(
        against="loops",
        at_least=20.0,
        enough=False,
        baseline="estimated",
        confidence=0.95,
        repeats=8,
        parts=parts,
    )
    return honest(checks=[failed(id="faster", title="Faster convolution", speed=speed, **changes)])


def unfinished() -> GradeResult:
    """Return the result of the untouched skeleton, checked by a student."""
    names = {"conv_forward": "Convolution, forward pass", "max_pool_forward": "Max pooling, forward pass"}
    return honest(
        mode="check",
        complete=False,
        score=None,
        for_record=False,
        layers=[],
        tiers=[
            TierResult(score=60, title=TITLES[60], passed=True),
            TierResult(score=80, title=TITLES[80], passed=False, lacks=list(names)),
            TierResult(score=100, title=TITLES[100], passed=False),
        ],
        checks=[
            held("graph_layers", 60, "Layers in order, with the right kinds and shapes"),
            *(
                CheckResult(
                    id=name,
                    tier=80,
                    title=title,
                    verdict=Verdict.UNFINISHED,
                    message=f"Not written yet: {name}",
                    next=f"write {name} in stu_upload/vgg16/layer.py, then "
                    f"`python -m grader check vgg16 --only {name}`",
                )
                for name, title in names.items()
            ),
        ],
    )


# Each would do something if one report forgot to escape: terminal, markup, HTML, XML, CSV, Markdown, workflow log.
POISON = (
    "=cmd|' /C calc'!A0 [bold red]markup[/] \x1b[31m\x1b]0;title\x07 <script>alert(1)</script> ]]> &amp; \"'`|"
    " \u202eright to left\u202c \ud800 \ufffe \x00 ${{7*7}} {{7*7}}\n::error::forged\n# heading\n| a | b |\r\n@here"
)


def hostile() -> GradeResult:
    """Return a result that has poison wherever text of a submission, or a name, can get to."""
    base = honest()
    check = failed(
        message=POISON,
        hint=POISON,
        next=POISON,
        failed_case=POISON,
        output=POISON,
        misconception=POISON,
        title=POISON,
        picture=ErrorPicture(title=POISON, levels=[[5]]),
    )
    return base.model_copy(
        update={
            "lab_title": POISON,
            "submission": base.submission.model_copy(
                update={
                    "path": POISON,
                    "notes": [POISON],
                    "files": [FileInfo(path=POISON, sha256=HASH, bytes=1)],
                }
            ),
            "checks": [*base.checks, check, failed(id="exercise", tier=None, output=POISON)],
            "layers": [layer.model_copy(update={"name": POISON, "kind": POISON}) for layer in base.layers],
            "jail": JailInfo(level=1, name=POISON, warnings=[POISON]),
            "versions": {POISON: POISON},
        }
    )
