"""LightningModule that scores decoded text: in validation, in a test, and what it predicts."""

from __future__ import annotations

from collections.abc import Sequence

from seqtext import checkpoint
from seqtext.data.batch import Batch
from seqtext.data.corpus import Example
from seqtext.data.tokenizer import Tokenizers
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import texts
from seqtext.metrics import BleuTokenize
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.search.config import SearchConfig
from seqtext.tasks import Outputs, Scoring, TextTask, describe_measurement
from seqtext.training.data import data_of
from seqtext.training.module import TextModule

GREEDY = SearchConfig(beam_size=1)  # of validation


class DecodingModule(TextModule[Batch, Tokenizers]):
    """Decodes sentences on all ranks, and scores them by the task's metrics."""

    task: TextTask
    network: EncoderDecoder | None
    tokenizers: Tokenizers | None
    search: SearchConfig  # of a test
    decode_sentences: int  # of a validation
    bleu_tokenize: BleuTokenize
    _decoded: Outputs | None  # of the validation or test at hand
    # of this rank's batches, where no data module has the texts
    _own: list[Example]
    _hypotheses: list[str]

    def generator(self) -> Generator:
        """The network as it is, ready to decode."""
        assert self.network is not None
        assert self.tokenizers is not None
        return Generator(
            [self.network],
            self.tokenizers,
            source_limit=self.source_limit,
            searches=[self.search],
        )

    @property
    def scoring(self) -> Scoring:
        """How outputs are scored."""
        assert self.tokenizers is not None
        symbols = checkpoint.symbols_of(self.tokenizers.target)
        return Scoring(bleu_tokenize=self.bleu_tokenize, symbols=symbols)

    def predict_step(self, batch: Sequence[str] | Batch, batch_idx: int) -> list[str]:
        """Decode source texts, or the sources of a batch, with the search of ``seqtext generate``."""
        if isinstance(batch, Batch):
            batch = [source for source, _ in self._texts_of(batch)]
        return texts(self.generator().search(batch, self.search))

    # --- validation ---------------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        """Decode sentences. At the epoch's end weight averaging has swapped the weights back."""
        self.begin_evaluation()
        data = data_of(self.trainer)
        if data is not None and self.decode_sentences:
            merged = self.task.merges_sources
            examples = data.validation_examples(self.decode_sentences, merged=merged)
            self._decoded = self._decode(examples, GREEDY)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add up the loss, without smoothing. Decode the batch where no data module has its texts."""
        super().validation_step(batch, batch_idx)
        if data_of(self.trainer) is None:
            left = self.decode_sentences - len(self._own)
            self._decode_batch(self._texts_of(batch)[: max(left, 0)], GREEDY)

    def on_validation_epoch_end(self) -> None:
        """Log ``val_loss``, and the task's scores of freely decoded sentences."""
        super().on_validation_epoch_end()
        if (outputs := self._outputs()) is None:
            return
        for key, score in self.task.validate(outputs, self.scoring).items():
            self.log(key, score)
        self.samples = [
            (source, several[0], hypothesis)
            for source, hypothesis, several in zip(*outputs, strict=True)
        ]
        self.say_once(
            lambda: describe_measurement(
                self.task.describe_validation(outputs.references, self.scoring),
                len(outputs.hypotheses),
                GREEDY.describe(),
            )
        )

    # --- test ---------------------------------------------------------------------------------------

    def on_test_epoch_start(self) -> None:
        """Decode the test set with the search of ``seqtext test``."""
        self.begin_evaluation()
        if (data := data_of(self.trainer)) is not None:
            examples = data.test_examples(merged=self.task.merges_sources)
            self._decoded = self._decode(examples, self.search)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add up the loss, without smoothing. Decode the batch where no data module has its texts."""
        super().test_step(batch, batch_idx)
        if data_of(self.trainer) is None:
            self._decode_batch(self._texts_of(batch), self.search)

    def on_test_epoch_end(self) -> None:
        """Log ``test_loss``, and the scores of ``seqtext test`` with ``test_`` before their names."""
        super().on_test_epoch_end()
        if (outputs := self._outputs()) is None:
            return
        for name, score in self.task.test(outputs, self.scoring).items():
            if isinstance(score, int | float):
                self.log(f"test_{name}", float(score))

    # --- decoding -----------------------------------------------------------------------------------

    def begin_evaluation(self) -> None:
        """Forget what an earlier validation or test has decoded."""
        self._decoded, self._own, self._hypotheses = None, [], []

    def _decode(self, examples: Sequence[Example], config: SearchConfig) -> Outputs:
        """Decode the sources of examples that every rank has, each rank its share."""
        sources, references = [text for text, _ in examples], [several for _, several in examples]
        rank, ranks = self.global_rank, self.trainer.world_size
        mine = texts(self.generator().search(sources[rank::ranks], config))
        hypotheses = [""] * len(sources)
        for other, decoded in enumerate(self.gather(mine)):
            hypotheses[other::ranks] = decoded
        return Outputs(sources, hypotheses, references)

    def _decode_batch(self, examples: list[Example], config: SearchConfig) -> None:
        """Decode the sources of examples that this rank alone has."""
        self._own += examples
        self._hypotheses += texts(self.generator().search([text for text, _ in examples], config))

    def _outputs(self) -> Outputs | None:
        """What was decoded, on all ranks. None if nothing was."""
        if data_of(self.trainer) is None:
            ranks = self.gather(list(zip(self._own, self._hypotheses, strict=True)))
            rows = [row for rank in ranks for row in rank]
            if rows:
                sources, references = zip(*(example for example, _ in rows), strict=True)
                self._decoded = Outputs(sources, [hypothesis for _, hypothesis in rows], references)
        return self._decoded

    def _texts_of(self, batch: Batch) -> list[Example]:
        """Sources of a batch and their references, decoded. A word that is to be copied is left out."""
        assert self.tokenizers is not None
        return [
            (self.tokenizers.source.text_of(source), [self.tokenizers.target.text_of(target)])
            for source, target in zip(batch.source.tolist(), batch.labels.tolist(), strict=True)
        ]
