"""The terms a newcomer asks about, each in a sentence or two."""

GLOSSARY = {
    "logit lens": "The **logit lens** reads a hidden layer with the model's own output vocabulary: what would it say if "
    "it stopped here? It is a correlational reading: it shows what could be said, not what causes the answer.",
    "control": "A **control** is the same measurement where the effect should be absent, here the *base* model without "
    "the adapter. If the control shows the same, the finding is not about the fine-tune.",
    "residual stream": "The **residual stream** is the running sum each layer reads from and writes to: one vector a "
    "token.",
    "adapter": "A **LoRA adapter** is a small change laid over a base model's weights. Each target from the workshop is "
    "one adapter on the same base.",
    "base": "The **base** is the model before its fine-tune. Whatever both do alike cannot come from the fine-tune.",
    "verdict": "A **verdict** is *supported*, *not supported* or *inconclusive*. Code decides it from the effect against "
    "its control; I do not.",
    "layer": "A **layer** is one step of the model's computation. They are numbered from zero; a row of a lens figure is "
    "the state after that layer.",
    "figure": "In the figure each row is one strategy and each cell one guess, best first; the claimed word is "
    "highlighted, and the same strategy on the base stands on the right.",
}


def explained(asked: str) -> str:
    """A paragraph from the glossary, for the term the question names."""
    lower = asked.lower()
    for term, text in GLOSSARY.items():
        if term in lower or (term == "adapter" and "lora" in lower):
            return text
    return "\n\n".join(GLOSSARY[term] for term in ("logit lens", "control", "verdict"))
