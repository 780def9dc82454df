"""Everything we raise on purpose.

    MaieuticError
    ├── ToolError            a tool cannot do what was asked; the sentence goes back to the agent
    │   ├── ArgumentError    an argument is of the wrong type or out of range
    │   ├── NotGranted       the tool does more than the caller may
    │   └── TargetError      the model under study cannot be named, loaded or reached
    │       └── Cancelled    somebody pressed stop, or waited too long in the queue
    ├── GroundingError       an answer cites evidence that does not exist
    ├── AuditError           the log of what was allowed and done is not as it was written
    ├── MemoryError_         what is known about a person cannot be read or written
    ├── ModelError           the chat model that speaks for the agent is unknown or failed
    └── TrainingError        a training process failed

Every message says what came, what is allowed, and what to do.
"""


class MaieuticError(Exception):
    """Base of every error raised on purpose: its text is one sentence for a person."""


class ToolError(MaieuticError):
    """A tool cannot do what was asked; the agent hears the sentence and may try another way."""


class ArgumentError(ToolError):
    """An argument is of the wrong type or out of range."""


class NotGranted(ToolError):
    """The tool does more than the caller may."""


class TargetError(ToolError):
    """The model under study cannot be named, loaded or reached."""


class Cancelled(TargetError):
    """Somebody pressed stop, or a request waited too long for its turn."""


class GroundingError(MaieuticError):
    """An answer cites evidence that does not exist."""


class AuditError(MaieuticError):
    """The log of what was allowed and done is not as it was written."""


class MemoryError_(MaieuticError):
    """What is known about a person cannot be read or written."""


class NotYours(MaieuticError):
    """A conversation belongs to another person."""


class ModelError(MaieuticError):
    """The chat model that speaks for the agent is unknown or failed."""


class TrainingError(MaieuticError):
    """A training process failed."""
