"""What happens to bytes: sound files damaged by hypothesis, and by plain dice."""

import contextlib
import random
import re

from hypothesis import strategies as st

_PLACES = st.floats(0, 1)
_LENGTHS = st.sampled_from([1, 1, 2, 4, 16, 64, 1000])


def damaged(content, tokens=(b"",)):
    """Bytes like `content` with up to four kinds of damage.

    Args:
        content: bytes of a sound file, or a strategy for them.
        tokens: bytes that mean something in this format; they turn up anywhere.
    """
    inserted = st.one_of(st.sampled_from(list(tokens)), st.binary(max_size=8))
    edits = st.one_of(
        st.tuples(st.just("cut"), _PLACES, _LENGTHS),
        st.tuples(st.just("insert"), _PLACES, inserted),
        st.tuples(st.just("overwrite"), _PLACES, inserted),
        st.tuples(st.just("flip"), _PLACES, st.integers(0, 7)),
        st.tuples(st.just("double"), _PLACES, _LENGTHS),
        st.tuples(st.just("truncate"), _PLACES, st.none()),
    )
    content = content if isinstance(content, st.SearchStrategy) else st.just(content)
    return st.builds(_apply, content, st.lists(edits, max_size=4))


def _apply(content, edits):
    content = bytearray(content)
    for kind, place, value in edits:
        at = int(place * len(content))
        if kind == "cut":
            del content[at : at + value]
        elif kind == "insert":
            content[at:at] = value
        elif kind == "overwrite":
            content[at : at + len(value)] = value
        elif kind == "flip" and at < len(content):
            content[at] ^= 1 << value
        elif kind == "double":
            content[at:at] = content[at : at + value]
        elif kind == "truncate":
            del content[at:]
    return bytes(content)


_FIELD = re.compile(rb"[^<>,;\t\n\r\[\]{}:\"]+")
_KINDS = ("cut", "insert", "overwrite", "flip", "double", "truncate")


def mutants(samples, count, values=(), tokens=(b"",)):
    """Yield damaged copies of sound files, always the same ones.

    Args:
        samples: bytes of sound files.
        count: how many copies.
        values: bytes that take the place of what stands between the format's punctuation.
        tokens: as for `damaged`.
    """
    dice = random.Random(0)
    fields = {sample: [match.span() for match in _FIELD.finditer(sample)] for sample in samples}
    for _ in range(count):
        content = dice.choice(samples)
        replaced = dice.sample(fields[content], min(dice.randrange(4), len(fields[content])))
        for start, end in sorted(replaced, reverse=True) if values else ():
            content = content[:start] + dice.choice(values) + content[end:]
        yield _apply(content, [_edit(dice, tokens) for _ in range(dice.choice((0, 0, 1, 1, 3)))])


def _edit(dice, tokens):
    kind, length = dice.choice(_KINDS), dice.choice((1, 1, 2, 4, 16, 64, 1000))
    inserted = dice.choice(tokens) if dice.random() < 0.5 else dice.randbytes(dice.randrange(9))
    value = {"insert": inserted, "overwrite": inserted, "flip": dice.randrange(8)}
    return kind, dice.random(), value.get(kind, length)


@contextlib.contextmanager
def naming(content):
    """Say which mutant it was when the block fails."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"mutant: {content!r:.5000}")
        raise
