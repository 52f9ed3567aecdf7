"""Derives shared/kernel/data/character_variants.txt from the Unicode Character Database.

    python -m tests.support.make_variants FOLDER

FOLDER holds Unihan_Variants.txt (or .bz2) and EquivalentUnifiedIdeograph.txt of Unicode 15.0.0, for example
/usr/share/unicode of Debian's package unicode-data. Other files are refused by their SHA-256.
"""

from __future__ import annotations

import bz2
import hashlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from shared.kernel.text_normalization import VARIANTS

SOURCES = {
    "Unihan_Variants.txt": "eaf54a2a5ea0df3e030cabe7917b04b7556e539874668eaaa106fce7c4b8bf46",
    "EquivalentUnifiedIdeograph.txt": "f2e04bae8c856fad3a16353a99d4cc2de6c72770260379f5e4974a97548aad2a",
}
HEAD = """\
# Characters that are the same for comparison: the first of each line replaces the others.
# Derived by tests/support/make_variants.py from Unicode 15.0.0 (kSimplifiedVariant, kTraditionalVariant, kZVariant,
# unambiguous kSemanticVariant; EquivalentUnifiedIdeograph), 常用漢字表 (2010) and 第一批异体字整理表 (1955).
# Modified: reduced to classes of characters.
{hashes}
# Copyright (c) 1991-2022 Unicode, Inc. All rights reserved. Distributed under the Terms of Use in
# https://www.unicode.org/copyright.html: the data files may be used, modified and distributed free of charge if this notice
# is kept and modified files say so. They are provided "as is", without warranty of any kind.
"""

