"""Sheets: files of cameras, one a line (CSV) or an entry (YAML), read, judged, carried out and written."""
