import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.vocabulary.taggpt import looks_like_taggpt, proposals, read_final_tags, write_final_tags

one_line = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20)
names = one_line.filter(lambda name: name.strip() == name and name and not name.startswith("\ufeff")).filter(
    lambda name: "||[" not in name and not name.endswith("|")
)
entries = st.text(st.characters(codec="utf-8"), max_size=12)


def read(*lines):
    return read_final_tags("\n".join(lines))


def test_the_first_row_is_a_tag():
    rows = read("手工制作||['手工DIY', '手工制作']", "美食||[]").rows
    assert [(row.name, row.absorbed, row.line) for row in rows] == [
        ("手工制作", ["手工DIY", "手工制作"], 1),
        ("美食", [], 2),
    ]


def test_bad_lines_are_reported_with_their_number_and_the_rest_is_read():
    found = read(
        "a||['b']", "", "no list||b, c", "||['b']", "x||['b'", "y||[1, 2]", "z||[__import__('os')]", "e", "f||[]\r"
    )
    assert [row.name for row in found.rows] == ["a", "e", "f"]
    assert [problem["row"] for problem in found.problems] == [3, 4, 5, 6, 7]
    assert all(problem["cause"] and problem["remedy"] for problem in found.problems)


def test_nothing_in_a_list_is_executed():
    found = read("a||[print('x')]", f"b||{'[' * 2000}", "c||['x'] + ['y']")
    assert not found.rows
    assert len(found.problems) == 3


@given(st.lists(st.tuples(names, st.lists(entries, max_size=4)), max_size=6))
@example([("it's", ["a'b", 'a"b', "a\nb", "\u2028", "||", "\\"])])
def test_what_is_written_is_read_back(tags):
    found = read_final_tags(write_final_tags(tags))
    assert [(row.name, row.absorbed) for row in found.rows] == tags
    assert not found.problems


def test_it_is_recognised():
    assert looks_like_taggpt("\ufeff手工||['a']\n美食||[]\n")
    assert not looks_like_taggpt("id||caption||category_name\n1||a||b\n")
    assert not looks_like_taggpt("name,aliases\na,b\n")
    assert not looks_like_taggpt("")


def test_absorbed_strings_become_alias_proposals_with_one_tag_each():
    found = proposals(
        read("手工制作||['手工', '手工制作', '手工制作品']", "手工||['手工品']", "自制||['手工制作品', ' ', 'ＤＩＹ']")
    )
    assert found.tags == ["手工制作", "手工", "自制"]
    proposed = {proposal.alias: (proposal.tag, proposal.owners) for proposal in found.aliases}
    assert proposed == {
        "手工品": ("手工", ("手工",)),
        "ＤＩＹ": ("自制", ("自制",)),
        "手工制作品": ("手工制作", ("手工制作", "自制")),
    }
    assert found.own_names == 2  # itself, and a tag of its own
    assert found.ambiguous == 1


def test_refusals_go_to_the_archive_and_take_nothing_with_them():
    found = proposals(read("抱歉||['很抱歉', '美食抱歉吗', '家常菜']", "美食||['无法生成标签', '小吃美食']"))
    assert [(entry.name, entry.problem) for entry in found.archive] == [("抱歉", "refusal")]
    assert {alias for alias, _ in found.refusals} == {"很抱歉", "无法生成标签"}
    assert {(proposal.alias, proposal.tag) for proposal in found.aliases} == {("小吃美食", "美食")}


def test_opposites_are_never_proposed():
    found = proposals(
        read(
            "减肥方法||['增肥方法', '减肥妙招']",
            "发型设计||['男士发型', '女士发型', '造型设计']",
            "iphone||['iphone 12']",
        )
    )
    assert {(proposal.alias, proposal.tag) for proposal in found.aliases} == {
        ("减肥妙招", "减肥方法"),
        ("造型设计", "发型设计"),
    }
    assert {(tag, alias) for tag, alias, _ in found.opposites} == {
        ("减肥方法", "增肥方法"),
        ("发型设计", "男士发型"),
        ("发型设计", "女士发型"),
        ("iphone", "iphone 12"),
    }


def test_a_repeated_row_adds_to_the_first():
    found = proposals(read("Cooking||['meals']", "ｃｏｏｋｉｎｇ||['recipes']"))
    assert found.tags == ["Cooking"]
    assert found.repeated == 1
    assert {proposal.alias for proposal in found.aliases} == {"meals", "recipes"}


@pytest.mark.data
def test_the_published_file_whole(shared_data):
    text = (shared_data / "vocabulary" / "taggpt_final_tags.csv").read_bytes().decode("utf-8")
    found = read_final_tags(text)
    assert looks_like_taggpt(text)
    assert len(found.rows) == 40_238
    assert found.rows[0].name == "手工制作"
    assert not found.problems
    assert write_final_tags((row.name, row.absorbed) for row in found.rows) == text
    part = read_final_tags("\n".join(text.split("\n")[:4000]))
    meant = proposals(part)
    assert len(meant.tags) == 4000
    assert len({proposal.alias for proposal in meant.aliases}) == len(meant.aliases)
    assert not {proposal.alias for proposal in meant.aliases} & set(meant.tags)
    assert "抱歉" in {entry.name for entry in meant.archive}