JAPANESE = """
亜亞 悪惡 圧壓 囲圍 為爲 医醫 壱壹 稲稻 飲飮 隠隱 営營 栄榮 衛衞 駅驛 円圓 艶艷 塩鹽
奥奧 応應 欧歐 殴毆 穏穩 仮假 価價 画畫 会會 壊壞 懐懷 絵繪 拡擴 殻殼 覚覺 学學 岳嶽
楽樂 勧勸 巻卷 寛寬 歓歡 観觀 関關 陥陷 巌巖 顔顏 帰歸 気氣 亀龜 偽僞 戯戲 犠犧 旧舊
拠據 挙舉 虚虛 峡峽 挟挾 狭狹 郷鄕 暁曉 区區 駆驅 勲勳 薫薰 恵惠 掲揭 渓溪 経經 継繼
茎莖 蛍螢 軽輕 鶏鷄 芸藝 撃擊 倹儉 剣劍 圏圈 検檢 権權 献獻 県縣 険險 顕顯 験驗 厳嚴
効效 広廣 恒恆 鉱鑛 号號 国國 済濟 砕碎 斎齋 剤劑 桜櫻 冊册 雑雜 参參 惨慘 桟棧 蚕蠶
賛贊 残殘 糸絲 歯齒 児兒 辞辭 湿濕 実實 舎舍 写寫 釈釋 寿壽 収收 従從 渋澁 獣獸 縦縱
粛肅 処處 叙敍 奨奬 将將 焼燒 称稱 証證 乗乘 剰剩 壌壤 嬢孃 条條 浄淨 畳疊 穣穰 譲讓
醸釀 嘱囑 触觸 寝寢 慎愼 晋晉 真眞 尽盡 図圖 粋粹 酔醉 随隨 髄髓 数數 枢樞 声聲 静靜
斉齊 摂攝 窃竊 専專 戦戰 浅淺 潜潛 繊纖 践踐 銭錢 禅禪 双雙 壮壯 捜搜 挿插 巣巢 争爭
総總 聡聰 荘莊 装裝 騒騷 臓臟 蔵藏 属屬 続續 堕墮 体體 対對 帯帶 滞滯 台臺 滝瀧 択擇
沢澤 単單 担擔 胆膽 団團 弾彈 断斷 痴癡 遅遲 昼晝 虫蟲 鋳鑄 庁廳 聴聽 鎮鎭 逓遞 鉄鐵
転轉 点點 伝傳 党黨 盗盜 灯燈 当當 闘鬪 徳德 独獨 読讀 届屆 縄繩 弐貳 悩惱 脳腦 覇霸
拝拜 廃廢 売賣 麦麥 発發 髪髮 抜拔 蛮蠻 秘祕 浜濱 瓶甁 払拂 仏佛 並竝 変變 辺邊 弁辨
舗舖 歩步 宝寶 豊豐 翻飜 万萬 満滿 黙默 弥彌 薬藥 訳譯 予豫 余餘 与與 誉譽 揺搖 様樣
謡謠 来來 頼賴 乱亂 覧覽 竜龍 両兩 猟獵 緑綠 塁壘 励勵 礼禮 隷隸 霊靈 齢齡 恋戀 炉爐
労勞 楼樓 録錄 湾灣 汚汙 増增 税稅 説說 鋭銳 脱脫 閲閱 悦悅 強强 郎郞 涙淚 毎每 戸戶
青靑 清淸 内內 教敎 徴徵 黒黑 曽曾 歳歲 瀬瀨 尚尙
"""
"""The Japanese form of a character, and its older form; source: 常用漢字表, cabinet notification no. 2 of 2010. Input methods and
pasted texts mix them in."""
VARIANT_FORMS = """
遊游 佔占 託托 鉅巨 鎗枪 鍊炼 讎仇 讐仇 陞升 覈核 喫吃 衆众 汚污 汙污 洩泄 脩修 蓆席
麤粗 鬨哄 譌讹 谿溪 豔艳 躭耽 郤隙 酧酬 鎚锤 鑪炉 霤溜 韈袜 頟额 駮驳 鷰燕 齧啮 龢和
臯皋 舩船 葠参 蘓苏 虵蛇 蛕蛔 衖巷 誖悖 罎坛 翶翱 綵彩 盋钵 墻墙 淛浙 殭僵 慙惭 槀槁
囘回 拏拿 燬毁 姪侄 徇狥 搾榨 欸款 欵款 恊协 賍赃 贜赃 倂并 併并 竝并 寃冤 迴回 羣群
裡里 麪面 啟启 啓启 鈎钩 祕秘 牀床 竪竖 豎竖 寔实 恠怪 曬晒 痺痹 癢痒 皁皂 盃杯 睏困
礙碍 祐佑 穉稚 窰窑 窯窑 竢俟 筍笋 箇个 粧妆 絃弦 脣唇 蝨虱 衇脉 裠裙 覩睹 詠咏 譁哗
跡迹 蹟迹 軆体 輓挽 辠罪 邨村 銹锈 鏽锈 錶表 鬦斗 阬坑 隄堤 雋隽 飜翻 餧喂 黴霉 賬账
帋纸 帬裙 敺驱 歛敛 毘毗 泝溯 澂澄 烱炯 煑煮 燄焰 犇奔 猨猿 畧略 疎疏 疿痱 皷鼓 眎视
矙瞰 砲炮 礮炮 稾稿 稈秆 稜棱 竚伫 筯箸 篛箬 籐藤 糭粽 繙翻 羢绒 胷胸 膓肠 艸草 荳豆
菓果 蔴麻 薙剃 蠏蟹 衂衄 袴裤 裌夹 褃裉 觔斤 諠喧 證证 譟噪 讙欢 貍狸 赬赪 踁胫 踰逾
蹤踪 躳躬 遯遁 遶绕 醻酬 釐厘 鉤钩 銲焊 鋜镯 鏇旋 鑛矿 閒闲 闇暗 陿狭 隖坞 韁缰 響响
頋顾 餱糇 饍膳 騣鬃 骽腿 鬀剃 鬪斗 鮝鲞 鯈鲦 鵰雕 鹼碱 鹻碱 麐麟 麫面 鼴鼹 兇凶 刼劫
刦劫 剎刹 効效 勑敕 勳勋 匄丐 厠厕 叡睿 唘启 啗啖 喆哲 嗁啼 嘷嗥 噉啖 噑嗥 坵丘 埳坎
堘塍 塲场 壻婿 婬淫 媿愧 嬾懒 寀采 尠鲜 嶋岛 嵗岁 巖岩 帀匝 幇帮 廐厩 廕荫 彊强 徧遍
徬彷 忼慷 怱匆 悤匆 惥恿 慾欲 懽欢 扞捍 抝拗 挍校 捄救 捨舍 採采 掛挂 掃扫 揑捏 搉榷
搇揿 搥捶 搨拓 摀捂 撢掸 擣捣 攷考 敎教 斵斫 旂旗 昇升 晳晰 暎映 曡叠 朶朵 栢柏 栰筏
栞刊 梹槟 棃梨 棊棋 椀碗 楳梅 榦干 槓杠 槕桌 樑梁 檯台 櫈凳 欝郁 歎叹 歬前 殀夭 氊毡
氷冰 氾泛 汎泛 決决 沍冱 況况 泲济 涼凉 淒凄 減减 湊凑 準准 溼湿 潄漱 濬浚 瀋沈 災灾
烖灾 菑灾 無无
"""
"""A variant form, and the one that replaced it; source: 第一批异体字整理表 of 1955, as 通用规范汉字表 of 2013 keeps it. Those that
Unihan knows only as one of several meanings."""


