"""The answers: what was asked, and what each word of it means, by a world and what types declare.

Shown here is who asks for what: each as it is stored, else as the request describes it, the subject
for the organization it acts for, and every word as the world document answers it, or as the policy
set declares it of a type, an action or the context. Rules are not known here: whoever evaluates
them asks `read` and `is_a`, and `reads` keeps each answer that was given.
"""

import json

from .world import Entity, World, instant

PLAIN = ("string", "strings", "integer", "number", "boolean")
SOLD = ("plan", "product", "telephony", "department")
STORED = {
    "organization": {"parent": "organization?"},
    "user": {},
    "partner": {"organization": "organization", "role": "string"},
    "subscription": {"organization": "organization"} | dict.fromkeys(SOLD, "string?"),
}
REQUEST, CONTEXT = Entity("request"), Entity("context")


def spelled(value):
    """A value as JSON, the same text for the same value."""
    return json.dumps(value, sort_keys=True, default=said_of)


def said_of(entity):
    """An entity as an object: what is None of it is left out."""
    return {name: value for name, value in vars(entity).items() if value is not None}


class Facts:
    """A request before a world: `question` is who asks for what, `names` what rules call it by."""

    names = {"request": REQUEST, "context": CONTEXT}

    def __init__(self, document, schema, request, now, levels):
        types, action, context = schema["types"], request["action"], request["context"]
        described = {REQUEST: action["properties"], CONTEXT: context}
        for end in (request["resource"], request["subject"]):  # if both are one, the subject's
            if end["type"] not in STORED:
                described[Entity(end["type"], end["id"])] = end["properties"]
        self.world, self.reads = World(document, described, instant(now), levels), []
        # The kinds of what is said of each type; what only other actions take is known, and absent
        actions = {name: types[name].get("actions", {}) for name in types}
        taken = {name for known in actions.values() for given in known.values() for name in given}
        self.absent = {"context": {}, "request": dict.fromkeys(taken)}
        placed = {"organization": "organization"}
        self.kinds = {name: placed | types[name].get("attributes", {}) for name in types} | STORED
        self.kinds["request"] = actions[request["resource"]["type"]][action["name"]]
        self.kinds["context"] = schema.get("context", {})
        # The types for which each class of the rules stands
        every, items = types.keys() | STORED.keys(), types.keys() - STORED.keys()
        self.classes = {name.title().replace("_", ""): {name} for name in every} | {
            "Entity": every,
            "Placed": every - {"user", "subscription"},
            "Item": items,
            "Shareable": {name for name in items if types[name].get("shareable")},
            "String": {str},
        }
        subject, resource = self.found(**request["subject"]), self.found(**request["resource"])
        if subject.type not in ("user", "partner") and not types[subject.type].get("subject"):
            raise ValueError(f"`{subject.type}` is no type of subject")
        self.question = [self.acting(subject, context), action["name"], resource]
        for named in self.words(REQUEST).values():
            if isinstance(named, Entity):
                self.words(named)

    def found(self, type, id, properties):
        """What the request names; it may not describe otherwise what is stored."""
        entity = Entity(type, id)
        if type not in STORED:
            stored = self.world.said[entity]
            for name in properties.keys() & self.kinds[type].keys():
                if spelled(properties[name]) != spelled(stored.get(name)):
                    raise ValueError(f"the request contradicts what is stored: {name}")
        self.words(entity)
        return entity

    def acting(self, subject, context):
        """The subject, for the organization that is chosen, else selected, else the only one."""
        said, user = self.world.said[subject], subject.type == "user"
        held = said.get("memberships", {}) if user else [said["organization"]]
        alone = next(iter(held)) if len(held) == 1 else None
        at = context.get("organization", said.get("selected", alone) if user else alone)
        if at not in held:
            raise ValueError("the subject does not belong to the organization acted for")
        return Entity("user", subject.id, at) if user else subject

    def is_a(self, value, name):
        """Whether a value is of a class of the rules."""
        return getattr(value, "type", type(value)) in self.classes[name]

    def read(self, owner, name, given):
        """The answer of a word, kept. An organization is handed to it as its path."""
        words = self.words(owner)
        answer = words[given[0]] is not None if name == "has" else words[name]
        if callable(answer):
            answer = answer(*map(self.handed, given))
        if answer is None or (isinstance(answer, Entity) and not self.words(answer)):
            raise ValueError(f"{spelled(owner)} has no {name}")
        self.reads.append({"of": owner, "read": name, "with": given, "answer": answer})
        return answer

    def handed(self, value):
        """A value as the words of the world take it."""
        is_organization = getattr(value, "type", None) == "organization"
        return self.world.path(value.id) if is_organization else value

    def words(self, entity):
        """What each word of an entity means: a value, or a function of what it is given."""
        words = dict(self.declared(entity))
        if entity.type in self.absent:
            return self.absent[entity.type] | words
        return words | self.world.words(entity)

    def declared(self, entity):
        """What is said of an entity, by the names that are declared for it."""
        for name, kind in self.kinds.get(entity.type, {}).items():
            known, value = kind.removesuffix("?"), self.world.said[entity].get(name)
            if value is None and known == kind:
                raise ValueError(f"{name} is missing")
            if known in ("organizations", "targets"):
                known, value = "organizations", value or []
            yield name, value if value is None or known in PLAIN else Entity(known, value)
