"""The LibreOffice Calc add-in: what builds it, the helper that answers, and two files that LibreOffice's own Python runs."""
