"""What the OpenAPI document cannot say to schemathesis: how to make values of
the formats that have a rule of their own, what depends on what is stored, and
one more check."""

import os
import re
import uuid
from datetime import datetime

import schemathesis
from hypothesis import strategies as st

# This token is nobody's.
ANONYMOUS = os.environ["FUZZ_AUTHORIZATION"] == "Token " + 40 * "0"

# The account of the token, which is nobody else's: runs do not meet.
NAMESPACE = os.environ["FUZZ_NAMESPACE"]

# Words as a shell reads them: plain, escaped and quoted pieces.
SHELL_WORDS = st.from_regex(
    r"""([^'"\\\x00]|\\[^\x00]|'[^'\x00]*'|"([^"\\\x00]|\\[^\x00])*")*""",
    fullmatch=True,
)


@st.composite
def repeating_intervals(draw):
    runs = draw(st.one_of(st.just(""), st.integers(1, 10**6).map(str)))
    start = draw(st.datetimes()).isoformat(timespec="milliseconds")
    offset = draw(st.sampled_from(["", "Z", "+08:00", "-0330", "+05"]))
    hours, seconds = draw(st.integers(0, 9999)), draw(st.integers(1, 86400))
    period = draw(st.sampled_from([f"{hours}H{seconds}S", f"{seconds}S", f"{seconds}M"]))
    return f"R{runs}/{start}{offset}/PT{period}"


@st.composite
def crons(draw):
    """Expressions that come about in every year."""
    minute = draw(st.sampled_from(["*", "0", "*/7", "5-50/9", "1,2"]))
    hour = draw(st.sampled_from(["*", "2", "*/3", "22,23"]))
    day = draw(st.sampled_from(["*", "1", "L", "15W", "LW", "?"]))
    week = draw(st.sampled_from(["*", "MON-FRI", "FRIL", "1#2", "?"]))
    return f"{minute} {hour} {day} * {week}"


SCHEDULES = st.one_of(
    repeating_intervals(),
    crons(),
    st.lists(crons(), min_size=2, max_size=3).map(";".join),
    st.sampled_from(["@daily", "R5//P1D", "R/2026-01-31T09:00:00Z/P1M"]),
)

schemathesis.openapi.format("shell-words", SHELL_WORDS)
schemathesis.openapi.format("schedule", SCHEDULES)
schemathesis.openapi.format(
    "timezone", st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"])
)
schemathesis.openapi.format("exclusion", st.sampled_from(["2026-12-31", "--12-25", "* 7 SAT"]))
schemathesis.openapi.format(
    "resource-size", st.sampled_from(["XXS", "XS", "S", "M", "L", "XL"])
)
schemathesis.openapi.format("region", st.just("BEIJING1"))
schemathesis.openapi.format(
    "namespace", st.one_of(st.just(NAMESPACE), st.from_regex("[a-z0-9]{1,9}", fullmatch=True))
)


def instants(first):
    """In the form of RFC 3339, from a year on."""
    instants = st.datetimes(min_value=datetime(first, 1, 1))
    return instants.map(lambda at: at.isoformat(timespec="microseconds") + "Z")


schemathesis.openapi.format("instant", instants(1))
schemathesis.openapi.format("future", instants(2100))
schemathesis.openapi.format("past", instants(1).filter(lambda at: at < "2026"))
# A cursor comes from a list's links only; an empty one is the same as none.
schemathesis.openapi.format("cursor", st.just(""))
schemathesis.openapi.format("log-regex", st.from_regex(r"(\^|\(\?i\))?[a-z]{0,9}(\.\*|[0-9])?\$?", fullmatch=True))


