"""25 replies as the common Chinese and English clients write them, all details invented: what the writer wrote is left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.email import quotation, signature

SAMPLES = json.loads((Path(__file__).parents[1] / "data" / "mail" / "replies.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["client"] for sample in SAMPLES])
def test_only_the_writers_words_are_left(sample: dict[str, str]) -> None:
    own, _ = signature.split(quotation.own_words(sample["text"], sample.get("subject", "")))
    assert own == sample["own"]


def test_there_are_samples_of_25_clients() -> None:
    assert len({sample["client"] for sample in SAMPLES}) >= 25


def test_a_signature_is_kept_beside_the_text() -> None:
    own, closing = signature.split("空调不制冷。\n\n--\n刘一鸣\n电话：0571-85550123")
    assert own == "空调不制冷。"
    assert "0571-85550123" in closing


@pytest.mark.parametrize(
    "text",
    [
        "他在说明书上写道：\n每年清洗一次。",
        "The manual wrote:\nclean it once a year",
        "From: 杭州\nTo: 上海\n这是运输路线",
        "发件人：不清楚\n机器坏了，请派人来。",
        "步骤：\n- 打开电源\n- 等待\n---\n之后没有反应",
        "型号 > 规格 > 备注",
        "来自客户的投诉：设备噪音很大，请尽快处理，客户手机打不通",
    ],
)
def test_what_only_looks_like_a_quotation_stays(text: str) -> None:
    assert signature.split(quotation.own_words(text))[0] == text


def test_a_mail_that_is_all_quotation_stays_whole() -> None:
    text = "> 设备什么时候修？\n> 谢谢"
    assert quotation.own_words(text) == text


def test_a_forwarded_letter_is_not_cut() -> None:
    text = "请处理。\n\n发件人: 陈晓\n发送时间: 2026年3月2日 10:00\n收件人: 服务部\n主题: 打印机卡纸\n\n打印机卡纸，请来修。"
    assert quotation.own_words(text, "转发: 打印机卡纸") == text
    assert quotation.own_words(text, "回复: 打印机卡纸") == "请处理。"


@pytest.mark.parametrize(
    ("subject", "plain"),
    [
        ("回复：RE: 答复: 空调故障", "空调故障"),
        ("Re[2]: Fwd: broken pump", "broken pump"),
        ("轉寄: 回覆: 維修", "維修"),
        ("回收旧机器", "回收旧机器"),
        ("Request for help", "Request for help"),
    ],
)
def test_prefixes_of_subjects(subject: str, plain: str) -> None:
    assert quotation.plain_subject(subject) == plain


def test_long_hostile_text_is_read_in_linear_time() -> None:
    for hostile in (
        "On " * 200_000,
        "发件人：\n" * 100_000,
        "> " * 300_000,
        "-" * 500_000,
        "在 2026\n" * 100_000,
        " \n" * 300_000,
    ):
        signature.split(quotation.own_words(hostile))
