"""What stands where no database is: facts that nobody can change, and that say so."""

from typing import Any, NoReturn

from service.errors import StoreUnavailable


class NoStore:
    """A store that refuses whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        return _refuse


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise StoreUnavailable("the facts come from a file, and no database is configured")
