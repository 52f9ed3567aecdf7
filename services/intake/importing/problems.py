"""What can be wrong with a mapping, a file or a row. Messages say what to do and never quote a value."""

from __future__ import annotations


class MappingError(Exception):
    """The mapping cannot be used. `line` is the line of the mapping file, where it is known."""

    def __init__(self, why: str, *, why_zh: str, line: int | None = None, field: str = "") -> None:
        super().__init__(f"line {line}: {why}" if line else why)
        self.why, self.why_zh, self.line, self.field = why, why_zh, line, field


class FileError(Exception):
    """The file cannot be read, from the start or from some place on. `rows`: how many before it were dealt with."""

    def __init__(self, code: str, why: str, why_zh: str) -> None:
        super().__init__(why)
        self.code, self.why, self.why_zh = code, why, why_zh
        self.rows = 0


class RowError(Exception):
    """One row cannot be taken; the rest goes on."""

    def __init__(self, line: int, field: str, code: str) -> None:
        super().__init__(f"line {line}, {field}: {code}")
        self.line, self.field, self.code = line, field, code

    @property
    def why(self) -> str:
        return REASONS[self.code][0]

    @property
    def why_zh(self) -> str:
        return REASONS[self.code][1]


REASONS: dict[str, tuple[str, str]] = {
    "wrong_number_of_fields": (
        "The row has more or fewer fields than the header. Look for a separator or a line break outside quotes.",
        "该行的列数与表头不一致，请检查未加引号的分隔符或换行。",
    ),
    "broken_quotes": (
        "A quotation mark is not closed, or text follows a closing one. Mend the row or export the file again.",
        "引号未闭合，或闭合引号后还有文字。请修正该行或重新导出。",
    ),
    "broken_json": (
        "The line is not one JSON object. Each line must be complete in itself.",
        "该行不是一个完整的 JSON 对象。",
    ),
    "repeated_key": (
        "The line gives one name twice, or two names that are one column, so nobody knows which value counts. Keep one.",
        "该行有重复的键名（或两个键名指同一列），无法判断以哪个为准，请只保留一个。",
    ),
    "bad_encoding": (
        "The row holds bytes that are no text in the file's encoding. Export the file again as UTF-8.",
        "该行含有无法按文件编码读取的字节，请以 UTF-8 重新导出。",
    ),
    "control_character": (
        "The row holds NUL characters. Export the file again; a text format was probably written by a binary one.",
        "该行含有空字符（NUL），请重新导出文件。",
    ),
    "error_cell": (
        "The cell holds a spreadsheet error such as #N/A. Mend the formula and export values.",
        "单元格为表格错误值（如 #N/A），请修正公式并导出数值。",
    ),
    "damaged_number": (
        "A spreadsheet has rounded this number and its last digits are lost. Export it again from the source with the "
        "column formatted as text (in Excel: Data, From Text, column type Text) and do not save it from a spreadsheet.",
        "该号码已被电子表格取整，末尾数字已丢失。请从原系统重新导出，并将该列设为“文本”格式，不要用表格软件另存。",
    ),
    "missing": (
        "This cell is empty, but the mapping needs it. Fill it, or give a default in the mapping.",
        "该单元格为空，但映射文件需要它。请补填，或在映射文件中给出默认值。",
    ),
    "too_long": (
        "The text is longer than can be taken (100,000 characters for a text, 2,000 for a short field, 128 for a code). "
        "Shorten it in the source or map another column.",
        "内容超过长度上限（正文 100000 字，短字段 2000 字，代码 128 字）。请在来源中缩短，或映射其他列。",
    ),
    "not_a_date": (
        "The cell cannot be read as a date. Name its form in the mapping under source: date_formats, for example "
        "YYYY-MM-DD hh:mm:ss.",
        "无法识别为日期。请在映射文件 source: date_formats 中写明格式，例如 YYYY-MM-DD hh:mm:ss。",
    ),
    "ambiguous_date": (
        "Day and month of this date could be exchanged. Name its form in the mapping under source: date_formats, "
        "MM/DD/YYYY or DD/MM/YYYY.",
        "无法判断日期中的日和月。请在映射文件 source: date_formats 中写明 MM/DD/YYYY 或 DD/MM/YYYY。",
    ),
    "impossible_date": (
        "There is no such day or time, or its year lies outside 1900 to 2200. Mend it in the source.",
        "不存在这样的日期或时间，或年份不在 1900 至 2200 之间。请在来源中修正。",
    ),
    "value_not_in_table": (
        "The mapping's table has no entry for this value and no default. Add the value (listed in the report).",
        "映射文件的对照表中没有该值，也没有默认值。请添加（见报告中的列表）。",
    ),
    "nested_value": (
        "The cell holds a list or an object. Map a plain field of it, for example address.city.",
        "该字段是列表或对象，请映射其中的普通字段，例如 address.city。",
    ),
    "not_allowed_here": (
        "The value is not among those that this field takes; docs/import.md lists them. Use a table in the mapping.",
        "该值不在字段允许的取值中（见 docs/import.md）。请在映射文件中使用对照表。",
    ),
    "unreadable": (
        "The row could not be understood. Compare it with its neighbours.",
        "无法理解该行，请与相邻各行对照检查。",
    ),
}
"""Code -> reason in English and Chinese, for the rejects file."""
