"""Checks the proof of a decision: a folder which shares nothing with the engine.

    python -m checker PROOF.json WORLD POLICIES

It stands alone: copy it anywhere, and read it. `law` says what rules come to, given answers;
`facts` gives the answers for what was asked, by what types declare and by the `world` document;
`proofs` compares what both come to with what a proof says. Nothing that policies or proofs name is
ever run.

What passes shows: under these facts and policies (both hashed) and this clock, the rules that match
are those named, each read listed is needed and has this answer, and no other is; so the decision is
right. It does not show that the world is well formed, that values are of the kinds declared, or
that a server uses these files: compare the hashes with what it says.
"""