@schemathesis.hook
def before_call(context, case, kwargs):
    wait = (case.query or {}).get("wait")
    if isinstance(wait, str) and re.fullmatch("([1-9]|[1-5][0-9]|60)s?", wait):
        # No executor runs, so every wait would be as long as it may.
        case.query["wait"] = "1s"
    if str((case.query or {}).get("follow")).lower() == "true":
        # No executor runs, so nothing that is followed ends.
        case.query["follow"] = "false"
    if str((case.path_parameters or {}).get("token")) == os.environ["FUZZ_TOKEN"]:
        # A run that revokes its own token sees nothing but 401.
        case.path_parameters["token"] = 2**31
    if "Idempotency-Key" in (case.headers or {}) and case.meta.generation.mode.is_positive:
        # The answer to a key's first request may name what was deleted since.
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
    if case.meta and case.meta.generation.mode.is_positive:
        if isinstance((case.query or {}).get("page"), int):
            # How many pages can be turned depends on their size.
            case.query["page"] = min(case.query["page"], 100)
        if isinstance(case.body, dict):
            fit(case)
            fit_schedule(case)


def fit(case):
    """Takes out what is right or wrong only beside what else is there."""
    body = case.body
    if isinstance(body.get("runtime_vars"), dict) and isinstance(body.get("secret_vars"), dict):
        # A name is in one of the two.
        for name in body["runtime_vars"]:
            body["secret_vars"].pop(name, None)
    fit_image(case)
    for name in ("password", "new_password"):
        if body.get(name) == 8 * "0":
            # The first that a generator tries, and people too: it is refused.
            body[name] = "correct horse"
    if case.operation.path == "/v1/jobs/{job}":
        # Which names are stored as the other kind, or could be kept by null, is not known here.
        body["secret_vars"] = {}
        # It may only be what it is, which may be an organisation that the run made.
        body.pop("namespace", None)
        # An active schedule needs a text, which may be stored, or be cleared.
        if not body.get("schedule_mode"):
            body.pop("is_schedule_active", None)
        if "schedule_mode" in body and body["schedule_mode"] is None:
            body["is_schedule_active"] = False


def fit_image(case):
    """One digest names an image, and only where there is one the tag may be empty."""
    body, is_change = case.body, case.operation.path == "/v1/jobs/{job}"
    repo, tag = body.get("docker_image_repo") or "", body.get("docker_image_tag")
    if isinstance(repo, str) and isinstance(tag, str):
        pinned = "@" in repo
        if ":" in tag if pinned else tag == "" or is_change and ":" in tag:
            body["docker_image_tag"] = "latest"
    if is_change and "@" in repo and body.get("docker_image_tag") is None:
        # What is stored may be a digest too.
        body["docker_image_tag"] = "latest"


def fit_schedule(case):
    """Takes out of a schedule what is right or wrong only beside what else is there."""
    body = case.body
    if "schedule_calendars" in body:
        # Which ones there are is not known here.
        body["schedule_calendars"] = []
    # In a zone only its own offset is right.
    if body.get("schedule_timezone") not in (None, "UTC"):
        mode = body.get("schedule_mode")
        if isinstance(mode, str) and mode.startswith("R"):
            body["schedule_mode"] = "@daily"
    if case.operation.path == "/v1/jobs/{job}" and "schedule_timezone" in body:
        # What is stored may be an interval with an offset.
        body.setdefault("schedule_mode", "@daily")
    if body.get("overlap_policy") != "queue_all":
        body.pop("overlap_limit", None)
    if body.get("catch_up") != "all":
        body.pop("catch_up_limit", None)
        body.pop("catch_up_window", None)
    if body.get("start_deadline") is not None or body.get("jitter") is not None:
        # One must be more than the other, which may be stored.
        body["jitter"], body["start_deadline"] = 0, None
    if case.operation.path == "/v1/schedules/preview":
        # Somebody else's are 404.
        body.pop("namespace", None)
    if case.operation.path.endswith("/backfills"):
        # How many instants a range has depends on what is stored.
        body["to"] = "2024-01-01T00:00:00Z"


@schemathesis.check
def no_answer_without_a_token(ctx, response, case):
    """Without a valid token every route is 401, but for the public ones."""
    if ANONYMOUS and case.operation.definition.raw.get("security"):
        assert response.status_code == 401, f"{response.status_code} without a token"