def read(folder: Path, name: str) -> str:
    """The text of a source file. Raises SystemExit if it is not the pinned one."""
    path = folder / name
    data = path.read_bytes() if path.exists() else bz2.decompress((folder / f"{name}.bz2").read_bytes())
    if hashlib.sha256(data).hexdigest() != SOURCES[name]:
        raise SystemExit(f"{name} is not that of Unicode 15.0.0")
    return data.decode()


def variants(text: str) -> Iterator[tuple[str, str, str]]:
    """(property, character, its variant)."""
    for line in text.splitlines():
        if line.startswith("U+"):
            character, kind, values = line.split("\t")
            for value in values.split():
                yield kind, chr(int(character[2:], 16)), chr(int(value.partition("<")[0][2:], 16))


def radicals(text: str) -> Iterator[tuple[str, str]]:
    """(radical or stroke, the unified ideograph)."""
    for first, last, ideograph in re.findall(r"^([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*([0-9A-F]+)", text, re.MULTILINE):
        for code in range(int(first, 16), int(last or first, 16) + 1):
            yield chr(code), chr(int(ideograph, 16))


class Classes:
    """Disjoint classes of characters."""

    def __init__(self) -> None:
        self._class: dict[str, set[str]] = {}

    def __contains__(self, character: str) -> bool:
        return character in self._class

    def of(self, character: str) -> set[str]:
        return self._class.setdefault(character, {character})

    def join(self, one: str, other: str) -> None:
        if self.of(one) is self.of(other):
            return
        both = self.of(one) | self.of(other)
        self._class.update(dict.fromkeys(both, both))

    def differ(self, one: str, other: str) -> bool:
        """True if each has a common character in its class: to join them would make two words one."""
        return any(map(common, self.of(one))) and any(map(common, self.of(other)))

    def members(self) -> list[set[str]]:
        return [
            members for members in {id(known): known for known in self._class.values()}.values() if len(members) > 1
        ]


def classes(folder: Path) -> list[str]:
    """One text for each class: its simplified character, then the others."""
    known = list(variants(read(folder, "Unihan_Variants.txt")))
    joined = Classes()
    for kind, one, other in known:
        if kind in ("kSimplifiedVariant", "kTraditionalVariant"):
            joined.join(one, other)
    for kind, one, other in known:
        if kind == "kZVariant" and not joined.differ(one, other):
            joined.join(one, other)
    meanings: dict[str, set[str]] = defaultdict(set)
    for kind, one, other in known:
        if kind == "kSemanticVariant" and one not in joined:
            meanings[one].add(other)
    for one, others in sorted(meanings.items()):
        usual = [other for other in sorted(others) if any(map(common, joined.of(other)))] or [min(others)]
        if all(another in joined.of(usual[0]) for another in usual) and not joined.differ(one, usual[0]):
            joined.join(one, usual[0])
    for one, other in (JAPANESE + VARIANT_FORMS).split():
        if not joined.differ(one, other):
            joined.join(one, other)
    for one, other in radicals(read(folder, "EquivalentUnifiedIdeograph.txt")):
        joined.join(one, other)
    lines = []
    for members in joined.members():
        first = min(members, key=lambda one: (not common(one), not 0x4E00 <= ord(one) < 0xA000, one))
        lines.append(first + "".join(sorted(members - {first})))
    return sorted(lines)


def common(character: str) -> bool:
    """True for the 6,763 characters of GB 2312, the common simplified ones."""
    try:
        return bool(character.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def main() -> None:
    lines = classes(Path(sys.argv[1]))
    hashes = "\n".join(f"# {name} sha256:{known}" for name, known in SOURCES.items())
    VARIANTS.write_text(HEAD.format(hashes=hashes) + "\n".join(lines) + "\n", encoding="utf-8")
    print(len(lines), "classes,", sum(map(len, lines)), "characters")


if __name__ == "__main__":
    main()
