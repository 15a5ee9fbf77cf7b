"""What the demo's customers say, and what a good reader makes of it. All persons, numbers and addresses are invented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Part:
    """One request of the demo. ``expected``: intent, urgency and field values that its draft should have; ``sure`` names
    those that must be right, where the others depend on the speech model that happens to be there."""

    name: str
    title: str
    channel: str
    expected: Mapping[str, str]
    sure: frozenset[str] = field(default_factory=frozenset)


CALLER = "+8613695816397"
CALL = Part(
    name="call",
    title="电话 call",
    channel="sip",
    expected={
        "intent": "repair",
        "urgency": "normal",
        "phone": "13695816397",
        "device": "空调",
        "fault": "不制冷",
        "address": "北京市朝阳区建国路88号3号楼2单元603",
        "contact_name": "王",
    },
    sure=frozenset({"phone", "device", "fault"}),
)
WECHAT_TEXT = "你好，我家海尔洗衣机脱水的时候漏水，地上全湿了。上海市浦东新区张杨路500号2号楼1802室，张敏 13761234509"
WECHAT_CHASE = "师傅什么时候过来啊？我等了一上午了，催一下"
WECHAT = Part(
    name="wechat",
    title="微信 WeChat",
    channel="wechat",
    expected={
        "intent": "repair",
        "urgency": "normal",
        "contact_name": "张敏",
        "phone": "13761234509",
        "address": "上海市浦东新区张杨路500号2号楼1802室",
        "brand": "海尔",
        "device": "洗衣机",
        "fault": "漏水",
    },
    sure=frozenset({"phone", "address", "brand", "device", "fault", "contact_name", "intent"}),
)
MAIL_SUBJECT = "前台打印机报修"
MAIL_TEXT = """您好：

我们公司前台的爱普生L3250打印机一直卡纸，屏幕显示E05，请在周四上午派工程师上门维修。

地址：广州市天河区体育东路122号羊城大厦西塔1503室
联系人：陈志强
电话：13802945617

谢谢！
陈志强

-----原始邮件-----
发件人: 售后服务 <service@hotline.example>
发送时间: 2026年10月8日 9:12
主题: 回复: 投影仪灯泡更换

陈先生您好，您的投影仪灯泡已更换完毕，如有问题请拨打 020-87001122。
"""
MAIL = Part(
    name="mail",
    title="邮件 mail",
    channel="email",
    expected={
        "intent": "repair",
        "urgency": "normal",
        "contact_name": "陈志强",
        "phone": "13802945617",
        "address": "广州市天河区体育东路122号羊城大厦西塔1503室",
        "brand": "爱普生",
        "model": "L3250",
        "device": "打印机",
        "fault": "一直卡纸",
        "fault_code": "E05",
        "time": "周四上午",
    },
    sure=frozenset(
        {"phone", "address", "model", "device", "fault_code", "contact_name", "intent", "brand", "time", "fault"}
    ),
)
FORM_INPUTS = {
    "contact_name": "刘洋",
    "phone": "138 1027 6635",
    "address": "北京市海淀区中关村大街27号5号楼601",
    "device": "燃气热水器",
    "brand": "万和",
    "fault": "打不着火，还能闻到一股煤气味，已经关了阀门，请马上派人来",
}
FORM = Part(
    name="form",
    title="网页 form",
    channel="webform",
    expected={
        "intent": "repair",
        "urgency": "emergency",
        "contact_name": "刘洋",
        "phone": "13810276635",
        "address": "北京市海淀区中关村大街27号5号楼601",
        "device": "燃气热水器",
        "brand": "万和",
    },
    sure=frozenset({"urgency", "phone", "address", "device", "contact_name", "intent"}),
)
PARTS = (CALL, WECHAT, MAIL, FORM)
