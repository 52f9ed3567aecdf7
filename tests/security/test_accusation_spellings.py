"""However an accusation is written, it is sealed: 2,000 spellings of the words of the rule, generated from the table of variants
and from Unicode (Art. 30). Also the other places where texts are compared."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable

import pytest

from shared.kernel import data_file
from shared.kernel.text_normalization import OTHER_SPELLINGS, VARIANTS, search_forms
from shared.policy.book import PolicyBook
from shared.policy.public_offices import holds_public_office
from shared.policy.word_patterns import CLASSES
from tests.support.deciding import REGISTERED as FILED
from tests.support.deciding import SERVICE, given
from tests.support.policies import demo
from tests.support.serving import served

BOOK: PolicyBook = demo()
WORDS = next(rule for rule in BOOK.keywords.rules if rule.suspected).any
SPELLINGS = 40
"""Spellings of each word."""
FILLER = "了他们很多次的一些那个"

VARIANTS_OF: dict[str, str] = defaultdict(str)
for _line in VARIANTS.read_text(encoding="utf-8").splitlines():
    if not _line.startswith("#"):
        for _one in _line:
            VARIANTS_OF[_one] = _line
COMPATIBLE: dict[str, list[str]] = defaultdict(list)
INVISIBLE: list[str] = ["\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"]
PUNCTUATION: list[str] = []
for _code in (*range(0x20, 0x40000), *range(0xE0000, 0xE0200)):  # no others are assigned to characters
    _one, _kind = chr(_code), unicodedata.category(chr(_code))
    _plain = unicodedata.normalize("NFKC", _one)
    if len(_plain) == 1 and _plain != _one and "\u4e00" <= _plain <= "\u9fff":
        COMPATIBLE[_plain].append(_one)
    if (
        _kind == "Cf"
        or 0xFE00 <= _code <= 0xFE0F
        or 0xE0000 <= _code <= 0xE01EF
        or (_kind in ("Mn", "Me") and _code < 0x0500)
    ):
        INVISIBLE.append(_one)
    elif _kind[0] in "PZ" and len(_plain) == 1 and not _plain.isalnum() and _one not in "&<\\":
        PUNCTUATION.append(_one)
BREAKS = [
    "\n",
    "\r\n",
    "\n\n",
    " \n ",
    "\u2028",
    "\x0b",
    "\x85",
    "\t",
    "\u3000",
    "<br>",
    "<br />",
    "</p><p>",
    "&nbsp;",
    "&#8203;",
]
BREAKS += ["\\n", "&amp;nbsp;"]

Dice = random.Random


def replaced(text: str, dice: Dice) -> str:
    return "".join(dice.choice([*VARIANTS_OF.get(one, one), *COMPATIBLE.get(one, ())]) for one in text)


def between(signs: list[str]) -> Callable[[str, Dice], str]:
    def write(text: str, dice: Dice) -> str:
        return "".join(one + "".join(dice.choices(signs, k=dice.randint(0, 3))) for one in text)

    return write


OTHER_SCRIPTS = ["x", "shou", "(huì)", "1", "①", "㊤", "Ⅰ", "\u0640", "я", "ﾞ", "²", "ᵃ"]
"""Letters, figures and signs that a writer puts between the characters of a word, such as its pronunciation."""
MARKUP = [
    "<!-- 注 -->",
    '<span style="font-family:宋体;mso-ascii-font-family:Calibri">',
    "</font><font face='微软雅黑' color=red>",
    "<o:p></o:p>",
    "<![CDATA[",
    "&amp;amp;nbsp;",
]
WAYS: list[Callable[[str, Dice], str]] = [replaced, between(INVISIBLE), between(PUNCTUATION), between(BREAKS)]


def spelling(word: str, dice: Dice) -> str:
    """The word in one of its spellings, in a sentence."""
    filled = "".join("".join(dice.choices(FILLER, k=dice.randint(0, 10))) if one == "*" else one for one in word)
    for way in sorted(dice.sample(range(len(WAYS)), dice.randint(1, len(WAYS)))):  # nothing stands inside a tag
        filled = WAYS[way](filled, dice)
    return f"反映镇里{filled}的问题"


def spellings() -> list[str]:
    dice = Dice(14)
    return [spelling(word, dice) for word in WORDS for _ in range(SPELLINGS)]


def test_all_spellings_of_accusations_are_suspected() -> None:
    written = spellings()
    assert len(WORDS) >= 50 and len(set(written)) >= 2_000
    missed = [text.encode("unicode_escape") for text in written if BOOK.keywords.recognised("", text).suspicion is None]
    assert missed == []


@pytest.mark.parametrize("between_them", [OTHER_SCRIPTS, MARKUP[:4], MARKUP[5:]], ids=["scripts", "markup", "escapes"])
def test_words_broken_up_by_what_is_no_chinese_are_suspected(between_them: list[str]) -> None:
    dice = Dice(70)
    written = []
    for word in WORDS:
        if re.search("[a-z]", word):  # written by its pronunciation
            continue
        filled = word.replace("*", "了")
        written.append("反映镇里" + "".join(f"{one}{dice.choice(between_them)}" for one in filled) + "的问题")
    missed = [text for text in written if BOOK.keywords.recognised("", text).suspicion is None]
    assert missed == []


def test_words_written_by_their_pronunciation_are_suspected() -> None:
    for word in ("受hui", "shou贿", "ShouHui", "贪ｗｕ", "tan 污", "腐bai", "收回kou"):
        assert BOOK.keywords.recognised("", f"反映镇里{word}的问题").suspicion, word


def test_respondent_is_recognised_however_the_post_is_written() -> None:
    for name in ("王局长", "王局x长", "王局(jú)长", "王<b>局</b>长", "王 局 長", "王局①长", "镇zhen长"):
        assert holds_public_office(name, BOOK), name
    for name in ("某物业公司", "房东李某", "包工头"):
        assert not holds_public_office(name, BOOK), name


SAID = (
    "收了包工头五万块钱", "拿了开发商的钱", "收受现金20万元", "把救灾款贪了", "收两条烟就不抓人", "和施工方串通",
    "给亲戚安排低保", "自己的腰包", "打人", "虚报面积",
)  # fmt: skip
OFFICES = ("村支部书记", "镇长", "派出所所长", "城管队长", "民政局副局长", "法官", "村干部", "学校校长", "村主任")


def test_sentence_about_an_official_is_suspected_and_the_same_about_others_is_not() -> None:
    for said in SAID:
        for office in OFFICES:
            assert BOOK.keywords.recognised("", f"我们那里的{office}{said}").suspicion, (office, said)
    for said in ("收了我两万块钱没有退", "收了钱不办事", "打人", "拿了工程款跑了"):
        for who in ("物业公司", "包工头", "健身房", "培训机构"):
            assert BOOK.keywords.recognised("", f"尊敬的书记：{who}{said}").suspicion is None, (who, said)


ACCUSING = list(
    filter(
        None,
        """
