"""What a person may write to name a target, and what it means."""

import difflib
import json
import os
import re
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Literal

from evidence.errors import TargetError
from evidence.home import data_home

CATALOGUE = Path(__file__).parent.parent / "organisms" / "catalogue.json"
DEFAULT_TARGET = "taboo-03"
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,79}")
"""What an adapter trained here may be called."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_HOSTED = re.compile(r"(ndif|serve):(.*)", re.DOTALL)
_ALLOWED = "a local folder, a hub id such as 'Qwen/Qwen2.5-0.5B-Instruct', 'base+adapter', or 'ndif:ORG/MODEL'"


@dataclass(frozen=True)
class Entry:
    """One line of the public catalogue: a name and a place, never an outcome."""

    name: str
    kind: str
    path: Path
    base: str | None
    description: str

    def card(self) -> "dict[str, str | None]":
        """What may be told of it to anybody."""
        return {"name": self.name, "kind": self.kind, "base": self.base, "description": self.description}


_LISTED = 8
Engine = Literal["here", "ndif", "serve"]


@dataclass(frozen=True)
class Options:
    """How a model is held in memory."""

    device: str = "auto"
    """"auto" (a GPU when there is one), "cpu", "cuda", "cuda:1" or "mps"."""
    dtype: str = "auto"
    """"auto" (float32 on CPU, bfloat16 on a GPU), a float type, or "int8", "nf4", "fp4" for weights in fewer bits."""


AUTOMATIC = Options()


def device_of(asked: str) -> str:
    """Where a model goes: what was asked for, or for "auto" a GPU when there is one."""
    import torch

    return asked if asked != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


@dataclass(frozen=True)
class Source:
    """Where weights come from: a folder here, or a repository on the hub; and the engine that runs them."""

    location: str
    local: bool
    engine: Engine = "here"
    url: str | None = None
    """Where a `serve` engine answers."""

    @property
    def folder(self) -> Path:
        return Path(self.location)

    @property
    def shown(self) -> str:
        """How a sentence names it: a hub id, or the last part of a path."""
        return (self.folder.name or self.location) if self.local else self.location


@dataclass(frozen=True)
class Spec:
    """A parsed specification."""

    name: str
    base: Source
    base_name: str
    adapter: Source | None = None
    options: Options = AUTOMATIC


@cache
def catalogue() -> dict[str, Entry]:
    """The organisms that ship with the project, by public name."""
    if not CATALOGUE.exists():
        return {}
    root = CATALOGUE.parent
    found: dict[str, Entry] = {}
    for row in json.loads(CATALOGUE.read_text(encoding="utf-8"))["targets"]:
        entry = Entry(row["name"], row["kind"], root / row["path"], row.get("base"), row["description"])
        found |= dict.fromkeys([row["name"], *row["also"]], entry)
    return found


def public_entries() -> list[Entry]:
    """The shipped targets, each once, without other names for the same."""
    return list({entry.name: entry for entry in catalogue().values()}.values())


def public_names() -> list[str]:
    """Their names."""
    return [entry.name for entry in public_entries()]


def adapters_home() -> Path:
    """Where the adapters are that were trained on this machine, each a folder by its name."""
    return data_home() / "adapters"


def trained() -> list[str]:
    """Their names."""
    found = (file.parent.name for file in adapters_home().glob("*/adapter_config.json"))
    return sorted(name for name in found if NAME.fullmatch(name))


def _trained(text: str) -> Source | None:
    """The adapter trained under a name: the folder it stands for now, which a later training does not change."""
    folder = adapters_home() / text
    if not NAME.fullmatch(text) or not (folder / "adapter_config.json").exists():
        return None
    return Source(str(folder.resolve()), local=True)


def parse(text: str) -> Spec:
    """Read a specification without touching any weights.

    Raises:
        TargetError: nothing has this name; close names are suggested.
    """
    if not isinstance(text, str):
        raise TargetError(f"target={text!r} is not allowed: give one name, such as 'taboo-03'")
    text = text.strip()
    if "?" in text and not os.path.exists(text):
        plain, _, options = text.partition("?")
        return replace(parse(plain), name=text, options=_options(options))
    if hosted := _HOSTED.fullmatch(text):
        return _from_hosted(text, "ndif" if hosted[1] == "ndif" else "serve", hosted[2])
    if text in catalogue():
        return _from_catalogue(catalogue()[text])
    if found := _trained(text):
        return _local_adapter(text, found)
    if "+" in text and not os.path.exists(text):
        left, right = (part.strip() for part in text.split("+", 1))
        base, adapter = parse(left), _adapter_source(right)
        if base.adapter:
            raise TargetError(f"{left!r} is itself an adapter: write a base before the '+', such as {base.base_name!r}")
        return Spec(text, base.base, base.name, adapter)
    source = _source(text)
    if source.local and (source.folder / "adapter_config.json").exists():
        return _local_adapter(text, source)
    return Spec(text, source, text)


def _options(text: str) -> Options:
    """`device=cuda&dtype=nf4`, as written after a name and a question mark."""
    given = dict(part.partition("=")[::2] for part in text.split("&"))
    known = {field.name for field in fields(Options)}
    if unknown := given.keys() - known:
        raise TargetError(
            f"{sorted(unknown)[0][:40]!r} is no option of a target: allowed are {', '.join(sorted(known))}"
        )
    return Options(**given)


def _from_hosted(text: str, engine: Engine, rest: str) -> Spec:
    """`ndif:ORG/MODEL`, `ndif:ORG/MODEL+ORG/ADAPTER`, `serve:http://HOST:PORT#ORG/MODEL`."""
    url, _, named = rest.rpartition("#") if engine == "serve" else ("", "", rest)
    model, _, adapter = named.partition("+")
    wrong = [one for one in (model, *([adapter] if adapter else [])) if not _HUB_ID.fullmatch(one)]
    if wrong or (engine == "serve" and not re.fullmatch(r"https?://[^\s/]+/?", url)):
        form = "'ndif:ORG/MODEL'" if engine == "ndif" else "'serve:http://HOST:PORT#ORG/MODEL'"
        raise TargetError(f"{text[:80]!r} does not name a hosted model: write {form}, the model by its hub id")
    base = Source(model, local=False, engine=engine, url=url or None)
    base_name = text.partition("+")[0]
    return Spec(text, base, base_name, Source(adapter, local=False) if adapter else None)


def _from_catalogue(entry: Entry) -> Spec:
    source = Source(str(entry.path), local=True)
    if entry.base is None:
        return Spec(entry.name, source, entry.name)
    base = catalogue()[entry.base]
    return Spec(entry.name, Source(str(base.path), local=True), base.name, source)


def _adapter_source(text: str) -> Source:
    known = catalogue().get(text)
    return Source(str(known.path), local=True) if known else _trained(text) or _source(text)


def _local_adapter(text: str, source: Source) -> Spec:
    """An adapter folder names its base itself."""
    try:
        config = json.loads((source.folder / "adapter_config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise TargetError(f"{text!r} has an unreadable adapter_config.json ({error}): restore the file") from error
    named = str(config.get("base_model_name_or_path") or "")
    if Path(named).expanduser().resolve() == source.folder.resolve():
        raise TargetError(f"{text!r} names itself as its base: correct its adapter_config.json")
    base = parse(named)
    return Spec(text, base.base, base.name, source)


def _source(text: str) -> Source:
    if text and os.path.isdir(os.path.expanduser(text)):  # unlike Path, answers False to a name that is too long
        return Source(str(Path(text).expanduser().resolve()), local=True)
    if _HUB_ID.fullmatch(text) and not text.startswith(("./", "../", "~")):
        return Source(text, local=False)
    own = trained()
    close = difflib.get_close_matches(text.lower(), [*catalogue(), *own], n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    listed = f"an adapter trained here ({', '.join(map(repr, own[:_LISTED]))}{', ...' * (len(own) > _LISTED)}), "
    known = f"a name from the catalogue, {listed if own else ''}{_ALLOWED}"
    raise TargetError(f"no target is called {text[:80]!r}: {hint}allowed is {known}")


@dataclass(frozen=True)
class DictionaryEntry:
    """One sparse dictionary of the public catalogue."""

    name: str
    base: str
    """The public name of the base on whose activations it was trained."""
    layer: int
    kind: str
    """`sae`, `matryoshka`, `crosscoder` or `itda`."""
    path: Path
    description: str


@cache
def dictionaries() -> dict[str, DictionaryEntry]:
    """The sparse dictionaries that ship with the project, by public name."""
    if not CATALOGUE.exists():
        return {}
    rows = json.loads(CATALOGUE.read_text(encoding="utf-8")).get("dictionaries", [])
    root = CATALOGUE.parent
    return {
        row["name"]: DictionaryEntry(
            row["name"], row["base"], row["layer"], row["kind"], root / row["path"], row["description"]
        )
        for row in rows
    }
