"""What was done, by whom, in a chain: each event carries the hash of the one before it."""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from grader.cohort.store.tables import Event
from grader.cohort.store.types import now

START = "0" * 64
# Any number, the same for all writers of the chain.
CHAIN_LOCK = 7_201_520


def actor() -> str:
    """Return who is at work, as the system calls them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def record(
    session: Session,
    action: str,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> Event:
    """Append an event; it becomes visible with the transaction in which the thing itself is done."""
    if session.get_bind().dialect.name == "postgresql":
        # Without it two writers could follow the same event. SQLite has one writer at a time.
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": CHAIN_LOCK})
    previous = last_hash(session)
    event = Event(
        at=now(),
        actor=actor(),
        action=action,
        subject=subject,
        before=dict(before or {}),
        after=dict(after or {}),
        prev_hash=previous,
    )
    event.hash = hash_of(event)
    session.add(event)
    session.flush()
    return event


def last_hash(session: Session) -> str:
    """Return the hash of the newest event, which stands for all before it."""
    return session.scalar(select(Event.hash).order_by(Event.id.desc()).limit(1)) or START


def hash_of(event: Event) -> str:
    """Return the hash that an event must have."""
    content = {
        "at": event.at.isoformat(),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "before": event.before,
        "after": event.after,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(event.prev_hash.encode() + canonical.encode()).hexdigest()


def first_break(session: Session) -> Event | None:
    """Return the first event that does not fit to the one before or to its own hash; None if all do."""
    previous = START
    for event in session.scalars(select(Event).order_by(Event.id)):
        if event.prev_hash != previous or hash_of(event) != event.hash:
            return event
        previous = event.hash
    return None
