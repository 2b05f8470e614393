import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.corpora.formulas import STARTS, guard, unguard

NUMBER = r"[+-]([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
formula_like = st.builds(
    lambda quotes, start, rest: "'" * quotes + start + rest,
    st.integers(0, 4),
    st.sampled_from([*STARTS, "", "a", "5", ".5", "'", " ", "\n", "-5", "+3.2", "-1e5", "-5\n", "−5", "-٣"]),
    st.text(max_size=8),
)


@settings(deadline=None)
@given(st.one_of(st.text(), formula_like))
def test_unguard_takes_back_what_guard_did(text):
    assert unguard(guard(text)) == text


@settings(deadline=None)
@given(st.one_of(st.text(), formula_like))
def test_a_guarded_cell_is_no_formula(text):
    import re

    guarded = guard(text)
    assert guarded[:1] not in STARTS or re.fullmatch(NUMBER, guarded)


@settings(deadline=None)
@given(formula_like, formula_like)
def test_guard_keeps_different_texts_apart(one, other):
    assert (guard(one) == guard(other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=SUM(A1)", "'=SUM(A1)"),
        ("'=SUM(A1)", "''=SUM(A1)"),
        ("@home", "'@home"),
        ("＝1+1", "'＝1+1"),
        ("\t=1", "'\t=1"),
        ("-5", "-5"),
        ("+3.2", "+3.2"),
        ("-5\n", "'-5\n"),
        ("- five", "'- five"),
        ("--5", "'--5"),
        ("'tis", "'tis"),
        ("'", "'"),
        ("", ""),
        ("plain", "plain"),
    ],
)
def test_examples(text, cell):
    assert guard(text) == cell
    assert unguard(cell) == text


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(), formula_like), min_size=1, max_size=5))
def test_through_a_csv_file(cells):
    out = io.StringIO(newline="")
    csv.writer(out).writerow([guard(cell) for cell in cells] + ["end"])
    (row,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert [unguard(cell) for cell in row[:-1]] == cells
