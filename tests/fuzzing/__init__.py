"""Readers fed with what nobody would write on purpose; docs/reliability.md says how to run them.

Each reader is fuzzed twice: by hypothesis, which builds cases from the format's grammar and shrinks
what fails, and by mutants of sound files, which are so cheap that there can be many. FUZZ_CASES is
the number of the former, FUZZ_MUTANTS of the latter, 60 and 300 when they are not set.
"""

import os

import hypothesis

CASES = int(os.environ.get("FUZZ_CASES", 60))
MUTANTS = int(os.environ.get("FUZZ_MUTANTS", 300))

fuzzed = hypothesis.settings(
    max_examples=CASES,
    derandomize="FUZZ_CASES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
