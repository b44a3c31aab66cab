"""The facts of one revision, seen at one instant: where every question gets its values from."""

from datetime import datetime

from service.domain.directory import Directory
from service.domain.entities import Entity, Organization, Partner, Placed, Subscription, User
from service.domain.identifiers import Key
from service.domain.items import Item, Shareable, given_class, item_class
from service.domain.reading import Readable
from service.domain.schema import ANY_KIND, Attributes, Schema
from service.errors import UnknownEntity


class Vocabulary:
    """The classes in which rules are written: the built-in ones, and one for each declared type."""

    def __init__(self, schema: Schema):
        self.schema = schema
        self.entity_classes: dict[str, type[Entity]] = {
            "organization": Organization,
            "user": User,
            "partner": Partner,
            "subscription": Subscription,
        }
        for name, known in schema.types.items():
            if name not in self.entity_classes:
                self.entity_classes[name] = item_class(known, self.entity_classes)
        self.attributes: dict[str, Attributes] = {
            name: known.attributes for name, known in schema.types.items()
        }
        classes = self.entity_classes
        self.request_class = given_class("Request", _parameter_kinds(schema), classes)
        context = {attribute.name: attribute.kind for attribute in schema.context.values()}
        self.context_class = given_class("Context", context, classes)
        # Most actions take nothing and most policies read no context: one empty value serves all.
        self.no_request = self.request_class(None, {}, {})
        self.no_context = self.context_class(None, {}, {})
        self.parameters: dict[tuple[str, str], Attributes] = {
            (name, action): parameters
            for name, known in schema.types.items()
            for action, parameters in known.actions.items()
        }
        self.by_name: dict[str, type[Readable]] = {
            "Entity": Entity,
            "Placed": Placed,
            "Item": Item,
            "Shareable": Shareable,
            **{
                schema.types[kind].class_name if kind in schema.types else cls.__name__: cls
                for kind, cls in self.entity_classes.items()
            },
        }


def _parameter_kinds(schema: Schema) -> dict[str, str]:
    """Each parameter of any action and its kind; ANY_KIND where two actions differ."""
    kinds: dict[str, str] = {}
    for known in schema.types.values():
        for parameters in known.actions.values():
            for attribute in parameters.values():
                before = kinds.setdefault(attribute.name, attribute.kind)
                if before != attribute.kind:
                    kinds[attribute.name] = ANY_KIND
    return kinds


class Moment:
    """A directory, an instant in UTC, and the words to speak of them.

    `until` is all that changes: the first instant after `now` at which something that was asked of
    the clock since it was last None could be answered otherwise; None while nothing was asked, or
    nothing is to come.
    """

    __slots__ = ("directory", "now", "until", "vocabulary")

    def __init__(self, directory: Directory, now: datetime, vocabulary: Vocabulary):
        self.directory = directory
        self.now = now
        self.vocabulary = vocabulary
        self.until: datetime | None = None

    def lies_in(self, starts: datetime | None, ends: datetime | None) -> bool:
        """Whether now lies in the term from `starts` to just before `ends`; None is never.

        INVARIANT (one clock): whoever compares anything with `now` does it here, so that `until`
        bounds every answer in which time had a say.
        """
        now = self.now
        if starts is not None and now < starts:
            ahead, holds = starts, False
        elif ends is None:
            return True
        elif now < ends:
            ahead, holds = ends, True
        else:
            return False
        if self.until is None or ahead < self.until:
            self.until = ahead
        return holds

    def find(self, key: Key) -> Entity | None:
        """The entity of this key, or None if it is not in the world."""
        record = self.directory.get(key)
        return None if record is None else self.vocabulary.entity_classes[key[0]](self, record)

    def find_organization(self, name: str) -> Organization | None:
        """The organization of this id, or None."""
        record = self.directory.kinds["organization"].get(name)
        return None if record is None else Organization(self, record)

    def organization(self, name: str) -> Organization:
        """The organization of this id. Raises UnknownEntity."""
        record = self.directory.kinds["organization"].get(name)
        if record is None:
            raise UnknownEntity("organization", name)
        return Organization(self, record)

    def subscription(self, name: str) -> Subscription:
        """The subscription of this id. Raises UnknownEntity."""
        record = self.directory.get(("subscription", name))
        if record is None:
            raise UnknownEntity("subscription", name)
        return Subscription(self, record)
