"""What Schemathesis is told about values that fit their schema and are still none."""

import re

import schemathesis

ENTITY_TAGS = re.compile(r'^\s*(\*|(W/)?"[!#-~]*"\s*(,\s*(W/)?"[!#-~]*"\s*)*)$')
SMALLEST = 1e-30


@schemathesis.hook
def map_case(context, case):
    """Boundary cases write headers of letters and digits alone, which no entity tag is."""
    headers = case.headers or {}
    tags = headers.get("If-Match")
    if tags is None or not _is_positive(case):
        return case
    if "If-None-Match" in headers and case.method == "PUT":
        # Only one of the two can be kept: which rows there are is not theirs to know.
        del headers["If-Match"]
    elif not ENTITY_TAGS.match(str(tags)):
        headers["If-Match"] = '"1.fuzz"'
    return case


@schemathesis.hook
def filter_case(context, case):
    """A number has at most 64 decimal digits, and no schema can say that of 1e-300."""
    return not (_is_positive(case) and _holds_tiny_number(case.body))


def _is_positive(case):
    meta = case.meta
    return meta is None or meta.generation.mode.is_positive


def _holds_tiny_number(value):
    if isinstance(value, float):
        return 0 < abs(value) < SMALLEST
    if isinstance(value, dict):
        return any(_holds_tiny_number(item) for item in value.values())
    return isinstance(value, list) and any(_holds_tiny_number(item) for item in value)
