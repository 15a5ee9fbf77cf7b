"""A bill on paper: PDF, A4, Chinese in the font that every PDF reader has (STSong-Light, Adobe-GB1)."""

from __future__ import annotations

import io
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle
from sqlalchemy.orm import Session

from core import settings
from settlement.books import local_day
from settlement.money import show
from settlement.settings import SettlementSettings
from settlement.tables import Bill
from sla import in_language, words
from ticketing import Ticket

FONT = "STSong-Light"
PAYERS = {"customer": words("客户", "customer"), "manufacturer": words("厂家（保修）", "manufacturer (warranty)")}
STATES = {
    "estimate": words("报价单", "Estimate"),
    "agreed": words("报价单（已同意）", "Estimate (agreed)"),
    "replaced": words("报价单（已失效）", "Estimate (replaced)"),
    "billed": words("账单", "Bill"),
    "paid": words("账单（已付清）", "Bill (paid)"),
}


def bill_pdf(session: Session, bill: Bill, language: str = "zh") -> bytes:
    """The bill as PDF. No names, numbers or addresses of people are on it: it goes through many hands."""
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))

    def say(zh: str, en: str) -> str:
        return in_language(words(zh, en), language)

    plain = ParagraphStyle("plain", fontName=FONT, fontSize=10, leading=15, wordWrap="CJK")
    title = ParagraphStyle("title", parent=plain, fontSize=18, leading=26)
    ticket = session.get_one(Ticket, bill.ticket_id)
    company = settings.get(SettlementSettings).company
    day = local_day(bill.billed or bill.created).isoformat()
    head = f"{say('编号', 'Number')} {bill.number} · {say('工单', 'Ticket')} {ticket.number} · {day}"
    rows = [
        [say("项目", "Item"), say("数量", "Qty"), say("单价", "Price"), say("金额", "Amount"), say("付款方", "Paid by")]
    ]
    rows += [
        [
            Paragraph(escape(str(line.text["en" if language.startswith("en") else "zh"])), plain),
            str(line.quantity),
            show(line.unit_price),
            show(line.amount),
            Paragraph(escape(in_language(PAYERS[line.payer], language)), plain),
        ]
        for line in bill.lines
    ]
    table = Table(rows, colWidths=[70 * mm, 15 * mm, 28 * mm, 28 * mm, 33 * mm], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), FONT, 10),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
                ("LINEBELOW", (0, 1), (-1, -1), 0.2, colors.grey),
                ("ALIGN", (1, 0), (3, -1), "RIGHT"),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ]
        )
    )
    sums = [
        f"{say('客户应付', 'Owed by the customer')}: {show(bill.total)}",
        f"{say('厂家承担', 'Paid by the manufacturer')}: {show(bill.covered)}",
        f"{say('已付', 'Paid')}: {show(bill.paid)}",
        str(bill.because["en" if language.startswith("en") else "zh"]),
        f"{say('价目表', 'Price book')} {bill.book}",
    ]
    paper = io.BytesIO()
    document = SimpleDocTemplate(
        paper, pagesize=A4, title=bill.number, author=company, leftMargin=18 * mm, rightMargin=18 * mm
    )
    document.build(
        [
            Paragraph(escape(f"{company} {in_language(STATES[bill.state], language)}"), title),
            Paragraph(escape(head), plain),
            Spacer(1, 6 * mm),
            table,
            Spacer(1, 6 * mm),
            *(Paragraph(escape(text), plain) for text in sums),
        ]
    )
    return paper.getvalue()
