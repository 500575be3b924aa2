"""Reads a rule for late work as a person types it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from grader.cohort.problems import CohortError
from grader.cohort.release.late import policy_of

FILES = (".yaml", ".yml")


def rule_from(text: str) -> dict[str, Any]:
    """Return the rule ``kind,name=value,…``, or that of a YAML file, as it is kept.

    Raises
    ------
    CohortError : it is none.
    """
    if text.endswith(FILES):
        try:
            data = yaml.safe_load(Path(text).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise CohortError(
                "{text} cannot be read ({error})", text=text, error=str(error).splitlines()[0]
            ) from None
        if not isinstance(data, dict):
            raise CohortError("{text} holds no rule; expected `kind:` and what belongs to it", text=text)
    else:
        kind, *rest = [part.strip() for part in text.split(",")]
        data = {"kind": kind}
        for part in rest:
            name, sign, value = part.partition("=")
            if not sign:
                raise CohortError("{part} in --late: expected name=value, such as percent=10", part=repr(part))
            data[name.strip()] = value.strip()
    return policy_of(data).model_dump(mode="json", exclude_defaults=True) or {"kind": "none"}
