"""What fits into one message of a person."""

from evidence.errors import MaieuticError

LONGEST = 8000
"""Characters of one message."""


def fitting(text: str) -> str:
    """The message without space around it.

    Raises:
        MaieuticError: it is empty or too long.
    """
    if not text.strip():
        raise MaieuticError("the message is empty: ask me something, for example what word the target hides")
    if len(text) > LONGEST:
        raise MaieuticError(f"the message has {len(text)} characters: at most {LONGEST} are read, please shorten it")
    return text.strip()
