"""What is wrong with a policy set that compiles: words that nothing has, actions that nobody knows.

At run time each of these denies, which is safe and of no use to anybody. Here they are found before
the policies are in force, with the place and the word that was probably meant.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import pairwise

from service.domain.items import Organizations
from service.domain.moment import Vocabulary
from service.domain.reading import Readable
from service.domain.schema import LIST_KINDS, Schema
from service.errors import Problem
from service.policy import law
from service.policy.clauses import Chain, Clause
from service.policy.policy_set import PolicySet
from service.policy.source import Located, attribute_reads, located_clauses
from service.policy.tokens import STRING, Token, value_of

Words = dict[str, type[Readable]]
"""The class of each name that a rule may read from, as far as its head tells."""


def lint(policies: PolicySet) -> list[Problem]:
    """Every word of the rules that can never mean anything, by file, line and column."""
    linter = _Linter(policies)
    return [
        problem
        for located in located_clauses(policies.files)
        for problem in (*linter.problems(located), *_other_grace(located, policies))
    ]


def _other_grace(located: Located, policies: PolicySet) -> Iterator[Problem]:
    """Where a rule gives other days of grace than `billing.toml` counts usage by.

    Access and usage go by one clock: who is let in is counted, and nobody else (requirements 3.5).
    """
    body = located.clause.body
    for word, bracket, days in zip(body, body[1:], body[2:], strict=False):
        if word.text == "subscribed" and bracket.text == "(" and policies.terms is not None:
            counted = str(policies.terms.grace_days)
            if days.text != counted:
                reason = f"differs from usage.grace_days in billing.toml, which is {counted}"
                yield located.problem(days, days.text, reason)


class _Linter:
    def __init__(self, policies: PolicySet):
        self.schema: Schema = policies.schema
        self.vocabulary: Vocabulary = policies.vocabulary
        self.all_words = {
            name
            for known in (
                *self.vocabulary.by_name.values(),
                self.vocabulary.request_class,
                self.vocabulary.context_class,
                Organizations,
            )
            for name in known.READS
        }

    def problems(self, located: Located) -> Iterator[Problem]:
        """What is wrong with one clause."""
        clause, words = located.clause, self._words(located.clause)
        actions: tuple[str, ...] = ()
        if law.name_of(clause) is not None:
            yield from self._head(located)
            actions = law.actions_of(clause)
            yield from self._actions(located, actions)
        for chain in clause.chains:
            yield from self._chain(located, chain, words, actions)

    def characters_of_texts(self, located: Located) -> Iterator[Problem]:
        """Where one clause goes through the characters of a text, as if it were a list."""
        clause, words = located.clause, self._words(located.clause)
        texts = {
            chain.root.at: chain for chain in clause.chains if self._kind(chain, words) == "string"
        }
        for word, following in pairwise(clause.body):
            if word.text == "in" and following.at in texts:
                name = ".".join(texts[following.at].names)
                reason = "is a text, and `in` goes through its characters: compare, or list it"
                yield located.problem(following, name, reason)

    def _words(self, clause: Clause) -> Words:
        words: Words = {
            "request": self.vocabulary.request_class,
            "context": self.vocabulary.context_class,
        }
        for parameter in clause.parameters:
            known = self.vocabulary.by_name.get(parameter.specializer or "")
            if known is not None and parameter.name:
                words[parameter.name] = known
        return words

    def _kind(self, chain: Chain, words: Words) -> str | None:
        """The kind of what a chain ends with, as far as its beginning tells."""
        owner, kind = words.get(chain.root.text), None
        for name in chain.names[1:]:
            found = owner.READS.get(name) if owner is not None else None
            kind = None if found is None else found.kind
            owner = None if kind is None else self._class_of(kind)
        return kind

    def _head(self, located: Located) -> Iterator[Problem]:
        subject, _, resource, _ = located.clause.parameters
        for parameter in (subject, resource):
            known = self.vocabulary.by_name.get(parameter.specializer or "")
            if known is None:
                meant = _meant(parameter.specializer, self.vocabulary.by_name)
                reason = f"is no class of this policy set{meant}"
                yield located.problem(parameter.tokens[0], parameter.specializer, reason)
        known = self.vocabulary.by_name.get(subject.specializer or "")
        if known is not None and not any(
            issubclass(self.vocabulary.entity_classes[name], known)
            for name, each in self.schema.types.items()
            if each.subject
        ):
            reason = "is no type of subject, so this rule never matches"
            yield located.problem(subject.tokens[0], subject.specializer, reason)

    def _actions(self, located: Located, actions: tuple[str, ...]) -> Iterator[Problem]:
        resource = located.clause.parameters[2]
        of_types = self._resource_types(located.clause)
        known = {action for name in of_types for action in self.schema.types[name].actions}
        for action in actions:
            if of_types and action not in known:
                reason = f"is no action on {resource.specializer}{_meant(action, known)}"
                yield located.problem(located.clause.parameters[1].tokens[0], action, reason)

    def _resource_types(self, clause: Clause) -> list[str]:
        known = self.vocabulary.by_name.get(clause.parameters[2].specializer or "")
        classes = self.vocabulary.entity_classes
        return [name for name in self.schema.types if known and issubclass(classes[name], known)]

    def _chain(
        self, located: Located, chain: Chain, words: Words, actions: tuple[str, ...]
    ) -> Iterator[Problem]:
        owner = words.get(chain.root.text)
        for depth, name in enumerate(chain.names[1:], 2):
            if name == "has":
                text = _text_in_has(located.clause, chain.root, chain.names[:depth])
                yield from self._has(located, text, owner)
            if owner is None:
                if name not in self.all_words:
                    reason = f"is {self._nothing_of(None, name)}"
                    yield located.problem(chain.root, ".".join(chain.names), reason)
                    return
                continue
            found = owner.READS.get(name)
            if found is None:
                reason = f"`{name}` is {self._nothing_of(owner, name)}"
                yield located.problem(chain.root, ".".join(chain.names), reason)
                return
            if owner is self.vocabulary.request_class and name != "has":
                yield from self._parameter(located, chain, name, actions)
            owner = self._class_of(found.kind)

    def _has(
        self, located: Located, text: Token | None, owner: type[Readable] | None
    ) -> Iterator[Problem]:
        """The text in `owner.has("text")`, if its owner has no such word: asking then fails."""
        if text is None:
            return
        name = value_of(text)
        if name not in (self.all_words if owner is None else owner.READS):
            yield located.problem(text, name, f"is {self._nothing_of(owner, name)}")

    def _nothing_of(self, owner: type[Readable] | None, name: str) -> str:
        if owner is None:
            return f"a word that nothing here has{_meant(name, self.all_words)}"
        spoken = {
            self.vocabulary.request_class: "the request",
            self.vocabulary.context_class: "the context",
            Organizations: "a list of organizations",
        }
        what = spoken.get(owner, owner.__name__)
        return f"nothing that {what} has{_meant(name, owner.READS)}"

    def _parameter(
        self, located: Located, chain: Chain, name: str, actions: tuple[str, ...]
    ) -> Iterator[Problem]:
        for action in actions:
            takes = [
                name in self.schema.types[kind].actions[action]
                for kind in self._resource_types(located.clause)
                if action in self.schema.types[kind].actions
            ]
            if takes and not any(takes):
                reason = f"is no parameter of `{action}`, so reading it denies that action"
                yield located.problem(chain.root, ".".join(chain.names), reason)

    def _class_of(self, kind: str) -> type[Readable] | None:
        if kind in LIST_KINDS:
            return Organizations
        return self.vocabulary.entity_classes.get(kind)


def _text_in_has(clause: Clause, root: Token, names: tuple[str, ...]) -> Token | None:
    """The text in `owner.has("text")`; None if no text stands there, or the owner is an answer."""
    first = clause.body.index(root)
    *spelled, text = clause.body[first : first + 2 * len(names) + 1]
    is_plain = "".join(each.text for each in spelled) == ".".join(names) + "("
    return text if is_plain and text.kind == STRING else None


def _meant(word: str | None, known) -> str:
    near = get_close_matches(word or "", list(known), 1)
    return f"; did you mean `{near[0]}`?" if near else ""


def characters_of_texts(policies: PolicySet) -> list[Problem]:
    """Where the rules go through the characters of a text: in Polar `"a" in "abc"` is true and
    `"ab" in "abc"` is not, and neither is what anybody meant."""
    linter = _Linter(policies)
    return [
        problem
        for located in located_clauses(policies.files)
        for problem in linter.characters_of_texts(located)
    ]


def too_fine(policies: PolicySet, names: Iterable[str]) -> list[Problem]:
    """Where the rules read the values of these names, which are too many for a compiled plan."""
    wide = set(names)
    return [
        Problem(
            f"{found.file}:{found.line}:{found.column}",
            ".".join(found.chain),
            "has more different values than a plan keeps, so such questions go to oso",
        )
        for found in attribute_reads(policies.files)
        if wide.intersection(found.chain[1:])
    ]
