"""What Schemathesis is told about values that fit their schema and are still none, and how far it is."""

import re
import sys
import time

import schemathesis

ENTITY_TAGS = re.compile(r'^\s*(\*|(W/)?"[!#-~]*"\s*(,\s*(W/)?"[!#-~]*"\s*)*)$')
SMALLEST = 1e-30
PROGRESS_SECONDS = 30


class Progress:
    """Says on stderr how far the run is, every PROGRESS_SECONDS; progress.ts takes the lines out."""

    def __init__(self):
        self.cases = 0
        self.phase = None
        self.seen = set()
        self.told = time.monotonic()

    def count(self, phase, operation):
        self.cases += 1
        if phase != self.phase:
            self.phase = phase
            self.seen.clear()
        self.seen.add(operation.label)
        if time.monotonic() - self.told >= PROGRESS_SECONDS:
            self.told = time.monotonic()
            self.tell(operation)

    def tell(self, operation):
        all_of_them = operation.schema.statistic.operations.selected
        at = f"operation {len(self.seen)} of {all_of_them} ({operation.label})"
        print(f"fuzz-progress: {self.phase}, {at}, {self.cases} cases", file=sys.stderr, flush=True)


PROGRESS = Progress()


@schemathesis.hook
def before_call(context, case, kwargs):
    meta = case.meta
    PROGRESS.count("examples" if meta is None else meta.phase.name.value, case.operation)


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
