"""Strict TOML ──▶ typed settings: an unknown key is an error that suggests the nearest known one.

Settings are pydantic models derived from `Settings`. A file's keys can be overridden one by one
with dotted paths, as the command line's `--set optimiser.rate=1e-4` does, or removed.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

__all__ = ["ConfigError", "Settings", "load", "parse", "reason"]

Plain = dict[str, Any]
_TEXT = ("string_type", "path_type")  # what pydantic calls the error of a value that is no text


class ConfigError(ValueError):
    """Settings that cannot be used: the error names the key, its value and what is allowed."""


class Settings(BaseModel):
    """Base of all settings: immutable, without unknown keys or infinite numbers.

    Numbers and booleans must be given as such: no text is read as one, and no boolean as a number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="wrap")
    @classmethod
    def _of_its_kind(cls, given: object, validate: Callable[[Any], Any]) -> object:
        found = validate(given)
        _check_kind(given, found)
        return found


S = TypeVar("S", bound=Settings)


def load(path: Path, kind: type[S], overrides: Iterable[str] = ()) -> S:
    """Read settings of a `kind` from a TOML file.

    Args:
        path: The file.
        kind: Class of the settings that it must hold.
        overrides: `KEY=VALUE` with dotted keys; a value is TOML, or else a bare string. `KEY=`
            removes the key, so that its default applies.

    Raises:
        ConfigError: If the file cannot be read, is not TOML, or does not hold such settings.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error})") from error
    for override in overrides:
        _override(content, override, kind)
    return parse(content, kind, str(path))


def parse(content: Mapping[str, Any], kind: type[S], name: str) -> S:
    """Return `content` as settings of a `kind`; errors state its origin as `name`.

    Raises:
        ConfigError: If `content` does not hold such settings; every wrong key is listed.
    """
    try:
        return kind.model_validate(dict(content))
    except ValidationError as error:
        problems = dict.fromkeys(_explain(problem, kind, content) for problem in error.errors())
        raise ConfigError(f"{name}: {'; '.join(problems)}") from error


def reason(problem: Mapping[str, Any]) -> str:
    """Return what is wrong with a value, from one of the errors of a pydantic `ValidationError`."""
    said = problem["msg"].removeprefix("Value error, ")
    return said[:1].lower() + said[1:]


def _override(content: Plain, override: str, kind: type[BaseModel]) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set takes KEY=VALUE, not {override!r}")
    path = key.strip().split(".")
    if not text.strip():
        _check_known(path, kind)  # nothing of it remains that `parse` could find wrong
        _take_out(content, path)
        return
    for step in path[:-1]:
        content = _table(content.setdefault(step, {}), step, key)
    content[path[-1]] = _value(text.strip())


def _take_out(content: Plain, path: list[str]) -> None:
    for step in path[:-1]:
        if step not in content:
            return
        content = _table(content[step], step, ".".join(path))
    content.pop(path[-1], None)


def _table(value: object, step: str, key: str) -> Plain:
    if not isinstance(value, dict):
        raise ConfigError(f"{key}: {step!r} is a value, it holds no keys")
    return value


def _check_known(path: list[str], kind: type[BaseModel]) -> None:
    for depth, step in enumerate(path, 1):
        known = _keys(path[: depth - 1], kind)  # none where a table allows any key
        if known and step not in known:
            raise ConfigError(_unknown(path[:depth], kind))


def _value(text: str) -> object:
    """Read a value as TOML, or else as a string without quotes.

    >>> _value("1e-4"), _value("[1, 2]"), _value("cosine")
    (0.0001, [1, 2], 'cosine')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(problem: Mapping[str, Any], kind: type[BaseModel], content: Mapping[str, Any]) -> str:
    path = list(_steps(problem["loc"], content))
    key, given = ".".join(map(str, path)), problem["input"]
    if problem["type"] == "extra_forbidden":
        return _unknown(path, kind)
    if problem["type"] == "missing":
        return f"{'.'.join(map(str, [*path, problem['loc'][-1]]))} is missing"
    said = _quoting(path, given) if problem["type"] in _TEXT else reason(problem)
    if problem["type"] == "value_error" and isinstance(given, Mapping):  # about a whole table
        return f"{key}: {said}" if key else said
    return f"{key} = {_written(given)}: {said}"


def _quoting(path: Sequence[int | str], given: object) -> str:
    if isinstance(given, Mapping | list | tuple):
        return "should be text"
    if not all(isinstance(step, str) for step in path):
        return "should be text; quote it"
    quoted = f'"{_written(given)}"'
    key = ".".join(map(str, path))
    return f"should be text; quote it: {path[-1]} = {quoted}, or --set '{key}={quoted}'"


def _written(value: object) -> str:
    """Write a value as in a TOML file.

    >>> print(_written({"a": [True, 0.5, "x", date(2026, 1, 31)]}))
    { a = [true, 0.5, 'x', 2026-01-31] }
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_written(each)}' for key, each in value.items())} }}"
    return repr(value)


def _check_kind(given: object, found: object) -> None:
    """Check that validation made no number of a text or a boolean, and no boolean of either."""
    if isinstance(given, Mapping) and isinstance(found, Mapping):
        given, found = list(given.values()), list(found.values())
    if isinstance(given, list | tuple) and isinstance(found, list | tuple):
        for one, other in zip(given, found, strict=False):
            _check_kind(one, other)
    elif isinstance(found, bool) and not isinstance(given, bool):
        raise ValueError("should be true or false")
    elif isinstance(given, bool | str) and type(found) in (int, float):
        unquoted = ", without quotes" if isinstance(given, str) else ""
        raise ValueError(f"should be a number{unquoted}")


def _unknown(path: Sequence[int | str], kind: type[BaseModel]) -> str:
    close = get_close_matches(str(path[-1]), _keys(path[:-1], kind), n=1)
    key = ".".join(map(str, path))
    return f"unknown key {key!r}" + (f"; did you mean {close[0]!r}?" if close else "")


def _steps(loc: Iterable[int | str], content: Any) -> Iterator[int | str]:  # noqa: ANN401
    """Yield the steps to a place in `content`, without pydantic's names of union members."""
    for step in loc:
        inside = isinstance(content, Mapping) and step in content
        if inside or (isinstance(content, list | tuple) and isinstance(step, int)):
            content = content[step]  # pyright: ignore[reportArgumentType, reportCallIssue]
            yield step


def _keys(path: Iterable[Any], kind: type[BaseModel]) -> list[str]:
    """Return the keys that are allowed at `path`."""
    for step in path:
        field = kind.model_fields.get(str(step))
        inner = (
            [
                option
                for option in (field.annotation, *get_args(field.annotation))
                if isinstance(option, type) and issubclass(option, BaseModel)
            ]
            if field
            else []
        )
        if not inner:
            return []
        kind = inner[0]
    return list(kind.model_fields)
