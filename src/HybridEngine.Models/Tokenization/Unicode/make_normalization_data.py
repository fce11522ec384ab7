"""Writes normalization.txt, the table behind UnicodeNormalization.cs, from Python's copy of the Unicode Character Database.

Lines: `c HEX CLASS` combining class; `d HEX HEX...` full canonical decomposition; `k HEX HEX...` full compatibility decomposition
where it differs; `p HEX HEX HEX` first, second, their primary composite. Hangul is computed, not listed.
"""
import sys
import unicodedata as u

out = [f"# Unicode {u.unidata_version}; made by make_normalization_data.py; Unicode licence v3"]
for cp in range(0x110000):
    if 0xAC00 <= cp <= 0xD7A3 or 0xD800 <= cp <= 0xDFFF:
        continue
    c = chr(cp)
    if u.combining(c):
        out.append(f"c {cp:X} {u.combining(c)}")
    d, k = u.normalize("NFD", c), u.normalize("NFKD", c)
    if d != c:
        out.append(f"d {cp:X} " + " ".join(f"{ord(x):X}" for x in d))
    if k != d:
        out.append(f"k {cp:X} " + " ".join(f"{ord(x):X}" for x in k))
    step = u.decomposition(c).split()
    if len(step) == 2 and not step[0].startswith("<") and u.normalize("NFC", c) == c:
        out.append(f"p {step[0]} {step[1]} {cp:X}")
open(sys.argv[1], "w", newline="\n").write("\n".join(out) + "\n")