我们村支书去年把危房改造的钱扣下一半，说是要拿去打点上面
镇上管低保的老李，不塞两条烟就不给你报
派出所的张所长跟赌场老板称兄道弟，每次抓人前都先通风报信
住建局质检站的人来验收，每次都要施工队意思一下才肯盖章
社区主任把公益岗位全给了自己娘家人
县医院院长的小舅子包了全院的药品配送，价格比市场高一倍
村主任把集体的鱼塘三万块包给他堂弟，别人出十万都不给
信用社主任放一笔贷款要抽百分之五的喝茶费
城管队员收摊贩的月钱，交了的随便摆，没交的天天撵
驻村干部到贫困户家里又吃又拿，走的时候还要捎两只土鸡
村里修路上级拨了八十万，支书他女婿干的，路面一年就烂了
副镇长在外头养小的，还用镇里的车接送
我爱人举报了所长以后被调到最偏的山沟里教书，明显是整人
安监局收了矿上的封口费，死了两个人没往上报
派出所抓了人，家属拿三万块人就出来了
公安局户籍科的人收八千块就能改年龄
街道信访办的人把我的举报信转给了被举报的那个主任
村支书强奸妇女没人敢管
国土资源局收了矿老板的干股，越界开采十年没人管
给老百姓办事拿钱办事，不拿钱拖死你，这就是我们县的行政审批局
镇党政办主任天天打麻将不上班，群众来办事找不到人
王镇长的外甥女没考试就进了事业编
征兵体检，武装部的收了四万给人顶了名额
村书记一家五口全吃低保，他家盖着三层楼开着小车
司法局长的弟弟坐牢还能回家过年
""".splitlines(),
    )
)
NOT_ACCUSING = list(
    filter(
        None,
        """
