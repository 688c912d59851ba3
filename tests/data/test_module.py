"""The base of the data modules: what a child has to say, and nothing more."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqtext.data.bucketing import Lengths
from seqtext.data.labelled import LabelsDataModule
from seqtext.data.left_out import Reasons
from seqtext.data.module import TextDataModule
from seqtext.data.pairs import PairsDataModule
from seqtext.data.tokenizer import TokenizerConfig, Tokenizers
from seqtext.data.tokenizer.building import TokenizerBuilder


@pytest.mark.parametrize("child", [PairsDataModule, LabelsDataModule])
def test_children_override_no_private_method(child: type) -> None:
    private = {name for name in vars(child) if name.startswith("_") and not name.startswith("__")}
    assert private & vars(TextDataModule).keys() <= {"_abc_impl"}


class OwnDataModule(TextDataModule[Tokenizers]):
    """As little as a child can be: pairs whose source has at least ten pieces."""

    rows_are, labelled = "rows", False

    def build_tokenizers(self, builder: TokenizerBuilder) -> Tokenizers:
        return builder.pair()

    def reasons_to_leave_out(self, source: Lengths, target: Lengths) -> Reasons:
        return {"short": source < 10}


def test_a_child_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = OwnDataModule(
        {"train": "builtin:train:60", "validation": "split:10"},
        columns=("en", "de"),
        sampling_temperature=None,
        tokenizer=TokenizerConfig(vocab_size=300, byte_fallback=False),
        batch_tokens=None,
        batch_size=8,
        source_limit=None,
        shuffle_buffer=None,
        num_workers=0,
        preprocessing_workers=1,
        seed=1,
        cache_dir=str(tmp_path),
    )
    data.prepare_data()
    data.setup("fit")
    lengths = [int(n) for batch in data.train_dataloader() for n in batch.source_lengths]
    assert min(lengths) == 10 + 1  # with eos
    left_out = 60 - 10 - len(lengths)
    assert left_out > 0 and len(data.validation_examples(99)) == 10
    message = capsys.readouterr().err
    assert f"data: {left_out} of 60 training rows left out ({left_out} short)" in message
