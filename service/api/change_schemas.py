"""What answers to writes, and the change log, look like, for the OpenAPI document."""

from marshmallow import Schema, fields

from service.api.schemas import DecisionAnswer, Integer, List, Nested, ProblemDocument, said, text


class Revision(Schema):
    """What became of a write."""

    revision = Integer(**said("at which the facts are as written; send it as X-Min-Revision"))


class LogEntry(Schema):
    """One revision of the facts: when, by whom, for whom, and what was changed."""

    revision = Integer(**said("one more than that of the entry before"))
    at = fields.DateTime(**said("by the clock of the node that wrote"))
    caller = text("who wrote: `seed`, `command line`, or `api` with a digest of the key")
    subject = text("on whose behalf, as `type:id`", False)
    changes = List(
        fields.Dict(), **said("in order; `replace_world` stands alone where all was replaced")
    )


class ChangeLog(Schema):
    """Part of the change log, in order, without gaps."""

    revision = Integer(**said("the newest; there is more if the last entry is older"))
    entries = List(Nested(LogEntry), **said("what came after `after`, the oldest first"))


class Unmade(Schema):
    """One thing wrong with what was to be written, and where."""

    path = text("such as `changes[0].parent` or `users.ann.selected`")
    reason = text("what is wrong there")
    value = fields.Raw(
        allow_none=True, metadata={"description": "what was sent, if it is short enough"}
    )


class Refusal(ProblemDocument):
    """Why changes, or a world, cannot be made facts."""

    problems = List(Nested(Unmade), **said("each thing wrong; at most 1,000 of them"))


class Denial(ProblemDocument):
    """Why something was not done for somebody."""

    index = Integer(**said("of a list of changes: which one was denied, from 0", False))
    effect = text(
        "what it would have done, in the words of `policies/changes.toml`; only to whom may see it",
        False,
    )
    decision = Nested(DecisionAnswer, **said("the decision that denies it"))


class Conflict(ProblemDocument):
    """Why a write was not made: the facts have moved on, or its key stands for another."""

    revision = Integer(**said("at which the facts are, or which the key's first write made"))
