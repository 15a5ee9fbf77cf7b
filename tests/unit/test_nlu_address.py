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
        kept = [(w, n) for w, n in parts if n in ("road", "roadno")]
        assert kept == [("戴家墩路", "road"), ("91号", "roadno")]
        for label, names in (("prov", {"浙江省", "浙江"}), ("city", {"杭州市", "杭州"}), ("district", {"富阳区"})):
            told = [w for w, n in parts if n == label]
            assert len(told) <= 1
            assert set(told) <= names
    texts = {"".join(w for w, _ in parts) for parts in first}
    assert "浙江省杭州市富阳区戴家墩路91号" in texts
    assert any(("富阳区", "redundant") in parts for parts in first)
    assert any(name == "town" for parts in first for _, name in parts)
    assert all([p for p in parts if p[1] != "redundant"] == lines[1] for parts in plain)


def test_a_municipality_told_twice_is_one_city(tmp_path: Path) -> None:
    lines = written(tmp_path, "[city=上海市][district=静安区][road=江场三路][roadno=238号]")
    heads = {tuple(parts[:2]) for parts in address_written.vary(lines, 5, 60)}
    assert (("上海", "redundant"), ("上海市", "city")) in heads
    assert not [1 for head in heads for _, name in head if name == "prov"]


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
