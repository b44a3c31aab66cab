"""The checker as a program: `python -m checker PROOF WORLD POLICIES`."""

import sys
from pathlib import Path

from .proofs import refusal

if len(sys.argv) != 4:
    sys.exit("usage: python -m checker PROOF WORLD POLICIES (a proof, a world document, a folder)")
why = refusal(*map(Path, sys.argv[1:]))
sys.exit(f"no proof: {why}") if why else print("proven")