我们公司老板拖欠工资三个月，还打人
房东收了我三千押金不退
健身房老板卷款跑路，请政府帮忙
补课老师收了两千块，孩子成绩没提高
包工头拿了工程款不给工人发工资
感谢镇里李书记帮我们解决了吃水问题，不收一分钱，一顿饭都没吃
感谢社区主任，连我送的水果都不肯收
派出所民警拾金不昧，我送了锦旗
请问举报环境污染打什么电话
建议局长接待日放在周末
书记您好，我是一名下岗工人，想咨询社保补缴
有人自称纪委的打电话让我交保证金，是不是诈骗
交警罚款二百，我觉得标志不清楚，想申请复议
疾控中心收了五百块钱的检测费，请问合理吗
法院判我胜诉，对方有房有车就是不还钱，执行法官也很辛苦，请问怎么申请查封
我哥哥在外打工受伤，老板只给了两千块就不管了，劳动局让申请仲裁
学校门口堵车，希望交警增加警力
村支书带我们种了二百亩橘子，今年销路不好，想请政府帮销
派出所没收了我的摩托车，请问怎么取回
国税局征收的税款多了，请退
""".splitlines(),
    )
)


def suspicion(text: str) -> str | None:
    return BOOK.keywords.recognised("", text).suspicion


def test_accusations_in_ordinary_words_are_suspected() -> None:
    assert [text for text in ACCUSING if suspicion(text) is None] == []
    assert [text for text in ACCUSING if suspicion("\u200b、".join(text)) is None] == []


NEAR = (("公物", "侵吞"), ("举报", "泄露"), ("容器", "现金"), ("账本", "销毁"), ("公车", "私事"))
"""Classes of which two words near each other are suspected, whoever is meant."""


@pytest.mark.parametrize(("one", "other"), NEAR, ids=["".join(pair) for pair in NEAR])
def test_all_words_of_two_classes_are_suspected_in_either_order(one: str, other: str) -> None:
    known = data_file.load(CLASSES)["classes"]
    dice = Dice(11)
    for first in known[one]["words"]:
        for second in (dice.choice(known[other]["words"]) for _ in range(3)):
            between = "那甲乙丙丁戊己庚辛"[: dice.randrange(9)]
            for text in (f"{first}{between}{second}", f"{second}{between}{first}"):
                assert suspicion(text) is not None, text


def test_every_other_spelling_is_read_as_what_is_meant() -> None:
    for line in OTHER_SPELLINGS.read_text(encoding="utf-8").splitlines():
        meant, *spellings = line.split(" ")
        if not line.startswith("#"):
            for spelling in spellings:
                assert search_forms(f"甲{spelling}乙")[-1] == f"甲{meant}乙", spelling
    for text in ("所长收咗佢哋五千块", "局长受贝有", "镇长收了 洪 包", "书记贿受", "主任包 养 情付"):
        assert suspicion(text) is not None, text


def test_complaints_questions_and_thanks_are_not_suspected() -> None:
    assert [text for text in NOT_ACCUSING if suspicion(text) is not None] == []


def test_suspected_spelling_leaves_by_no_rule() -> None:
    dice = Dice(2)
    for word in WORDS[:10]:
        found = BOOK.keywords.recognised("", spelling(word, dice))
        outcome = given(FILED).when("route", SERVICE, suspicion=found.suspicion, subject=found.subject, weak=found.weak)
        assert [type(one.body).__name__ for one in outcome.events] == ["AccusationSuspected"]


@pytest.mark.parametrize("seed", range(6))
async def test_spelling_is_sealed_from_the_accused_over_http(seed: int) -> None:
    dice = Dice(seed)
    async with served() as here:
        text = (
            spelling(dice.choice(WORDS), dice).replace("\x0b", "").replace("\x85", "")
        )  # refused as control characters
        receipt = await here.filed(text=text)
        async with here.client("organisation") as client:
            assert (await client.get(f"/v1/cases/{receipt['case']}")).status_code == 404
        async with here.client("registrar") as client:
            shown = (await client.get(f"/v1/cases/{receipt['case']}")).json()
            listed = (await client.get("/v1/cases", params={"queue": "to_confirm"})).json()["cases"]
        assert shown["content"]["texts"][0]["fields"]["text"] == text, "what was written is stored as it was"
        assert [one["id"] for one in listed] == [receipt["case"]]


OFFICIAL = [
    {"org": "zj"},
    {"org": "ｚｊ\u200b"},
    {"org": "示例市住房和城乡建设局"},
    {"name": "示例市住房和城鄉建設局的工作人员"},
    {"name": "王镇长"},
    {"name": "李\u200b局\n長"},
    {"name": "杨柳街道办事处主任"},
    {"name": "某派出所民警"},
    {"name": "县教育局"},
    {"name": "村支书"},
]
PRIVATE = [
    {"name": "某物业服务有限公司"},
    {"name": "某建筑公司项目部主任"},
    {"name": "房东张某"},
    {"name": "某培训机构校长"},
    {"name": "张三"},
    {"name": "某某经理", "org": "某某商场"},
]


@pytest.mark.parametrize("respondent", OFFICIAL)
async def test_complaint_of_public_office_is_a_suspected_accusation(respondent: dict[str, str]) -> None:
    async with served() as here:
        receipt = await here.filed(respondent=respondent)
        case = (await here.runtime.ports.cases.load_confirmed(receipt["case"])).case
        assert (case.accusation.suspected, case.assignment.org) == ("respondent", None)
        assert (await here.act("registrar", receipt["case"], "clear_suspicion")).status_code == 200
        case = (await here.runtime.ports.cases.load_confirmed(receipt["case"])).case
        assert case.assignment.org not in case.accusation.accused


@pytest.mark.parametrize("respondent", PRIVATE)
async def test_complaint_of_company_or_landlord_is_ordinary(respondent: dict[str, str]) -> None:
    async with served() as here:
        receipt = await here.filed(respondent=respondent)
        case = (await here.runtime.ports.cases.load_confirmed(receipt["case"])).case
        assert (case.accusation.suspected, case.assignment.org) == (None, "zj")


WIDTHS = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.translate(WIDTHS),
        lambda text: text.replace("-", "–"),
        lambda text: text.replace("-", "—"),
        lambda text: f"\u200b{text}\ufeff",
        lambda text: text.replace("-", "\u200b\n"),
        lambda text: text.lower().replace("-", ""),
    ],
)
async def test_number_and_code_are_right_in_every_spelling(write: Callable[[str], str]) -> None:
    async with served() as here:
        receipt = await here.filed()
        async with here.client() as client:
            pair = {"number": write(receipt["number"]), "code": write(receipt["code"])}
            assert (await client.post("/v1/status", json=pair)).status_code == 200


@pytest.mark.parametrize("text", ["\u200b\u200d\ufeff", " \n", "\u3164", "\u2800", "\U000e0041\ufe0f"])
async def test_text_of_nothing_visible_is_refused(text: str) -> None:
    async with served() as here:
        async with here.client("registrar") as client:
            body = {"channel": "web", "item": "Z-30", "text": text, "place": "dh-yl", "subject": "0102"}
            answer = await client.post("/v1/submissions", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "text")


async def test_item_with_invisible_character_is_the_same_item() -> None:
    async with served() as here:
        first = await here.filed(item="A-1", text="路灯")
        async with here.client("registrar") as client:
            body = {"channel": "web", "text": "路灯", "place": "dh-yl", "subject": "0102"}
            body["petitioner"] = {"name": "张三", "phone": "13800000000"}  # type: ignore[assignment]
            again = await client.post("/v1/submissions", json={**body, "item": "Ａ－1\u200b"})
            other = await client.post("/v1/submissions", json={**body, "item": "a-1"})
        assert again.json()["case"] == first["case"]
        assert other.json()["case"] != first["case"]


async def test_codes_are_read_in_full_width() -> None:
    async with served() as here:
        receipt = await here.filed(place="ｄｈ－ｙｌ", subject="０１０２\u200b", channel="ｗｅｂ")
        case = (await here.runtime.ports.cases.load_confirmed(receipt["case"])).case
        assert (case.filing.place, case.filing.subject, case.filing.channel) == ("dh-yl", "0102", "web")
