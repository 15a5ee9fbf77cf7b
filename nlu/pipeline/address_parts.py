"""The second stage of an address: its parts, by a CRF over characters that was trained on generated addresses.

Labels are those of the labelled sets (Li et al., NAACL 2019): prov city district devzone town community road subroad roadno
subroadno poi subpoi houseno cellno floorno roomno assist redundant ...
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import pycrfsuite
from spacy.language import Language
from spacy.tokens import Doc

from nlu.pipeline.address_features import address_features
from nlu.pipeline.chain import Chain
from nlu.pipeline.characters import read
from nlu.pipeline.entities import spans_of
from nlu.pipeline.lexicon import Lexicon
from nlu.places import divisions

CHAIN = "chain.npz"
_N = "零〇一二三四五六七八九十百千两幺"
_KINDS = (
    ("roadno", re.compile(r"[0-9]+(?:-[0-9]+)?(?:号院|号|弄)")),
    ("house", re.compile(r"[0-9a-z]+(?:号楼|幢|栋|座|#楼?)")),
    ("cell", re.compile(r"[0-9东西南北中]+(?:单元|门)")),
    ("floor", re.compile(r"(?:[0-9]+(?:楼|层|f)|b[0-9])")),
    ("room", re.compile(r"[0-9]+(?:室|房)")),
    ("digits", re.compile(r"[0-9]+")),
    ("latin", re.compile(r"[a-z]+")),
)
_TAILS = Lexicon(
    (w, t)
    for t, words in {
        "road": "路 街 大道 大街 巷 弄 胡同 公路 国道 省道 里弄 支路 环路 道 线 组",
        "comm": "村 社区 庄 屯 寨 嘎查 自然村 行政村 居委会 村委会",
        "town": "镇 乡 街道 苏木 街道办事处 办事处",
        "zone": "开发区 新区 高新区 工业区 工业园 产业园 园区 科技园 物流园 工业园区 保税区 度假区",
        "poi": "小区 花园 苑 大厦 广场 公寓 家园 酒店 宾馆 医院 学校 大学 中学 小学 公司 厂 超市 商场 市场 中心 银行 店 馆 城 府 湾 园 庭 院 墅 楼 站 所 局 部 宿舍 新村 名邸 国际",
        "assist": "旁边 对面 附近 隔壁 斜对面 后面 门口 路口 交叉口 交汇处 楼下 旁 东侧 西侧 南侧 北侧 往东 往西 往南 往北 米 内 北门 南门 东门 西门",
    }.items()
    for w in words.split()
)


class AddressParser:
    def __init__(self) -> None:
        self.chain: Chain | None = None
        self._model = b""
        self._tagger: Any = None
        self._places: Lexicon | None = None

    def __call__(self, doc: Doc) -> Doc:
        """Nothing of the text as a whole: the parser is asked for one address at a time."""
        return doc

    def set_model(self, model: bytes) -> None:
        self._model = model
        self._tagger = pycrfsuite.Tagger()
        self._tagger.open_inmemory(model)

    @property
    def ready(self) -> bool:
        return self.chain is not None or self._tagger is not None

    def parts(self, address: str) -> list[tuple[int, int, str]]:
        """(start, end, label) of each part, in order; offsets of ``address``."""
        reading = read(address[:300])
        if not self.ready or not reading.text:
            return []
        if self.chain is not None:
            labels = self.chain.tag([address_features()(reading)])[0][0]
        else:
            labels = self._tagger.tag(self.features(reading.text))
        return [(reading.at[a], reading.at[b - 1] + 1, name) for a, b, name in spans_of(labels)]

    def features(self, text: str) -> list[list[str]]:
        if self._places is None:
            self._places = Lexicon(divisions().lexicon())
        n = len(text)
        places, kinds, tails = ["O"] * n, ["O"] * n, ["O"] * n
        for a, b, tag in self._places.matches(text):
            places[a] = "B" + tag
            places[a + 1 : b] = ["I" + tag] * (b - a - 1)
        for kind, pattern in _KINDS:
            for match in pattern.finditer(text):
                if all(k == "O" for k in kinds[match.start() : match.end()]):
                    kinds[match.start()] = "B" + kind
                    kinds[match.start() + 1 : match.end()] = ["I" + kind] * (match.end() - match.start() - 1)
        for a, b, tag in _TAILS.matches(text):
            for i in range(a, b):
                tails[i] = tag + ("$" if i == b - 1 else "")
        following: list[str] = ["-"] * n
        last = "-"
        for i in range(n - 1, -1, -1):
            following[i] = last
            if tails[i].endswith("$"):
                last = tails[i][:-1]
            elif kinds[i][0] == "B":
                last = kinds[i][1:]
        c = ["<2", "<1", *("0" if x.isdigit() else x for x in text), ">1", ">2"]
        rows = []
        before = "-"
        for i in range(n):
            p2, p1, c0, n1, n2 = c[i : i + 5]
            rows.append(
                [
                    "0" + c0, "a" + p1, "b" + n1, "c" + p2, "d" + n2, "e" + p1 + c0, "f" + c0 + n1, "g" + p2 + p1, "h" + n1 + n2, "i" + p1 + c0 + n1, "j" + p2 + p1 + c0, "k" + c0 + n1 + n2,
                    "l" + places[i], "m" + (places[i - 1] if i else "<") + (places[i + 1] if i + 1 < n else ">"),
                    "n" + kinds[i], "o" + (kinds[i - 1] if i else "<") + (kinds[i + 1] if i + 1 < n else ">"),
                    "p" + tails[i], "q" + (tails[i - 1] if i else "<") + (tails[i + 1] if i + 1 < n else ">"),
                    "r" + following[i], "s" + following[i] + tails[i], "t" + before, "u" + before + kinds[i],
                    "v" + ("s" if i == 0 else "e" if i == n - 1 else ""),
                ]
            )  # fmt: skip
            if tails[i].endswith("$"):
                before = tails[i][:-1]
            elif kinds[i] != "O":
                before = kinds[i][1:]
        return rows

    def to_disk(self, path: Path, **_: Any) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if self.chain is not None:
            self.chain.save(path / CHAIN)
            return
        (path / "crf.bin.z").write_bytes(zlib.compress(self._model, 9))

    def from_disk(self, path: Path, **_: Any) -> AddressParser:
        if (Path(path) / CHAIN).exists():
            self.chain = Chain.load(Path(path) / CHAIN)
            return self
        self.set_model(zlib.decompress((Path(path) / "crf.bin.z").read_bytes()))
        return self


def make_parser(nlp: Language, name: str) -> AddressParser:
    return AddressParser()


Language.factory("hotline_address", default_config={}, func=make_parser)
