"""Address parts: lines labelled by hand and their variants, what the parser sees, and that it learns from them and is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InvalidInput
from nlu.address_training import example, train_address
from nlu.corpus import address_written
from nlu.corpus import grammar as grammars
from nlu.corpus.address_lines import address_lines
from nlu.pipeline.address_features import address_features
from nlu.pipeline.address_parts import AddressParser
from nlu.pipeline.characters import read
from nlu.pipeline.entities import spans_of

LINE = "[city=杭州市][district=富阳区][road=戴家墩路][roadno=91号]"


def written(folder: Path, *lines: str) -> list[list[tuple[str, str]]]:
    path = folder / "one.lines"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return address_written.load([path])


def test_a_line_is_read_as_it_stands(tmp_path: Path) -> None:
    assert written(tmp_path, "# a comment", "", LINE) == [
        [("杭州市", "city"), ("富阳区", "district"), ("戴家墩路", "road"), ("91号", "roadno")]
    ]


@pytest.mark.parametrize("bad", ["[city=杭州市]富阳区", "[city=]", "[town=大源镇", "[village=大源村]", "富阳区"])
def test_a_wrong_line_is_named(tmp_path: Path, bad: str) -> None:
    with pytest.raises(InvalidInput, match=r"one\.lines:2"):
        written(tmp_path, LINE, bad)


def test_only_development_zones_are_zones(tmp_path: Path) -> None:
    [zone, park] = written(tmp_path, "[devzone=金川开发区][road=一路]", "[devzone=泾渭工业园][road=一路]")
    assert (zone[0][1], park[0][1]) == ("devzone", "poi")


def test_all_shipped_lines_are_sound_and_cover_every_label() -> None:
    lines = address_written.load()
    assert len(lines) > 1_500
    assert {name for parts in lines for _, name in parts} == address_written.LABELS
    generated = {name for parts in address_lines(3, 400, grammars.load()) for _, name in parts}
    assert generated <= address_written.LABELS


def test_variants_tell_the_divisions_otherwise_and_leave_the_rest(tmp_path: Path) -> None:
    lines = written(tmp_path, LINE, "[road=建设街][roadno=18号]")
    made = address_written.vary(lines, 5, 60)
    assert made == address_written.vary(lines, 5, 60)
    assert made[0] == lines[0]
    first, plain = made[:60], made[60:]
    for parts in first:
        kept = [w for w, n in parts if n in ("road", "roadno")]
        assert kept in (["戴家墩路", "91号"], ["戴家墩路", "91"])
        for label, names in (("prov", {"浙江省", "浙江"}), ("city", {"杭州市", "杭州"}), ("district", {"富阳区"})):
            told = [w for w, n in parts if n == label]
            assert len(told) <= 1
            assert set(told) <= names
    texts = {"".join(w for w, _ in parts) for parts in first}
    assert "浙江省杭州市富阳区戴家墩路91号" in texts
    assert any(("富阳区", "redundant") in parts for parts in first)
    assert any(name == "town" for parts in first for _, name in parts)
    kept = {"".join(w for w, n in parts if n != "redundant") for parts in plain}
    assert kept == {"建设街18号", "建设街18"}
    assert any(parts[-1][1] == "redundant" and parts[-1][0][0].isalpha() for parts in plain)


def test_a_municipality_told_twice_is_one_city(tmp_path: Path) -> None:
    lines = written(tmp_path, "[city=上海市][district=静安区][road=江场三路][roadno=238号]")
    heads = {tuple(parts[:2]) for parts in address_written.vary(lines, 5, 60)}
    assert (("上海", "redundant"), ("上海市", "city")) in heads
    assert not [1 for head in heads for _, name in head if name == "prov"]


def test_a_line_is_read_by_one_convention(tmp_path: Path) -> None:
    told, dashed, ranged, floor, house, stall = written(
        tmp_path,
        "[city=杭州市][redundant=浙江省杭州市 ][road=一路]",
        "[poi=春风里][roomno=12-3-1001]",
        "[poi=中天大厦][roomno=1201-1203]",
        "[poi=服装城][floorno=二楼][roomno=2-118]",
        "[poi=梧桐苑][roomno=22号]",
        "[poi=灯具城][roomno=22号]",
    )
    assert told[1:-1] == [("浙江省", "redundant"), ("杭州市", "redundant"), (" ", "redundant")]
    assert [name for _, name in dashed] == ["poi", "houseno", "redundant", "cellno", "redundant", "roomno"]
    assert ranged[1:] == [("1201-1203", "roomno")]
    assert floor[2:] == [("2-118", "roomno")]
    assert (house[1][1], stall[1][1]) == ("houseno", "roomno")
    note = "[poi=三中][redundant=（交高三李老师）]"
    assert written(tmp_path, note) == [[("三中", "poi"), ("（交高三李老师）", "redundant")]]


def test_variants_write_numbers_otherwise_and_put_places_in_brackets(tmp_path: Path) -> None:
    lines = written(
        tmp_path,
        "[poi=春风里][houseno=12幢][cellno=3单元][roomno=1001]",
        "[poi=春风里][houseno=7][redundant=-][roomno=801]",
        "[road=长江路][roadno=8号][poi=农机公司]",
    )
    texts = {"".join(w for w, _ in parts) for parts in address_written.vary(lines, 5, 80)}
    assert {"春风里12幢3单元1001", "春风里12-3-1001", "春风里7-801"} <= texts
    assert texts & {"春风里7幢801", "春风里7栋801", "春风里7号楼801", "春风里7号801室"}
    assert texts & {"长江路8农机公司"}
    assert texts & {"长江路8号(农机公司)", "长江路8号（农机公司）"}


def test_a_fuller_second_telling_is_the_one_that_counts(tmp_path: Path) -> None:
    lines = written(tmp_path, LINE)
    heads = {tuple(name for _, name in parts[:4]) for parts in address_written.vary(lines, 5, 200)}
    assert {("redundant", "prov", "city", "district"), ("prov", "city", "district", "redundant")} <= heads


def test_it_sees_how_divisions_fit_and_which_are_told_twice() -> None:
    text = "杭州市浙江省杭州市富阳区大源"
    columns = address_features().columns(read(text))
    first = [a for a, _ in enumerate(text) if columns["fits"][a][:1] == "B"]
    assert [columns["fits"][a] for a in first] == ["Bfirst", "Bup", "Bsame", "Bdown"]
    assert [columns["told"][a] for a in first] == ["B1<", "", "B2>", ""]
    assert (columns["ahead"][0], columns["behind"][0], columns["behind"][9]) == ("s", "p", "w")
    assert columns["stem_fits"][12:] == ["Bd", "Id"]
    places = address_features().columns(read("中国上海市"))["place"]
    assert places == ["Bcountry", "Icountry", "Bmuni", "Imuni", "Imuni"]


def test_it_sees_what_went_by_and_what_is_to_come() -> None:
    text = "文三路18号华星大厦A座1203室"
    columns = address_features().columns(read(text))
    assert [columns["had"][text.index(c)] for c in "文1华A室"] == ["0.0", "1.0", "2.0", "2.1", "3.0"]
    assert [columns["left"][text.index(c)] for c in "文华1"] == ["0road", "1house", "0roadno"]
    assert columns["shape"][text.index("1203")] == "d4室0"
    assert columns["run"][text.index("A")] == "Bl1座"


def test_it_sees_divisions_that_are_named_again_numbers_that_are_joined_and_former_districts() -> None:
    columns = address_features().columns(read("杭州市闸北区杭州市3-2-501室"))
    assert [columns["again"][i] for i in (0, 6, 7)] == ["", "B", "I"]
    assert columns["place"][3:6] == ["Bdist", "Idist", "Idist"]
    assert [columns["joined"][i] for i in (9, 10, 11, 13)] == ["300B", "31-B", "320B", "340B"]
    assert all(len(column) == len("杭州市闸北区杭州市3-2-501室") for column in columns.values())


def test_it_learns_from_lines_and_is_kept(tmp_path: Path) -> None:
    lines = address_written.load()[:150]
    chain = train_address(lambda *_: None, seed=3, count=150, written=lines, times=1, epochs=6)
    parser = AddressParser()
    assert not parser.ready
    assert parser.parts("文一西路969号") == []
    parser.chain = chain
    address = "杭州市 西湖区文三路18号3幢2单元501室"
    found = [(address[a:b], name) for a, b, name in parser.parts(address)]
    assert found == [
        ("杭州市", "city"), ("西湖区", "district"), ("文三路", "road"), ("18号", "roadno"),
        ("3幢", "houseno"), ("2单元", "cellno"), ("501室", "roomno"),
    ]  # fmt: skip
    parser.to_disk(tmp_path / "kept")
    again = AddressParser().from_disk(tmp_path / "kept")
    assert again.ready
    assert again.parts(address) == parser.parts(address)
    numbers, labels = example(lines[0])
    assert len(numbers) == len(labels) == sum(len(w) for w, _ in lines[0])
    assert [name for *_, name in spans_of(labels)] == [name for _, name in lines[0]]
