"""The cameras of a YAML file, into rows: a list, or the list under `cameras`. Pure."""

from __future__ import annotations

from web.sheet.columns import KEYS, column_of
from web.sheet.rows import ROWS_MAX, TEXT_MAX, Cell, Fault, Row, SheetError, line_fault, text_long, too_many
from web.sheet.yaml_tree import Tree, read_yaml


def read_cameras(data: bytes) -> list[Row]:
    """The cameras of a file. SheetError where it is none, or where it holds other things: they are for `vms apply`."""
    tree = read_yaml(data)
    if tree.entries is None:
        return rows_of(tree)
    others = [key for key in tree.entries if key != "cameras"]
    if others or not tree.entries:
        line = str(tree.keys[others[0]][0] if others else tree.line)
        raise SheetError(
            f"Line {line}: beside cameras the file holds other things, or no cameras.",
            hint="Sites and others are for vms apply.",
            reason="sheet_yaml_others",
            params={"line": line},
        )
    return rows_of(tree.entries["cameras"])


def rows_of(tree: Tree) -> list[Row]:
    """The rows of a list of cameras."""
    if tree.text == "":
        return []
    if tree.items is None:
        raise SheetError(
            f"Line {tree.line}: a list of cameras is wanted.", reason="sheet_yaml_list", params={"line": str(tree.line)}
        )
    if len(tree.items) > ROWS_MAX:
        raise too_many()
    return [_row(item) for item in tree.items]


def _row(item: Tree) -> Row:
    if item.entries is None:
        return Row(item.line, {}, (line_fault(item.line, "this is no camera", reason="sheet_entry"),))
    cells: dict[str, Cell] = {}
    faults: list[Fault] = []
    for key, value in item.entries.items():
        line, place = item.keys[key]
        column = column_of(key)
        if column is None or column in cells:
            faults.append(Fault("", line, place, "this key is not known, or there already", reason="sheet_key"))
        elif value.text is None:
            words = f"{column} is no single value"
            faults.append(Fault(column, value.line, value.place, words, reason="sheet_value"))
        elif len(value.text) > TEXT_MAX:
            faults.append(text_long(column, value.line, value.place))
        else:
            cells[column] = Cell(value.text, value.line, value.place)
    if not faults and not set(cells) & set(KEYS):
        faults.append(line_fault(item.line, "neither slug nor name is given", reason="sheet_entry"))
    return Row(item.line, cells, tuple(faults))
