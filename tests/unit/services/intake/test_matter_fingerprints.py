"""What is removed from a text before it is hashed, and which n-grams it is found by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.matter_fingerprints import KEPT, added, fingerprint, rarest, within, without_persons
from shared.eventstore.candidates import Frequencies

KEY = b"k" * 32
LAMP = "东湖小区的路灯坏了半个月没有人修，晚上老人出门看不清路"


@pytest.mark.parametrize(
    "text, gone",
    [
        ("我叫王小明，路灯坏了", "王小明"),
        ("姓名：赵 六，路灯坏了", "赵六"),
        ("联系人张三丰 路灯坏了", "张三丰"),
        ("人民路12号3栋2单元501室路灯坏了", "人民路"),
        ("三号楼二单元路灯坏了", "单元"),
        ("Ａ３栋路灯坏了", "栋"),
        ("邮箱zhang.san@example.com 路灯坏了", "example"),
        ("电话１３９-0000-0000，路灯坏了", "1390"),
        ("身份证11010119900307123X", "1101"),
    ],
)
def test_persons_addresses_and_digits_are_removed(text: str, gone: str) -> None:
    left = "".join(without_persons(text))
    assert gone not in left and not any(sign.isdigit() for sign in left)


@pytest.mark.parametrize("written", ["李四", "李 四", "李·四", "李\u200b四", "【李四】"])
def test_names_of_parties_are_removed_however_they_are_written(written: str) -> None:
    left = "".join(without_persons(f"反映{written}家门口的路灯", ["李四"]))
    assert "四" not in left and "李" not in left and "路灯" in left


@given(st.text(max_size=60), st.lists(st.text(max_size=5), max_size=3))
def test_any_text_has_a_fingerprint(text: str, names: list[str]) -> None:
    found = fingerprint(KEY, text, text, names)
    assert all(-(2**63) <= one < 2**63 and count > 0 for one, count in found.grams.items())
    assert fingerprint(KEY, text, text, names) == found


def test_hashes_depend_on_key_and_jurisdiction() -> None:
    one, other = fingerprint(KEY, "", LAMP), fingerprint(b"x" * 32, "", LAMP)
    assert not one.grams.keys() & other.grams.keys() and one.whole != other.whole
    assert not set(within(KEY, "a", one.grams)) & set(within(KEY, "b", one.grams))


def test_numbers_do_not_make_two_texts_differ() -> None:
    same = fingerprint(KEY, "路灯", "东湖3号楼的路灯坏了"), fingerprint(KEY, "路灯", "东湖15号楼的路灯坏了")
    assert same[0] == same[1] and same[0].whole is not None
    assert fingerprint(KEY, "", "路灯 12").whole is None, "too short to tell two matters apart"


def test_rare_and_repeated_ngrams_are_kept_first() -> None:
    texts = [fingerprint(KEY, "", f"请问关于{word}的问题") for word in ("路灯", "油烟", "噪声")]
    known = added(Frequencies(0, {}), texts)
    asked = fingerprint(KEY, "路灯", "请问关于路灯的问题")
    lamp, please = fingerprint(KEY, "", "路灯").grams, fingerprint(KEY, "", "请问").grams
    order = [one for one, _weight in rarest(asked.grams, known, KEPT)]
    assert order[0] in lamp and order.index(next(iter(please))) > order.index(next(iter(lamp)))
    assert len(rarest(asked.grams, known, 5)) == 5
