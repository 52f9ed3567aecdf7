"""The status page: a form for number and query code, and the answer in plain sentences."""

from __future__ import annotations

from starlette.responses import HTMLResponse

from services.intake.http.pages.layout import Html, both, heading, joined, markup, page
from shared.queries.citizen_status_models import OpenQuestions, StatusAnswer

_TITLE = ("办理情况查询", "Status of your case")
_FORM = """<form method="post" action="/status" autocomplete="off" data-ask>
<label><span><span lang="zh-CN">编号</span> <span lang="en">Number</span></span>
<input name="number" required maxlength="60" autocapitalize="characters" spellcheck="false"></label>
<label><span><span lang="zh-CN">查询码</span> <span lang="en">Query code</span></span>
<input name="code" required maxlength="100" autocapitalize="characters" spellcheck="false"></label>
<button><span lang="zh-CN">查询</span> <span lang="en">Ask</span></button>
</form>"""
_PRINT = """<form method="post" action="/receipt" class="screen">
<input type="hidden" name="number" value="{number}"><input type="hidden" name="code" value="{code}">
<button><span lang="zh-CN">打印回执</span> <span lang="en">Print the receipt</span></button>
</form>"""

_READ = """<form method="post" action="/status/documents" class="screen">
<input type="hidden" name="number" value="{number}"><input type="hidden" name="code" value="{code}">
<button><span lang="zh-CN">查阅答复和告知书</span> <span lang="en">Read the reply and notices</span></button>
</form>"""


_TAKE_BACK = """<form method="post" action="/status/take-back" class="screen">
<input type="hidden" name="number" value="{number}"><input type="hidden" name="code" value="{code}">
<button><span lang="zh-CN">取消撤回，继续办理</span> <span lang="en">Take the withdrawal back</span></button>
</form>"""


_QUESTIONS = """<form method="post" action="/status/answers" class="screen">
<input type="hidden" name="number" value="{number}"><input type="hidden" name="code" value="{code}">
<input type="hidden" name="asked" value="{asked}">
{fields}<button><span lang="zh-CN">提交答复</span> <span lang="en">Send the answers</span></button>
</form>"""
_FIELD = """<label><span>{question}</span><textarea name="answer{place}" maxlength="4000" rows="3"></textarea></label>
"""


def _questions(one: OpenQuestions, number: str, code: str) -> Html:
    fields = [markup(_FIELD, question=question, place=str(place)) for place, question in enumerate(one.questions)]
    return markup(_QUESTIONS, number=number, code=code, asked=str(one.asked), fields=joined(fields))


def form(wrong: tuple[str, str] | None = None, *, status: int = 200) -> HTMLResponse:
    """The empty form; `wrong`: why the last query failed, in both languages. The input is not shown again."""
    said = [markup('<div class="wrong" role="alert">{said}</div>', said=both(*wrong))] if wrong else []
    body = [heading("h1", *_TITLE), *said, both("编号和查询码在回执上。", "Both are on your receipt."), Html(_FORM)]
    return page(*_TITLE, joined(body), status=status, script=True)


def answer(told: StatusAnswer, number: str, code: str) -> HTMLResponse:
    """The status of the case, its events, and a form that prints the receipt. `number` and `code` as given."""
    steps = [
        markup(
            '<tr><th scope="row">{day}</th><td>{words}</td></tr>',
            day=one["day"],
            words=both(one["zh"], one["en"], "div"),
        )
        for one in told.events
    ]
    body = [
        heading("h1", *_TITLE),
        markup('<p class="code">{number}</p>', number=told.number),
        markup('<div class="told" role="status">{said}</div>', said=both(told.zh, told.en)),
        *([markup(_TAKE_BACK, number=number, code=code)] if told.withdrawal is not None else []),
        *(
            [
                heading("h2", "请您补充", "Questions to you"),
                both(
                    "是否答复由您决定，不影响办理期限。",
                    "Whether you answer is up to you; no period depends on it.",
                ),
                *(_questions(one, number, code) for one in told.questions),
            ]
            if told.questions
            else []
        ),
        heading("h2", "经过", "What happened"),
        markup("<table>{steps}</table>", steps=joined(steps)),
        *([markup(_READ, number=number, code=code)] if told.documents else []),
        markup(_PRINT, number=number, code=code),
        Html('<p class="screen"><a href="/status">查询另一件 <span lang="en">Ask for another case</span></a></p>'),
    ]
    return page(*_TITLE, joined(body))
