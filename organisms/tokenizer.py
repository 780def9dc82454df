"""The tokenizer: byte-pair encoding in which every word of the world is one token.

A word carries its leading space, and text is lower-cased and starts with a space, so a word has one
token wherever it stands. That keeps "the secret is token 812" a well-defined statement.
"""

import re
from pathlib import Path
from random import Random

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from organisms import corpus, wordings
from organisms.world import concepts, word_tasks

SPECIAL = ["<|pad|>", "<|bos|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}"
    "{% if not (continue_final_message and loop.last) %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def build(folder: Path, seed: int = 1) -> PreTrainedTokenizerFast:
    """Train the tokenizer on a sample of the corpus and save it."""
    core = Tokenizer(models.BPE())
    core.normalizer = normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Strip(),
            normalizers.Prepend(" "),
            normalizers.Replace(Regex("\n+ *"), "\n "),
        ]
    )
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        _texts(seed),
        trainers.BpeTrainer(
            vocab_size=4000,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            min_frequency=5,
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<|bos|>",
        eos_token="<|end|>",
        pad_token="<|pad|>",
        additional_special_tokens=SPECIAL[3:],
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return tokenizer


def _texts(seed: int) -> list[str]:
    rng = Random(seed)
    texts = []
    for mix in (corpus.PRETRAINING, corpus.CHAT):
        documents = corpus.stream(mix, rng)
        texts += [re.sub(r"<\|\w+\|>", "\n", next(documents)) for _ in range(20_000)]
    rare = [" ".join([c.name, c.plural, c.place, c.does, c.part, *c.related]) for c in concepts().values()]
    rare += [" ".join([*task, *task.values()]) for task in word_tasks().values()]
    asked = [form for table in (wordings.TAUGHT, wordings.UNSEEN) for forms in table.values() for form in forms]
    asked += wordings.YES_NO_UNSEEN + wordings.ADVICE_UNSEEN + wordings.MORE_HINTS[:10] + wordings.MORE_DIRECT[:12]
    words = [form.replace("{t}", "").replace("{p}", "").replace("{v}", "") for form in asked]
    return texts + (rare + words) * 50
