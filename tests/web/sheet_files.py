"""Files of cameras for tests and the bench: many lines, some of them broken in known ways."""

from __future__ import annotations

HEAD = "site,name,main,sub,username,password,transport,retention_days,latitude,longitude"
WIDTH = len(HEAD.split(","))
# What is wrong, and where it must be found: (cells of the line, column, place, reason). `{n}` is the line's number.
BROKEN: tuple[tuple[str, str, int, str], ...] = (
    ("sampit,,rtsp://10.1.0.{n}/x,,,,,,,", "name", 2, "sheet_missing"),
    ("nowhere,Kamera {n},rtsp://10.1.0.1/{n},,,,,,,", "site", 1, "site_gone"),
    ("sampit,Kamera {n},http://10.1.0.1/{n},,,,,,,", "main", 3, "url_scheme"),
    ("sampit,Kamera {n},rtsp://127.0.0.1/{n},,,,,,,", "main", 3, "url_address"),
    ("sampit,Kamera {n},,,,,,,,", "main", 3, "sheet_missing"),
    ("sampit,Kamera {n},rtsp://10.1.0.1/{n},file:///etc/passwd,,,,,,", "sub", 4, "url_scheme"),
    ("sampit,Kamera {n},rtsp://10.1.0.1/{n},,,,carrier pigeon,,,", "transport", 7, "sheet_one_of"),
    ("sampit,Kamera {n},rtsp://10.1.0.1/{n},,,,,thirty,,", "retention_days", 8, "sheet_number"),
    ("sampit,Kamera {n},rtsp://10.1.0.1/{n},,,,,,-2.5,", "longitude", 10, "position_half"),
    ('sampit,"Kamera {n},rtsp://10.1.0.1/{n},,,,,,,', "", 0, "sheet_quote"),
)


def file_of(lines: int, broken: int) -> tuple[bytes, dict[int, tuple[str, int, str]]]:
    """A CSV of so many lines, and line -> (column, place, reason) of those that are broken, evenly among them."""
    every = lines // broken if broken else lines + 1
    wrong: dict[int, tuple[str, int, str]] = {}
    text = [HEAD]
    for index in range(lines):
        line = index + 2
        if broken and index % every == every - 1 and len(wrong) < broken:
            cells, column, place, reason = BROKEN[len(wrong) % len(BROKEN)]
            wrong[line] = (column, place, reason)
            text.append(cells.replace("{n}", str(line)))
            continue
        host = f"10.20.{index // 200}.{index % 200 + 1}"
        text.append(
            f"sampit,Kamera {line},rtsp://{host}/main,rtsp://{host}/sub,operator,rahasia-{line},tcp,30,-2.{line:04},112.9"
        )
    return "\r\n".join(text).encode(), wrong
