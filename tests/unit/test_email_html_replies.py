"""Replies that come as HTML only, as the clients build them; all details are invented."""

from __future__ import annotations

import pytest

from connectors.email.parse import parse

HTML = {
    "QQ": (
        '<div>还是不制冷，请再派人来。</div><div><br></div><div><!--emptysign--></div><div style="font: Verdana; color: #000;">'
        '<div>&nbsp;</div><div style="font-size: 12px;">------------------&nbsp;原始邮件&nbsp;------------------</div>'
        '<div style="font-size: 12px;background:#efefef;padding:8px;"><div><b>发件人:</b> "售后服务" &lt;service@example.com&gt;;</div>'
        "<div><b>发送时间:</b>&nbsp;2026年3月2日(星期一) 上午10:21</div><div><b>主题:</b>&nbsp;回复：空调</div></div>"
        "<div>您好，请确认是否修好。</div></div>",
        "还是不制冷，请再派人来。",
    ),
    "Outlook": (
        '<html><head><style>.MsoNormal{}</style></head><body lang="ZH-CN"><div class="WordSection1"><p class="MsoNormal">'
        '投影仪仍然偏色。<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p>'
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt"><p class="MsoNormal"><b>发件人<span lang="EN-US">:</span></b>'
        '<span lang="EN-US"> Service &lt;service@example.com&gt; <br></span><b>发送时间<span lang="EN-US">:</span></b> '
        "2026年3月2日 10:21<br><b>收件人:</b> 孙立<br><b>主题:</b> 答复: 投影仪</p></div><p>灯泡已寄出。</p></div></body></html>",
        "投影仪仍然偏色。",
    ),
    "163": (
        '<div style="line-height:1.7"><p>发票请开公司抬头。</p><p>税号见附件</p></div><br><br><p>在 2026-03-02 15:20:11，"售后服务" '
        '&lt;service@example.com&gt; 写道：</p><blockquote id="isReplyContent" style="PADDING-LEFT: 1ex"><p>请问发票抬头？</p></blockquote>',
        "发票请开公司抬头。\n\n税号见附件",
    ),
    "Gmail": (
        '<div dir="ltr">好的，我在大堂等。</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">售后服务 &lt;'
        '<a href="mailto:service@example.com">service@example.com</a>&gt; 于2026年3月2日周一 10:21写道：<br></div>'
        '<blockquote class="gmail_quote" style="margin:0"><div>工程师十分钟后到。</div></blockquote></div>',
        "好的，我在大堂等。",
    ),
    "iPhone": (
        '<html><body dir="auto">显示屏还是花屏<br><br><div dir="ltr">发自我的iPhone</div><div dir="ltr"><br><blockquote type="cite">'
        "在 2026年3月2日，上午10:21，售后服务 &lt;service@example.com&gt; 写道：<br><br></blockquote></div>"
        '<blockquote type="cite"><div dir="ltr">请重启一次。</div></blockquote></body></html>',
        "显示屏还是花屏",
    ),
    "Outlook in English": (
        '<div>The door stays open.</div><div><br></div><hr tabindex="-1"><div id="divRplyFwdMsg"><b>From:</b> Service '
        "&lt;service@example.com&gt;<br><b>Sent:</b> Monday, March 2, 2026 10:21 AM<br><b>To:</b> Kim<br><b>Subject:</b> Door</div>"
        "<div>Which door?</div>",
        "The door stays open.",
    ),
}


@pytest.mark.parametrize(("page", "own"), HTML.values(), ids=list(HTML))
def test_only_the_writers_words_are_left(page: str, own: str) -> None:
    raw = "Subject: 回复：报修\r\nContent-Type: text/html; charset=gb18030\r\n\r\n".encode() + page.encode("gb18030")
    mail = parse(raw)
    assert "\n".join(line.strip() for line in mail.cut_text.splitlines()).strip() == own
    assert len(mail.text) > len(mail.cut_text)
